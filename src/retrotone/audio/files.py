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
from numpy.typing import NDArray

from retrotone.audio.ogg import fix_serial
from retrotone.errors import AudioError, MissingExtraError, OutputError
from retrotone.utils.files import writing
from retrotone.utils.temporary import temporary_beside

BLOCK_FRAMES = 1 << 19  # about 12 s at 44.1 kHz: 4 MB of stereo float32
MIN_RATE, MAX_RATE = 8_000, 192_000
MAX_CHANNELS = 2
SETTLING_SECONDS = 0.25  # that a lossy decoder is given to settle after a seek
FFMPEG_SUFFIXES = {".m4a", ".aac", ".mp4", ".wma"}  # what libsndfile does not decode

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
LARGEST = {"WAV": 1 << 32, "AIFF": 1 << 32}  # bytes: their headers count with 32 bits
CODEC_RATES = {
    ".mp3": (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000),
    ".opus": (8000, 12000, 16000, 24000, 48000),
}


class AudioFile:
    """A sound file on disk, read in blocks; nothing is decoded until `blocks` runs.

    Parameters
    ----------
    path : str or Path
        WAV, FLAC, OGG, MP3, Opus or AIFF; M4A, AAC and WMA with the ``ffmpeg`` extra.

    Attributes
    ----------
    sample_rate, channels, frames : int
        `frames` is what the header says. Of an MP3 without such a header it is an estimate, and of a file
        that was cut short it is too many: count what `blocks` gives where it matters.

    Raises
    ------
    AudioError
        Missing, unreadable, not audio, empty, over two channels, or a rate outside 8-192 kHz.
    MissingExtraError
        The format needs the ``ffmpeg`` extra.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        try:
            status = self.path.stat()
        except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: no path holds NUL
            raise AudioError(f"{self.path} does not exist: check the path") from None
        except OSError as error:
            raise AudioError(
                f"{self.path} cannot be read ({error.strerror}): check the path and the permissions on the way"
            ) from error
        if stat.S_ISDIR(status.st_mode):
            raise AudioError(f"{self.path} is a folder: name a sound file")
        if not stat.S_ISREG(status.st_mode):  # to open a pipe is to wait for whoever writes to it
            raise AudioError(f"{self.path} is a pipe or device: name a sound file")
        if not os.access(self.path, os.R_OK):
            raise AudioError(f"{self.path} cannot be read: check its permissions")
        if status.st_size == 0:
            raise AudioError(f"{self.path} is empty (0 bytes): export it again")
        self._ffmpeg = self.path.suffix.lower() in FFMPEG_SUFFIXES
        if self._ffmpeg:
            self.sample_rate, self.channels, self.frames = _probe_ffmpeg(self.path)
        else:
            try:
                info = soundfile.info(native(self.path))
            except (soundfile.LibsndfileError, RuntimeError) as error:
                raise AudioError(
                    f"{self.path} is not a sound file that can be decoded: "
                    "use WAV, FLAC, OGG, MP3, Opus or AIFF"
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

    def blocks(self) -> Iterator[NDArray[np.float32]]:
        """Yield float32 blocks of shape (channels, n), n <= BLOCK_FRAMES; AudioError for NaN or infinity."""
        decode = _blocks_ffmpeg if self._ffmpeg else _blocks_soundfile
        total = 0
        for block in decode(self.path):
            check_finite(self.name, block)
            total += block.shape[1]
            yield block
        if total == 0:
            raise AudioError(f"{self.path} holds no samples: export it again")

    def excerpt(self, start: float, seconds: float) -> NDArray[np.float32]:
        """Return the samples from a time on, shape (channels, n), without decoding what lies before.

        Exact but in M4A, AAC and WMA, which may be off by a packet (0.1 s). Beyond the end there is less, or nothing.

        Parameters
        ----------
        start, seconds : float
            Where it begins and how long it lasts, in seconds.

        Raises
        ------
        AudioError
            Damaged, or NaN or infinite samples.
        """
        first, count = round(start * self.sample_rate), round(seconds * self.sample_rate)
        if self._ffmpeg:
            samples = _first(_blocks_ffmpeg(self.path, start), count, self.channels)
        else:
            samples = _read_soundfile(self.path, first, count)
        check_finite(self.name, samples)
        return samples


class AudioWriter:
    """Write a sound file in blocks, beside its final place, and rename it when whole.

    Use it as a context manager; leaving it by an exception removes what was begun. The same blocks give
    the same bytes. Permissions are what the umask leaves.

    Parameters
    ----------
    path : str or Path
        The suffix chooses the format: .wav .flac .aiff .ogg .opus .mp3.
    channels, sample_rate : int
        Of every block to come.
    bit_depth : {16, 24, 32}
        For WAV (32 is float), FLAC and AIFF (16, 24); ignored by lossy formats.

    Raises
    ------
    OutputError
        Unknown suffix, a rate the codec lacks, missing folder, full disk, over 4 GB of WAV or AIFF.
    """

    def __init__(
        self, path: str | os.PathLike[str], channels: int, sample_rate: int, bit_depth: int = 24
    ) -> None:
        self.path = Path(path)
        self._kind, self._subtype = output_format(self.path, sample_rate, bit_depth)
        self._most = (
            LARGEST[self._kind] // (channels * bit_depth // 8) - 1024 if self._kind in LARGEST else None
        )
        self._frames = 0
        with _encoding(self.path), ExitStack() as stack:
            self._temporary = stack.enter_context(temporary_beside(self.path))
            self._file = soundfile.SoundFile(
                native(self._temporary),
                "w",
                sample_rate,
                channels,
                format=self._kind,
                subtype=self._subtype,
            )
            self._end = stack.pop_all()

    def write(self, block: NDArray[np.float32]) -> None:
        """Append a block of shape (channels, n)."""
        self._frames += block.shape[1]
        if self._most is not None and self._frames > self._most:
            raise OutputError(
                f"{self.path} would be larger than the 4 GB of {self._kind}: write .flac instead"
            )
        with _encoding(self.path):
            for start in range(
                0, block.shape[1], 1 << 16
            ):  # libsndfile's Vorbis writer overflows on long blocks
                self._file.write(np.ascontiguousarray(block[:, start : start + (1 << 16)].T))

    def __enter__(self) -> AudioWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is not None:
                with suppress(Exception):  # what went wrong first is what the user should hear of
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
    """Raise AudioError unless there are 1-2 channels, at least one frame and a rate of 8-192 kHz."""
    if channels > MAX_CHANNELS:
        raise AudioError(f"{name} has {channels} channels: mix it down to mono or stereo first")
    if frames == 0 or channels == 0:
        raise AudioError(f"{name} holds no samples: export it again")
    if not MIN_RATE <= sample_rate <= MAX_RATE:
        raise AudioError(f"{name} has a rate of {sample_rate} Hz: resample it to 8,000-192,000 Hz first")


def check_finite(name: str, block: NDArray[np.float32]) -> None:
    """Raise AudioError if a sample is NaN or infinite."""
    if not np.isfinite(block).all():
        raise AudioError(f"{name} contains NaN or infinite samples: export it again")


def output_format(path: Path, sample_rate: int, bit_depth: int) -> tuple[str, str]:
    """Return libsndfile's (format, subtype) for a path, or raise OutputError saying what would work."""
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        what = f"cannot write '{suffix}' files" if suffix else "a sound file's name needs a suffix"
        raise OutputError(f"{path}: {what}: use one of {' '.join(FORMATS)}")
    kind, subtypes = FORMATS[suffix]
    if 0 not in subtypes and bit_depth not in subtypes:
        raise OutputError(
            f"{path}: {kind} takes a bit depth of {', '.join(map(str, subtypes))}, not {bit_depth}"
        )
    rates = CODEC_RATES.get(suffix)
    if rates and sample_rate not in rates:
        raise OutputError(
            f"{path}: {suffix[1:].upper()} cannot hold {sample_rate} Hz: write .wav or .flac instead"
        )
    return kind, subtypes.get(0) or subtypes[bit_depth]


