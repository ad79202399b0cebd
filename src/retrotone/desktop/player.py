"""The player: several versions of a song in time with each other, and a switch between them without a gap."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Length of the crossfade at a switch: 6 ms at 44.1 kHz, too short to hear and long enough not to click.
FADE_FRAMES = 256
BUFFER_MS = 100

Frames = NDArray[np.float32]
"""Samples in the order of the sound device, shape (frames, channels), full scale at 1."""

NO_DEVICE = "No sound device was found: connect speakers or headphones and press Play again."
NO_EXTRA = "To hear songs here, install the desktop extra: pip install 'retrotone[desktop]'."


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
    """

    def __init__(self, report_error: Callable[[str], None]) -> None:
        self._report_error = report_error
        self._versions: list[Frames] = []
        # index of the version that the last frames were taken from
        self._last_choice = 0
        self._device: Any = None
        # guards the position, which the device's thread moves, too
        self._lock = threading.Lock()
        self._opening = threading.Lock()
        self.sample_rate, self.position, self.choice, self.playing = 44_100, 0, 0, False

    @property
    def length(self) -> int:
        """Frames of the longest version."""
        return max((len(version) for version in self._versions), default=0)

    @property
    def _format(self) -> tuple[int, int]:
        """Channels and sample rate of the device."""
        return self._versions[0].shape[1] if self._versions else 2, self.sample_rate

    def load(self, versions: Sequence[Frames], sample_rate: int) -> None:
        """Replace the versions; if the first stays the same array, playback goes on at the same position.

        Parameters
        ----------
        versions : sequence of ndarray, shape (frames, channels), float32
        sample_rate : int
            In Hz.
        """
        same = bool(self._versions and versions and versions[0] is self._versions[0])
        if not same:
            self.stop()
            self.position = 0
        self._versions, self.sample_rate = list(versions), sample_rate
        self.choice = min(self.choice, max(len(versions) - 1, 0)) if same else 0
        self._last_choice = min(self._last_choice, max(len(versions) - 1, 0)) if same else 0

    def play(self) -> None:
        """Start or resume."""
        if self._versions and not self.playing:
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
        """Go to a position, as a fraction of the length."""
        with self._lock:
            self.position = round(min(max(fraction, 0.0), 1.0) * self.length)

    def frames(self, count: int) -> Frames:
        """Return the next frames of the chosen version, shape (count, channels), and advance the position.

        Silence while paused and after the end, where playback stops.
        """
        with self._lock:
            return self._next(count)

    def _next(self, count: int) -> Frames:
        versions, chosen = self._versions, self.choice
        result = np.zeros((count, self._format[0]), np.float32)
        if not self.playing or not versions:
            return result
        start = self.position
        part = versions[chosen][start : start + count]
        result[: len(part)] = part
        if chosen != self._last_choice:
            # crossfade from the version before, at the same position
            fade = min(FADE_FRAMES, count)
            before = versions[self._last_choice][start : start + fade]
            gain = np.linspace(0, 1, fade, dtype=np.float32)[:, None]
            result[:fade] *= gain
            result[: len(before)] += before * (1 - gain[: len(before)])
            self._last_choice = chosen
        self.position = start + count
        if self.position >= self.length:
            self.position, self.playing = self.length, False
        return result

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
            count = yield self.frames(count).tobytes()
