"""Read sound files block by block."""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import soundfile

from retrotone.audio import ffmpeg
from retrotone.errors import AudioError
from retrotone.types import Block

# about 12 s at 44.1 kHz: 4 MB of stereo float32
BLOCK_FRAMES = 1 << 19
MIN_RATE, MAX_RATE = 8_000, 192_000
MAX_CHANNELS = 2
# of the files that a folder is searched for; what a file holds is told by its content
SUFFIXES = frozenset([".wav", ".flac", ".aiff", ".aif", ".ogg", ".opus", ".mp3", ".au", ".m4a", ".aac", ".mp4", ".wma"])
FFMPEG_SUFFIXES = {".m4a", ".aac", ".mp4", ".wma"}


class AudioFile:
    """A sound file on disk, read in blocks; nothing is decoded before `blocks` or `excerpt` is called.

    Parameters
    ----------
    path : str or Path
        WAV, FLAC, OGG, MP3, Opus or AIFF; M4A, AAC and WMA with the ``ffmpeg`` extra.

    Attributes
    ----------
    sample_rate, channels, frames : int
        `frames` is what the header says. It is an estimate for an MP3 without such a header, and too large for a
        file that was cut short: where it matters, count the frames that `blocks` yields.

    Raises
    ------
    AudioError
        Missing, unreadable, not audio, empty, over two channels, or a rate outside 8-192 kHz.
    MissingExtraError
        The format needs the ``ffmpeg`` extra.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        _check_readable(self.path)
        self._ffmpeg = self.path.suffix.lower() in FFMPEG_SUFFIXES
        if self._ffmpeg:
            self.sample_rate, self.channels, self.frames = ffmpeg.probe(self.path)
        else:
            try:
                info = soundfile.info(native(self.path))
            except (soundfile.LibsndfileError, RuntimeError) as error:
                raise AudioError(
                    f"{self.path} is not a sound file that can be decoded: use WAV, FLAC, OGG, MP3, Opus or AIFF"
                ) from error
            self.sample_rate, self.channels, self.frames = info.samplerate, info.channels, info.frames
        check_shape(str(self.path), self.channels, self.frames, self.sample_rate)

    @property
    def name(self) -> str:
        """The path, for messages."""
        return str(self.path)

    @property
    def duration(self) -> float:
        """Seconds, by the header."""
        return self.frames / self.sample_rate

    def blocks(self) -> Iterator[Block]:
        """Yield float32 blocks of shape (channels, n), n <= BLOCK_FRAMES; AudioError for NaN or infinity."""
        decode = ffmpeg.decode if self._ffmpeg else _decode_soundfile
        total = 0
        for block in decode(self.path):
            check_finite(self.name, block)
            total += block.shape[1]
            yield block
        if total == 0:
            raise AudioError(f"{self.path} holds no samples: export it again")

    def excerpt(self, start: float, seconds: float) -> Block:
        """Return the samples from a time on, without decoding what comes before.

        The position is exact, except in M4A, AAC and WMA, where it may be off by a packet (0.1 s).

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
            The file is damaged, or holds NaN or infinite samples.
        """
        first, count = round(start * self.sample_rate), round(seconds * self.sample_rate)
        if self._ffmpeg:
            blocks = first_frames(ffmpeg.decode(self.path, start), count)
            samples = np.concatenate([np.zeros((self.channels, 0), np.float32), *blocks], axis=1)
        else:
            samples = _read_soundfile(self.path, first, count)
        check_finite(self.name, samples)
        return samples


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


def check_finite(name: str, block: Block) -> None:
    """Raise AudioError if a sample is NaN or infinite."""
    if not np.isfinite(block).all():
        raise AudioError(f"{name} contains NaN or infinite samples: export it again")


def _check_readable(path: Path) -> None:
    """Raise AudioError unless there is a regular, readable file that is not empty."""
    try:
        status = path.stat()
    # ValueError: the path holds NUL
    except (FileNotFoundError, NotADirectoryError, ValueError):
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


def native(path: Path) -> str | bytes:
    """Return a path as libsndfile takes it: as bytes, since a name need not be UTF-8; as text on Windows."""
    return str(path) if os.name == "nt" else os.fsencode(path)


def _decode_soundfile(path: Path) -> Iterator[Block]:
    try:
        with soundfile.SoundFile(_Endless(path) if _is_mp3_without_length(path) else native(path)) as file:
            while len(block := file.read(BLOCK_FRAMES, dtype="float32", always_2d=True)):
                yield block.T
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise AudioError(f"{path} is damaged and cannot be decoded: export it again") from error


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


def _read_soundfile(path: Path, first: int, count: int) -> Block:
    try:
        with soundfile.SoundFile(native(path)) as file:
            file.seek(min(first, file.frames))
            samples: Block = file.read(count, dtype="float32", always_2d=True).T
            return samples
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise AudioError(f"{path} is damaged and cannot be decoded: export it again") from error


class _Endless(io.FileIO):
    """A file that reports a far greater length than it has.

    libsndfile estimates the length of an MP3 without a Xing header from the size of its first frame, and stops there:
    half of a variable-rate recording can be lost. With too high an estimate it reads to the end.
    """

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        self._at_end = whence == os.SEEK_END
        return super().seek(offset, whence)

    def tell(self) -> int:
        return super().tell() * (1000 if self._at_end else 1)

    _at_end = False


def _is_mp3_without_length(path: Path) -> bool:
    if path.suffix.lower() != ".mp3":
        return False
    with path.open("rb") as file:
        tag = file.read(10)
        # the size of an ID3 tag stands in bytes of seven bits
        if tag[:3] == b"ID3":
            file.seek(10 + sum(byte << shift for byte, shift in zip(tag[6:], (21, 14, 7, 0), strict=True)))
        else:
            file.seek(0)
        first_frame = file.read(2048)
    return not any(name in first_frame for name in (b"Xing", b"Info", b"VBRI"))
