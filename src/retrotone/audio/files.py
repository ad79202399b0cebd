"""Read sound files block by block."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from retrotone.audio.clicks import LOUDEST_USUAL, largest, mended
from retrotone.audio.downmix import mixed_down, stereo_matrix
from retrotone.audio.reading.chain import Chain
from retrotone.audio.reading.ffmpeg import FfmpegReader
from retrotone.audio.reading.libsndfile import LibsndfileReader
from retrotone.audio.reading.opening import COARSE_SECONDS, MAX_MIXED_CHANNELS, TOLERANCE_SECONDS, open_reader
from retrotone.errors import AudioError
from retrotone.types import Block
from retrotone.utils.logs import log
from retrotone.utils.text import url_in

# about 12 s at 44.1 kHz: 4 MB of stereo float32
BLOCK_FRAMES = 1 << 19
MIN_RATE, MAX_RATE = 8_000, 192_000
# Higher rates, of DSD, whose noise begins above 20 kHz, and of studios, are halved until they are at most the last.
MAX_REDUCED_RATE, REDUCED_RATE = 768_000, 96_000
# more are mixed down
MAX_CHANNELS = 2
# of the files that a folder is searched for; what a file holds is told by its content
SUFFIXES = frozenset(
    (
        *(".wav", ".bwf", ".rf64", ".w64", ".aiff", ".aif", ".aifc", ".au", ".caf", ".flac", ".ogg", ".oga", ".opus"),
        *(".spx", ".mp3", ".mp2", ".m4a", ".m4b", ".mp4", ".aac", ".ac3", ".eac3", ".dts", ".wma", ".asf", ".ape"),
        *(".wv", ".tta", ".tak", ".shn", ".mpc", ".dsf", ".dff", ".mka", ".webm"),
    )
)


class AudioFile:
    """A sound file on disk, read in blocks; nothing is decoded before `blocks` or `excerpt` is called.

    What the file holds is told by its content, never by its name, and a header is a hint: all sound that is there is
    read. More than two channels are mixed down to stereo (`downmix`), and rates above 192 kHz, as DSD has them, are
    halved to 96 kHz or less, with one line in the log.

    Parameters
    ----------
    path : str or Path
        Any format of FFmpeg or libsndfile: WAV, FLAC, OGG, MP3, Opus, AIFF, M4A, AAC, WMA, APE, WavPack, CAF ...
    strict : bool
        Refuse a damaged file, instead of reading what is there.

    Attributes
    ----------
    sample_rate, channels, frames : int
        `frames` is how many there are, by what the file holds where its header is wrong. Damage within the file is
        only found by decoding it: then `blocks` yields fewer.
    exact : bool
        Whether `frames` is exact to the sample, or by a clock that ticks in milliseconds.
    damage : str or None
        What is wrong, as "is damaged: 3.0 s of the 5.0 s that its header promises can be read"; more may be found in
        reading.

    Raises
    ------
    AudioError
        Missing, unreadable, not audio, empty, a rate outside 8-768 kHz or, with `strict`, damaged.
    """

    def __init__(self, path: str | os.PathLike[str], strict: bool = False) -> None:
        self.path, self._strict = Path(path), strict
        _check_readable(self.path)
        self._reader = open_reader(self.path)
        self._original_rate = self._reader.sample_rate
        if MAX_RATE < self._original_rate <= MAX_REDUCED_RATE:
            self._reader = Chain([self._reader], self._reader.whole, _reduced(self._original_rate))
        self.sample_rate, self.frames, self.exact = self._reader.sample_rate, self._reader.frames, self._reader.exact
        if self._reader.channels > MAX_MIXED_CHANNELS:
            raise AudioError(f"{self.path} has {self._reader.channels} channels: mix it down to mono or stereo first")
        self.channels = min(self._reader.channels, MAX_CHANNELS)
        check_shape(str(self.path), self.channels, self.frames, self.sample_rate)
        self._told: set[str] = set()
        self.damage: str | None = None
        self._compare(self.frames, self._reader.promised)
        if not self.damage and not self._reader.whole:
            self._set_damage(f"was cut: it has no end, and {self.duration:.1f} s are there")

    @property
    def name(self) -> str:
        """The path, for messages."""
        return str(self.path)

    @property
    def duration(self) -> float:
        """Seconds, as exact as `frames`."""
        return self.frames / self.sample_rate

    def blocks(self) -> Iterator[Block]:
        """Yield float32 blocks of shape (channels, n), n <= BLOCK_FRAMES; AudioError for NaN or infinity."""
        total = 0
        for block in self._decoded():
            total += block.shape[1]
            yield self._checked(block)
        if total == 0:
            raise AudioError(f"{self.path} holds no samples: export it again")
        self._compare(total, self._reader.promised or self.frames)
        self._tell_damage()

    def excerpt(self, start: float, seconds: float) -> Block:
        """Return the samples from a time on; what comes before is decoded only where a file has no index.

        The position is exact in WAV, AIFF, FLAC, OGG and MP3; in other formats it may be off by a packet (0.1 s).

        Parameters
        ----------
        start, seconds : float
            Where it begins and how long it lasts, in seconds.

        Returns
        -------
        ndarray, shape (channels, n), float32
            Shorter, or empty, beyond the end of the recording.

        Raises
        ------
        AudioError
            The file holds NaN or infinite samples, or cannot be decoded.
        """
        first, count = round(start * self.sample_rate), round(seconds * self.sample_rate)
        blocks = list(first_frames(self._decoded(first, max(count, 1)), count))
        if not blocks:
            return np.zeros((self.channels, 0), np.float32)
        return self._checked(blocks[0] if len(blocks) == 1 else np.concatenate(blocks, axis=1))

    def _decoded(self, start: int = 0, block_frames: int = BLOCK_FRAMES) -> Iterator[Block]:
        """Yield the samples of all channels; where libsndfile finds damage, FFmpeg reads on."""
        position = start
        # it may have been deleted since
        _check_readable(self.path)
        self._tell_damage()
        if self.sample_rate != self._original_rate:
            self._tell(f"{self.path} has a rate of {self._original_rate:,} Hz: read at {self.sample_rate:,} Hz")
        try:
            # no larger in memory than stereo
            frames = max(block_frames * MAX_CHANNELS // max(self._reader.channels, MAX_CHANNELS), 1)
            for block in self._reader.blocks(frames, start):
                position += block.shape[1]
                yield block
        except AudioError:
            if not isinstance(self._reader, LibsndfileReader):
                raise
            other = FfmpegReader(self.path)
            other.ignore_index()
            yield from other.blocks(block_frames, position)

    def _checked(self, block: Block) -> Block:
        if check_finite(self.name, block) > LOUDEST_USUAL:
            block, clicks = mended(block)
            if clicks:
                self._tell(f"{self.path} holds samples far beyond full scale: they were mended as clicks")
        if self._reader.channels <= MAX_CHANNELS:
            return block
        self._tell(f"{self.path} has {self._reader.channels} channels: mixed down to stereo (ITU-R BS.775)")
        return mixed_down(block, stereo_matrix(self._reader.channels, self._reader.layout))

    def _compare(self, frames: int, promised: int | None) -> None:
        """Note as damage that much fewer frames are there than were promised."""
        tolerance_seconds = TOLERANCE_SECONDS if self.exact else COARSE_SECONDS
        if promised and promised - frames > tolerance_seconds * self.sample_rate:
            there, wanted = frames / self.sample_rate, promised / self.sample_rate
            self._set_damage(f"is damaged: {there:.1f} s of the {wanted:.1f} s that its header promises can be read")

    def _set_damage(self, damage: str) -> None:
        if self._strict:
            raise AudioError(f"{self.path} {damage}: export it again, or leave out strict to use what is there")
        self.damage = damage

    def _tell_damage(self) -> None:
        if self.damage:
            self._tell(f"{self.path} {self.damage}")

    def _tell(self, line: str) -> None:
        """Log a line, once."""
        if line not in self._told:
            self._told.add(line)
            log.warning("%s", line)


def _reduced(rate: int) -> int:
    """Return a rate halved until it is at most REDUCED_RATE."""
    while rate > REDUCED_RATE:
        rate //= 2
    return rate


def check_shape(name: str, channels: int, frames: int, sample_rate: int) -> None:
    """Check what retrotone can process: one or two channels, at least one frame, a rate of 8 to 192 kHz.

    Parameters
    ----------
    name : str
        How the message calls the recording.
    channels, frames : int
    sample_rate : int
        In Hz.

    Raises
    ------
    AudioError
        One of them is out of range.
    """
    if channels > MAX_CHANNELS:
        raise AudioError(f"{name} has {channels} channels: mix it down to mono or stereo first")
    if frames == 0 or channels == 0:
        raise AudioError(f"{name} holds no samples: export it again")
    if not MIN_RATE <= sample_rate <= MAX_RATE:
        raise AudioError(f"{name} has a rate of {sample_rate} Hz: resample it to 8,000-192,000 Hz first")


def check_finite(name: str, block: Block) -> float:
    """Return the largest magnitude of the samples; AudioError if one is NaN or infinite."""
    size = largest(block)
    if not np.isfinite(size):
        raise AudioError(f"{name} contains NaN or infinite samples: export it again")
    return size


def _check_readable(path: Path) -> None:
    """Raise AudioError unless there is a regular, readable file that is not empty."""
    try:
        status = path.stat()
    # ValueError: the path holds NUL
    except (FileNotFoundError, NotADirectoryError, ValueError):
        if url := url_in(path):
            raise AudioError(f"{url} is a URL: download it, and name the file") from None
        if path == Path("-"):
            raise AudioError("- is not read as standard input: save the sound to a file, and name that") from None
        raise AudioError(f"{path} does not exist: check the path") from None
    except OSError as error:
        raise AudioError(
            f"{path} cannot be read ({error.strerror}): check the path and the permissions on the way"
        ) from error
    if stat.S_ISDIR(status.st_mode):
        raise AudioError(f"{path} is a folder: name a sound file")
    # opening a pipe would wait for its writer
    if not stat.S_ISREG(status.st_mode):
        raise AudioError(f"{path} is a pipe or device: name a sound file")
    if not os.access(path, os.R_OK):
        raise AudioError(f"{path} cannot be read: check its permissions")
    if status.st_size == 0:
        raise AudioError(f"{path} is empty (0 bytes): export it again")


def first_frames(blocks: Iterable[Block], frames: int | None) -> Iterator[Block]:
    """Yield blocks until they add up to `frames` (None: all of them); the rest of the stream is not decoded.

    >>> stream = iter([np.zeros((1, 5)), np.zeros((1, 5)), np.zeros((1, 5))])
    >>> [block.shape for block in first_frames(stream, 7)], len(list(stream))
    ([(1, 5), (1, 2)], 1)
    """
    left = frames
    for block in blocks:
        yield block[:, :left]
        if left is not None:
            left -= block.shape[1]
            if left <= 0:
                return