def native(path: Path) -> str | bytes:
    """Return a path as libsndfile takes it: names that are not UTF-8 as their bytes."""
    return str(path) if os.name == "nt" else os.fsencode(path)


@contextmanager
def _encoding(path: Path) -> Iterator[None]:
    """Turn what libsndfile or the system says while writing `path` into one OutputError."""
    with writing(path):
        try:
            yield
        # soundfile asserts that all was written
        except (soundfile.LibsndfileError, AssertionError) as error:
            raise OSError(str(error)) from error


def _is_whole(path: Path, frames: int) -> bool:
    """Tell whether a closed file holds what was written: libsndfile may not notice that a disk fills."""
    with soundfile.SoundFile(native(path)) as file:
        if file.frames != frames:
            return False
        file.seek(max(frames - 1, 0))
        return len(file.read(1)) == min(frames, 1)


def _make_repeatable(path: Path, kind: str, subtype: str) -> None:
    """Take out what libsndfile took from chance or the clock: the same samples give the same bytes."""
    if kind == "OGG":
        fix_serial(path)
    elif (kind, subtype) == ("WAV", "FLOAT"):
        with path.open("r+b") as file:
            peak_chunk = file.read(128).index(b"PEAK")
            file.seek(peak_chunk + 12)  # past its name, size and version: the time of writing
            file.write(bytes(4))


