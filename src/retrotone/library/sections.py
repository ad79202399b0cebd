"""The sound of a track: a file, or the section of it that a cue sheet calls a track."""

from __future__ import annotations

from collections.abc import Iterator

from retrotone.audio.files import BLOCK_FRAMES, AudioFile
from retrotone.errors import AudioError
from retrotone.library.files import Place
from retrotone.types import Block
from retrotone.utils.text import clock


def open_place(place: Place, start: float | None = None, end: float | None = None) -> AudioFile:
    """Open the sound of a track.

    Parameters
    ----------
    place : Place
    start, end : float or None
        Of a cue sheet's track, where it lies in the file, in seconds; without an end it lasts to that of the file.

    Raises
    ------
    AudioError
        See `AudioFile`; or the file ends before the track begins.
    """
    return AudioFile(place.path) if start is None else _Section(place, start, end)


class _Section(AudioFile):
    """A cue sheet's track, read as a file of its own is; see `open_place`."""

    def __init__(self, place: Place, start: float, end: float | None) -> None:
        super().__init__(place.path)
        self._place, self._start, whole = place, start, self.duration
        self.frames = round((min(whole if end is None else end, whole) - start) * self.sample_rate)
        if self.frames <= 0:
            raise AudioError(
                f"{place} begins at {clock(start)}, but its file ends at {clock(whole)}: correct the cue sheet"
            )

    @property
    def name(self) -> str:
        """The place, for messages."""
        return str(self._place)

    def blocks(self) -> Iterator[Block]:
        """Yield float32 blocks of shape (channels, n), n <= BLOCK_FRAMES; AudioError for NaN or infinity."""
        for first in range(0, self.frames, BLOCK_FRAMES):
            yield self.excerpt(first / self.sample_rate, BLOCK_FRAMES / self.sample_rate)

    def excerpt(self, start: float, seconds: float) -> Block:
        """Return the samples from a time of the track on; see `AudioFile.excerpt`."""
        return super().excerpt(self._start + start, min(seconds, self.duration - start))
