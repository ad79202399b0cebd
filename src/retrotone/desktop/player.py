"""The player: several versions of a song in time with each other, and a switch between them without a gap."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Length of the crossfade at a switch: 6 ms at 44.1 kHz, too short to hear and long enough not to click.
FADE_FRAMES = 256
BUFFER_MS = 100
# A device that asked for nothing so long is gone, as with its sound server; a paused one plays silence.
LOST_SECONDS = 1.0

Frames = NDArray[np.float32]
"""Samples in the order of the sound device, shape (frames, channels), full scale at 1."""

NO_DEVICE = "No sound device was found: connect speakers or headphones and press Play again."
NO_EXTRA = "To hear songs here, install the desktop extra: pip install 'retrotone[desktop]'."


@dataclass(frozen=True, eq=False)
class Clip:
    """A version of a recording, or an excerpt of one.

    Attributes
    ----------
    frames : ndarray, shape (frames, channels), float32
    start : int
        Frame of the recording at which it begins.
    """

    frames: Frames
    start: int = 0

    def part(self, position: int, count: int) -> Frames:
        """Return up to `count` frames from a position of the recording on; none outside the excerpt."""
        first = position - self.start
        return self.frames[first : first + count] if first >= 0 else self.frames[:0]


class Player:
    """Plays versions of one recording; none of its methods waits for the sound device.

    Parameters
    ----------
    report_error : callable
        Called with a sentence that says why nothing can be played, from another thread.

    Attributes
    ----------
    sample_rate : int
        In Hz.
    position : int
        The next frame to play.
    choice : int
        Index of the version to play.
    playing : bool
    loop : (int, int) or None
        Frames between which playback goes round.
    """

    def __init__(self, report_error: Callable[[str], None]) -> None:
        self._report_error = report_error
        self._versions: list[Clip] = []
        # the clip that was played last, and the frame that follows there; None after silence
        self._last: tuple[Clip, int] | None = None
        self._device: Any = None
        # when the device asked for frames last
        self._asked = 0.0
        # guards the position, which the device's thread moves, too
        self._lock = threading.Lock()
        self._opening = threading.Lock()
        self.sample_rate, self.position, self.choice, self.playing = 44_100, 0, 0, False
        self.loop: tuple[int, int] | None = None

    @property
    def length(self) -> int:
        """Frames of the longest version."""
        return max((clip.start + len(clip.frames) for clip in self._versions), default=0)

    @property
    def _format(self) -> tuple[int, int]:
        """Channels and sample rate of the device."""
        return self._versions[0].frames.shape[1] if self._versions else 2, self.sample_rate

    def load(self, versions: Sequence[Clip], sample_rate: int) -> None:
        """Replace the versions; if the first stays the same array, playback goes on at the same position.

        Parameters
        ----------
        versions : sequence of Clip
            Where one of them has nothing at a position, playback waits for a version that has.
        sample_rate : int
            In Hz.
        """
        same = bool(self._versions and versions and versions[0].frames is self._versions[0].frames)
        if not same:
            self.stop()
            self.position, self.loop, self._last = 0, None, None
        with self._lock:
            self._versions, self.sample_rate = list(versions), sample_rate
            self.choice = min(self.choice, max(len(versions) - 1, 0)) if same else 0

    def play(self) -> None:
        """Start or resume, with another device where the one before is gone."""
        if self._versions and not self.playing:
            if time.monotonic() - self._asked > LOST_SECONDS:
                self.stop()
            if self.position >= self.length:
                self.position = 0
            self.playing = True
            threading.Thread(target=self._open, daemon=True).start()

    def pause(self) -> None:
        """Pause; the device stays open."""
        self.playing = False

    def stop(self) -> None:
        """Pause, and close the device."""
        self.playing = False
        device, self._device = self._device, None
        if device is not None:
            threading.Thread(target=device.close, daemon=True).start()

    def seek(self, fraction: float) -> None:
        """Go to a position, as a fraction of the length; the loop ends if that lies outside."""
        with self._lock:
            self.position = round(min(max(fraction, 0.0), 1.0) * self.length)
            if self.loop and not self.loop[0] <= self.position < self.loop[1]:
                self.loop = None

    def frames(self, count: int) -> Frames:
        """Return the next frames of the chosen version, shape (count, channels), and advance the position.

        Silence while paused, while a version has nothing at the position, and after the end, where playback stops.
        """
        with self._lock:
            return self._next(count)

    def _next(self, count: int) -> Frames:
        result = np.zeros((count, self._format[0]), np.float32)
        filled = 0
        while self.playing and self._versions and filled < count:
            end = self.length
            if self.loop:
                start, end = self.loop
                self.position = self.position if self.position < end else start
            clip = self._versions[self.choice]
            part = clip.part(self.position, min(count - filled, end - self.position))
            if not len(part):
                break
            self._put(result[filled:], clip, part)
            filled += len(part)
            self.position += len(part)
            self._last = clip, self.position
            if self.position >= self.length and not self.loop:
                self.playing = False
        if filled < count:
            # at its end, a song ends as it does
            if self.position < self.length:
                self._fade_out(result[filled:])
            self._last = None
        return result

    def _put(self, out: Frames, clip: Clip, part: Frames) -> None:
        """Write frames; where they do not follow what was played last, nor begin the song, fade over to them."""
        out[: len(part)] = part
        if self._last != (clip, self.position) and (self._last or self.position):
            fade = min(FADE_FRAMES, len(part))
            out[:fade] *= np.linspace(0, 1, fade, dtype=np.float32)[:, None]
            self._fade_out(out[:fade])

    def _fade_out(self, out: Frames) -> None:
        """Add what would have followed, getting softer; where its clip ends, the last frame stands still meanwhile."""
        if self._last:
            clip, position = self._last
            fade = min(FADE_FRAMES, len(out))
            part = clip.part(position - 1, fade + 1)
            following = np.pad(part, ((0, fade + 1 - len(part)), (0, 0)), mode="edge")[1:]
            out[:fade] += following * np.linspace(1, 0, fade, dtype=np.float32)[:, None]

    def _open(self) -> None:
        """Open and start the device, which may take a while: runs in a thread of its own."""
        with self._opening:
            if self._device is not None or not self._versions:
                return
            opened = channels, sample_rate = self._format
            try:
                import miniaudio

                device = miniaudio.PlaybackDevice(
                    output_format=miniaudio.SampleFormat.FLOAT32,
                    nchannels=channels,
                    sample_rate=sample_rate,
                    buffersize_msec=BUFFER_MS,
                    app_name="retrotone",
                )
                stream = self._stream()
                next(stream)
                device.start(stream)
            except ImportError:
                self.playing = False
                self._report_error(NO_EXTRA)
            # miniaudio raises its own exceptions; any of them means that nothing can be played
            except Exception:
                self.playing = False
                self._report_error(NO_DEVICE)
            else:
                if self._format == opened:
                    self._device = device
                else:
                    # another song was loaded meanwhile
                    self.playing = False
                    device.close()

    def _stream(self) -> Generator[bytes | bytearray | memoryview, int, None]:
        count = yield b""
        while True:
            self._asked = time.monotonic()
            count = yield self.frames(count).tobytes()