def _blocks_soundfile(path: Path) -> Iterator[NDArray[np.float32]]:
    try:
        with soundfile.SoundFile(_Endless(path) if _is_mp3_without_length(path) else native(path)) as file:
            while len(block := file.read(BLOCK_FRAMES, dtype="float32", always_2d=True)):
                yield block.T
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise AudioError(f"{path} is damaged and cannot be decoded: export it again") from error


def _first(blocks: Iterable[NDArray[np.float32]], count: int, channels: int) -> NDArray[np.float32]:
    """Return the first `count` frames of a stream, decoding no further."""
    parts, left = [np.zeros((channels, 0), np.float32)], count
    for block in blocks:
        parts.append(block[:, :left])
        left -= parts[-1].shape[1]
        if left == 0:
            break
    return np.concatenate(parts, axis=1)


def _read_soundfile(path: Path, first: int, count: int) -> NDArray[np.float32]:
    try:
        with soundfile.SoundFile(native(path)) as file:
            file.seek(min(first, file.frames))
            samples: NDArray[np.float32] = file.read(count, dtype="float32", always_2d=True).T
            return samples
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise AudioError(f"{path} is damaged and cannot be decoded: export it again") from error


class _Endless(io.FileIO):
    """A file that seems far longer than it is.

    libsndfile guesses the length of an MP3 without a Xing header from the size of its first frame, and
    stops there: half of a variable-rate recording can be lost. Guessing too long it reads to the end.
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
        if tag[:3] == b"ID3":  # its size follows in bytes of seven bits
            file.seek(10 + sum(byte << shift for byte, shift in zip(tag[6:], (21, 14, 7, 0), strict=True)))
        else:
            file.seek(0)
        first_frame = file.read(2048)
    return not any(name in first_frame for name in (b"Xing", b"Info", b"VBRI"))


def _import_av(path: Path):  # type: ignore[no-untyped-def]
    try:
        import av
    except ImportError as error:
        raise MissingExtraError(
            f"{path.suffix} files need the ffmpeg extra: pip install 'retrotone[ffmpeg]'"
        ) from error
    return av


def _probe_ffmpeg(path: Path) -> tuple[int, int, int]:
    av = _import_av(path)
    try:
        with av.open(str(path), metadata_errors="replace") as container:
            stream = container.streams.audio[0]
            rate, channels = int(stream.rate), int(stream.channels)
            seconds = (
                float(stream.duration * stream.time_base)
                if stream.duration
                else (container.duration or 0) / 1e6
            )
            return rate, channels, max(round(seconds * rate), 1)
    except (av.FFmpegError, IndexError, AttributeError, TypeError, ValueError) as error:
        raise AudioError(
            f"{path} is not a sound file that can be decoded: convert it to WAV or FLAC"
        ) from error


def _blocks_ffmpeg(path: Path, start: float = 0.0) -> Iterator[NDArray[np.float32]]:
    av = _import_av(path)
    try:
        with av.open(str(path), metadata_errors="replace") as container:
            stream = container.streams.audio[0]
            resampler = av.AudioResampler(format="fltp", layout=stream.layout, rate=stream.rate)
            parts: list[NDArray[np.float32]] = []  # of some 1024 frames each: gathered, for the sake of speed
            held, skip = 0, -1
            if start:
                container.seek(round(max(start - SETTLING_SECONDS, 0) * av.time_base))
            for frame in container.decode(stream):
                if skip < 0:  # a seek lands on a packet before, and the first frame tells where
                    skip = max(round((start - frame.time) * stream.rate), 0) if start else 0
                for part in resampler.resample(frame):
                    parts.append(part.to_ndarray())
                    held += part.samples
                if held >= BLOCK_FRAMES // 2:
                    yield np.concatenate(parts, axis=1)[:, skip:]
                    parts, held, skip = [], 0, max(skip - held, 0)
            if parts:
                yield np.concatenate(parts, axis=1)[:, skip:]
    except (av.FFmpegError, IndexError, AttributeError, TypeError, ValueError) as error:
        raise AudioError(f"{path} is damaged and cannot be decoded: export it again") from error
