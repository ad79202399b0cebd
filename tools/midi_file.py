"""Write Standard MIDI files and play them through FluidSynth, for the tools that render music."""

from __future__ import annotations

import struct
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

# imported late: music21's environment need not have retrotone
if TYPE_CHECKING:
    from retrotone.audio.audio import Audio

SOUNDFONT = Path("/usr/share/sounds/sf2/FluidR3_GM.sf2")
# per beat
TICKS = 480
DRUM_CHANNEL = 9

Events = list[tuple[int, bytes]]
"""Times in ticks and messages, in any order."""


def midi_file(tracks: list[Events], rest: int) -> bytes:
    """Return a file of format 1 whose tracks sound on for some beats after their last event."""
    parts = [_track(events, rest) for events in tracks]
    return b"MThd" + struct.pack(">IHHH", 6, 1, len(parts), TICKS) + b"".join(parts)


def tempo_track(tempo: float) -> Events:
    """Return the first track: a tempo in beats per minute."""
    return [(0, b"\xff\x51\x03" + round(60e6 / tempo).to_bytes(3, "big"))]


def melodic_channels() -> Iterator[int]:
    """Yield the channels that are not for drums."""
    return (channel for channel in range(16) if channel != DRUM_CHANNEL)


def program(channel: int, number: int) -> Events:
    """Return the choice of a General MIDI program, from 0."""
    return [(0, bytes([0xC0 | channel, number]))]


def controllers(channel: int, values: Iterable[tuple[int, int]]) -> Events:
    """Return the initial values of controllers, as pairs of number and value."""
    return [(0, bytes([0xB0 | channel, number, value])) for number, value in values]


def note(channel: int, start: float, end: float, pitch: int, velocity: int) -> Events:
    """Return a note from `start` to `end`, in beats; the velocity is limited to 1 to 127."""
    velocity = min(max(velocity, 1), 127)
    return [
        (round(start * TICKS), bytes([0x90 | channel, pitch, velocity])),
        (round(end * TICKS), bytes([0x80 | channel, pitch, 0])),
    ]


def synthesised(
    midi: bytes, soundfont: Path, sample_rate: int, gain: float, settings: Iterable[str], seconds: float | None = None
) -> Audio:
    """Play a file through FluidSynth.

    Parameters
    ----------
    midi : bytes
    soundfont : Path
    sample_rate : int
        In Hz.
    gain : float
        Of FluidSynth's ``-g``.
    settings : iterable of str
        Further ones, as "synth.polyphony=128".
    seconds : float, optional
        No more than this is read.
    """
    from retrotone.audio.audio import load

    with tempfile.TemporaryDirectory() as folder:
        score, wav = Path(folder, "music.mid"), Path(folder, "music.wav")
        score.write_bytes(midi)
        command = ["fluidsynth", "-ni", "-q", "-g", str(gain), "-r", str(sample_rate), "-O", "float", "-T", "wav"]
        options = [word for setting in settings for word in ("-o", setting)]
        subprocess.run([*command, *options, "-F", str(wav), str(soundfont), str(score)], check=True)
        return load(wav, seconds)


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
