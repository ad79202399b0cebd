"""The player: several versions of a song in time with each other, and a switch between them without a gap."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

FADE = 256  # frames of a crossfade at a switch: 6 ms, too short to hear and long enough not to click
BUFFER_MS = 100

Frames = NDArray[np.float32]

NO_DEVICE = "No sound device was found: connect speakers or headphones and press Play again."
NO_EXTRA = "To hear songs here, install the desktop extra: pip install 'retrotone[desktop]'."


class Player:
    """Plays versions of a recording; none of its methods waits for the sound device.

    Parameters
    ----------
    complain : callable
        Told in a sentence why nothing can be heard; called from another thread.

    Attributes
    ----------
    position : int
        The frame to come next.
    choice : int
        Which version is heard.
    playing : bool
    """

    def __init__(self, complain: Callable[[str], None]) -> None:
        self._complain = complain
        self._versions: list[Frames] = []
        self._heard = 0  # which version the last frames were of
        self._device: Any = None
        self._lock = threading.Lock()  # of the position, which the device's thread moves, too
        self._opening = threading.Lock()
        self.sample_rate, self.position, self.choice, self.playing = 44_100, 0, 0, False

    @property
    def length(self) -> int:
        """Frames of the longest version."""
        return max((len(version) for version in self._versions), default=0)

    @property
    def _format(self) -> tuple[int, int]:
        """Channels and rate of what is to be heard."""
        return self._versions[0].shape[1] if self._versions else 2, self.sample_rate

    def load(self, versions: Sequence[Frames], sample_rate: int) -> None:
        """Take other versions in, each of shape (frames, channels).

        Where the first is the one that there was, it plays on at the same moment.
        """
        same = bool(self._versions and versions and versions[0] is self._versions[0])
        if not same:
            self.stop()
            self.position = 0
        self._versions, self.sample_rate = list(versions), sample_rate
        self.choice = min(self.choice, max(len(versions) - 1, 0)) if same else 0
        self._heard = min(self._heard, max(len(versions) - 1, 0)) if same else 0

    def play(self) -> None:
        """Start or go on."""
        if self._versions and not self.playing:
            if self.position >= self.length:
                self.position = 0
            self.playing = True
            threading.Thread(target=self._open, daemon=True).start()

    def pause(self) -> None:
        """Hold."""
        self.playing = False

    def stop(self) -> None:
        """Hold, and give the device back."""
        self.playing = False
        device, self._device = self._device, None
        if device is not None:
            threading.Thread(target=device.close, daemon=True).start()

    def seek(self, share: float) -> None:
        """Go to a place, as a share of the length."""
        with self._lock:
            self.position = round(min(max(share, 0.0), 1.0) * self.length)

    def frames(self, count: int) -> Frames:
        """Return the next frames of the version that is chosen, shape (count, channels), and move on.

        Silence while it holds, and after the end, where it stops.
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
        if chosen != self._heard:  # out of the one and into the other, at the same moment
            before = versions[self._heard][start : start + min(FADE, count)]
            rise = np.linspace(0, 1, min(FADE, count), dtype=np.float32)[:, None]
            result[: len(rise)] *= rise
            result[: len(before)] += before * (1 - rise[: len(before)])
            self._heard = chosen
        self.position = start + count
        if self.position >= self.length:
            self.position, self.playing = self.length, False
        return result

    def _open(self) -> None:
        """Open the device, which may take a while, and start it."""
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
                self._complain(NO_EXTRA)
            except Exception:  # miniaudio raises its own; whatever it is, nothing can be heard
                self.playing = False
                self._complain(NO_DEVICE)
            else:
                if self._format == opened:
                    self._device = device
                else:  # another song came meanwhile
                    self.playing = False
                    device.close()

    def _stream(self) -> Generator[bytes | bytearray | memoryview, int, None]:
        count = yield b""
        while True:
            count = yield self.frames(count).tobytes()
