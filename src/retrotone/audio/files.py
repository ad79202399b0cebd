"""Read and write sound files block by block; what is written appears whole or not at all."""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType

import numpy as np
import soundfile

from retrotone.audio import ffmpeg
from retrotone.audio.ogg import fix_serial
from retrotone.errors import AudioError, OutputError
from retrotone.types import Block
from retrotone.utils.files import writing
from retrotone.utils.temporary import temporary_beside

# about 12 s at 44.1 kHz: 4 MB of stereo float32
BLOCK_FRAMES = 1 << 19
MIN_RATE, MAX_RATE = 8_000, 192_000
MAX_CHANNELS = 2
# libsndfile does not decode these
FFMPEG_SUFFIXES = {".m4a", ".aac", ".mp4", ".wma"}

# suffix -> (libsndfile format, subtype by bit depth)
FORMATS: dict[str, tuple[str, dict[int, str]]] = {
    ".wav": ("WAV", {16: "PCM_16", 24: "PCM_24", 32: "FLOAT"}),
    ".flac": ("FLAC", {16: "PCM_16", 24: "PCM_24"}),
    ".aiff": ("AIFF", {16: "PCM_16", 24: "PCM_24"}),
    ".aif": ("AIFF", {16: "PCM_16", 24: "PCM_24"}),
    ".ogg": ("OGG", {0: "VORBIS"}),
    ".opus": ("OGG", {0: "OPUS"}),
    ".mp3": ("MP3", {0: "MPEG_LAYER_III"}),
}
# bytes: the headers of these formats count with 32 bits
LARGEST = {"WAV": 1 << 32, "AIFF": 1 << 32}
CODEC_RATES = {
    ".mp3": (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000),
    ".opus": (8000, 12000, 16000, 24000, 48000),
}


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


class AudioWriter:
    """Write a sound file in blocks: a temporary file in the same folder, renamed when it is whole.

    Use it as a context manager; an exception in it removes the temporary file. The same samples give the same bytes.
    Permissions follow the umask.

    Parameters
    ----------
    path : str or Path
        The suffix chooses the format: .wav .flac .aiff .ogg .opus .mp3.
    channels, sample_rate : int
        Of every block; the rate in Hz.
    bit_depth : {16, 24, 32}
        For WAV (32 is float), FLAC and AIFF (16, 24); ignored by lossy formats.

    Raises
    ------
    OutputError
        Unknown suffix, a rate the codec lacks, missing folder, full disk, over 4 GB of WAV or AIFF.
    """

    def __init__(self, path: str | os.PathLike[str], channels: int, sample_rate: int, bit_depth: int = 24) -> None:
        self.path = Path(path)
        self._kind, self._subtype = output_format(self.path, sample_rate, bit_depth)
        self._most = LARGEST[self._kind] // (channels * bit_depth // 8) - 1024 if self._kind in LARGEST else None
        self._frames = 0
        with _encoding(self.path), ExitStack() as stack:
            self._temporary = stack.enter_context(temporary_beside(self.path))
            self._file = soundfile.SoundFile(
                native(self._temporary), "w", sample_rate, channels, format=self._kind, subtype=self._subtype
            )
            self._end = stack.pop_all()

    def write(self, block: Block) -> None:
        """Append a block of shape (channels, n)."""
        self._frames += block.shape[1]
        if self._most is not None and self._frames > self._most:
            raise OutputError(f"{self.path} would be larger than the 4 GB of {self._kind}: write .flac instead")
        with _encoding(self.path):
            # libsndfile's Vorbis writer overflows on long blocks
            for start in range(0, block.shape[1], 1 << 16):
                self._file.write(np.ascontiguousarray(block[:, start : start + (1 << 16)].T))

    def __enter__(self) -> AudioWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is not None:
                # the first error is the one to report
                with suppress(Exception):
                    self._file.close()
                return
            with _encoding(self.path):
                self._file.close()
                if not _is_whole(self._temporary, self._frames):
                    raise OSError("the file came out short")
                _make_repeatable(self._temporary, self._kind, self._subtype)
                self._temporary.replace(self.path)
        finally:
            self._end.close()


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


def output_format(path: Path, sample_rate: int, bit_depth: int) -> tuple[str, str]:
    """Return libsndfile's (format, subtype) for a path.

    Parameters
    ----------
    path : Path
        Its suffix chooses the format.
    sample_rate : int
        In Hz.
    bit_depth : int
        Ignored by lossy formats.

    Raises
    ------
    OutputError
        The format does not exist, or cannot hold this rate or bit depth.
    """
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        what = f"cannot write '{suffix}' files" if suffix else "a sound file's name needs a suffix"
        raise OutputError(f"{path}: {what}: use one of {' '.join(FORMATS)}")
    kind, subtypes = FORMATS[suffix]
    if 0 not in subtypes and bit_depth not in subtypes:
        raise OutputError(f"{path}: {kind} takes a bit depth of {', '.join(map(str, subtypes))}, not {bit_depth}")
    rates = CODEC_RATES.get(suffix)
    if rates and sample_rate not in rates:
        raise OutputError(f"{path}: {suffix[1:].upper()} cannot hold {sample_rate} Hz: write .wav or .flac instead")
    return kind, subtypes.get(0) or subtypes[bit_depth]


def native(path: Path) -> str | bytes:
    """Return a path as libsndfile takes it: as bytes, since a name need not be UTF-8; as text on Windows."""
    return str(path) if os.name == "nt" else os.fsencode(path)


@contextmanager
def _encoding(path: Path) -> Iterator[None]:
    """Turn the errors of libsndfile and of the system while writing `path` into one OutputError."""
    with writing(path):
        try:
            yield
        # soundfile asserts that everything was written
        except (soundfile.LibsndfileError, AssertionError) as error:
            raise OSError(str(error)) from error


def _is_whole(path: Path, frames: int) -> bool:
    """Return whether a closed file holds all frames: libsndfile may not notice that the disk is full."""
    with soundfile.SoundFile(native(path)) as file:
        if file.frames != frames:
            return False
        file.seek(max(frames - 1, 0))
        return len(file.read(1)) == min(frames, 1)


def _make_repeatable(path: Path, kind: str, subtype: str) -> None:
    """Overwrite the random number or time that libsndfile put into a file: the same samples give the same bytes."""
    if kind == "OGG":
        fix_serial(path)
    elif (kind, subtype) == ("WAV", "FLOAT"):
        with path.open("r+b") as file:
            peak_chunk = file.read(128).index(b"PEAK")
            # after name, size and version of the chunk comes the time of writing
            file.seek(peak_chunk + 12)
            file.write(bytes(4))


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
