"""Standard MIDI files, as far as the tools that render music need them."""

from __future__ import annotations

import struct

TICKS = 480  # per beat

Events = list[tuple[int, bytes]]
"""Times in ticks and messages, in any order."""


def midi_file(tracks: list[Events], rest: int) -> bytes:
    """Return a file of format 1 whose tracks sound on for some beats after their last event."""
    parts = [_track(events, rest) for events in tracks]
    return b"MThd" + struct.pack(">IHHH", 6, 1, len(parts), TICKS) + b"".join(parts)


def _track(events: Events, rest: int) -> bytes:
    body, now = b"", 0
    # at one tick, a note ends before the next begins
    for tick, message in sorted(events, key=lambda e: (e[0], e[1][0] & 0xF0 == 0x90)):
        body += _variable_length(tick - now) + message
        now = tick
    body += _variable_length(rest * TICKS) + b"\xff\x2f\x00"
    return b"MTrk" + struct.pack(">I", len(body)) + body


def _variable_length(value: int) -> bytes:
    digits = [value & 0x7F]
    while value := value >> 7:
        digits.append(0x80 | value & 0x7F)
    return bytes(reversed(digits))
