"""Write sound files block by block; what is written appears whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType

import numpy as np
import soundfile

from retrotone.audio.reading.ffmpeg import open_container
from retrotone.audio.tag_writing import chunks, write_tags
from retrotone.audio.tags import Tags
from retrotone.errors import OutputError
from retrotone.types import Block
from retrotone.utils.files import check_outputs, writing
from retrotone.utils.temporary import temporary_beside

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
DEFAULT_BIT_DEPTH = 24
# the scale of Vorbis; libsndfile's goes from 0, the best, to 1, and it refuses 1 for MP3
BEST_QUALITY, MOST_COMPRESSION = 10, 0.99
# bytes: the headers of these formats count with 32 bits
LARGEST = {"WAV": 1 << 32, "AIFF": 1 << 32}
CODEC_RATES = {
    ".mp3": (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000),
    ".opus": (8000, 12000, 16000, 24000, 48000),
}


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
    bit_depth : {16, 24, 32}, optional
        For WAV (32 is float), FLAC and AIFF (16, 24); by default 24.
    quality : float, optional
        For OGG, Opus and MP3: 0 is the smallest file, 10 the best; by default the encoder's own choice.
    tags : Tags, optional
    overwrite : bool
        Whether a file that exists is replaced.

    Raises
    ------
    OutputError
        Unknown suffix, a rate the codec lacks, a bit depth or quality that the format does not have, a file that
        exists, missing folder, full disk, over 4 GB of WAV or AIFF.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        channels: int,
        sample_rate: int,
        bit_depth: int | None = None,
        quality: float | None = None,
        tags: Tags | None = None,
        overwrite: bool = False,
    ) -> None:
        self.path = Path(path)
        self._kind, self._subtype = output_format(self.path, sample_rate, bit_depth, quality)
        check_outputs([self.path], overwrite=overwrite)
        self._tags = tags or Tags()
        self._most = None
        if self._kind in LARGEST:
            room = LARGEST[self._kind] - 1024 - len(chunks(self._kind, self._tags))
            self._most = room // (channels * (bit_depth or DEFAULT_BIT_DEPTH) // 8)
        self._frames = 0
        with _encoding(self.path), ExitStack() as stack:
            self._temporary = stack.enter_context(temporary_beside(self.path))
            self._file = soundfile.SoundFile(
                _descriptor(self._temporary, os.O_RDWR),
                "w",
                sample_rate,
                channels,
                format=self._kind,
                subtype=self._subtype,
                closefd=True,
                compression_level=None if quality is None else min(1 - quality / BEST_QUALITY, MOST_COMPRESSION),
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
                if (self._kind, self._subtype) == ("WAV", "FLOAT"):
                    _clear_time(self._temporary)
                write_tags(self._temporary, self._kind, self._tags)
                self._temporary.replace(self.path)
        finally:
            self._end.close()


def output_format(
    path: Path, sample_rate: int, bit_depth: int | None = None, quality: float | None = None
) -> tuple[str, str]:
    """Return libsndfile's (format, subtype) for a path.

    Parameters
    ----------
    path : Path
        Its suffix chooses the format.
    sample_rate : int
        In Hz.
    bit_depth, quality
        As in `AudioWriter`.

    Raises
    ------
    OutputError
        The format does not exist, or cannot hold this rate, bit depth or quality.
    """
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        what = f"cannot write '{suffix}' files" if suffix else "a sound file's name needs a suffix"
        raise OutputError(f"{path}: {what}: use one of {' '.join(FORMATS)}")
    kind, subtypes = FORMATS[suffix]
    name, lossy = suffix[1:].upper(), 0 in subtypes
    if bit_depth is not None and lossy:
        raise OutputError(f"{path}: {name} has no bit depth: choose a quality, or write .wav or .flac")
    if quality is not None and not lossy:
        raise OutputError(f"{path}: {name} is lossless and has no quality: choose a bit depth, or write .ogg or .mp3")
    if quality is not None and not 0 <= quality <= BEST_QUALITY:
        raise OutputError(f"quality must be between 0 and {BEST_QUALITY}, not {quality:g}")
    bit_depth = 0 if lossy else DEFAULT_BIT_DEPTH if bit_depth is None else bit_depth
    if bit_depth not in subtypes:
        raise OutputError(f"{path}: {kind} takes a bit depth of {', '.join(map(str, subtypes))}, not {bit_depth}")
    rates = CODEC_RATES.get(suffix)
    if rates and sample_rate not in rates:
        raise OutputError(f"{path}: {name} cannot hold {sample_rate} Hz: write .wav or .flac instead")
    return kind, subtypes[bit_depth]


def kept_bit_depth(song: Path, output: Path) -> int | None:
    """Return the bit depth of a song, or the next one that an output can have; None where one of them is lossy."""
    with suppress(OSError, ValueError, LookupError), song.open("rb") as file, open_container(file) as container:
        depths = sorted(FORMATS[output.suffix.lower()][1])
        codec = container.streams.audio[0].codec_context
        if codec.codec.lossless and depths != [0]:
            # FFmpeg decodes 24 bits into integers of 32
            whole = codec.format.name.startswith("s32") and not codec.name.startswith("pcm_s32")
            depth = 24 if whole else codec.format.bits
            return next((possible for possible in depths if possible >= depth), depths[-1])
    return None


def _descriptor(path: Path, flags: int) -> int:
    """Open a file for libsndfile, which has room for names of 1,024 bytes only."""
    return os.open(path, flags | getattr(os, "O_BINARY", 0))


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
    with soundfile.SoundFile(_descriptor(path, os.O_RDONLY), closefd=True) as file:
        if file.frames != frames:
            return False
        file.seek(max(frames - 1, 0))
        return len(file.read(1)) == min(frames, 1)


def _clear_time(path: Path) -> None:
    """Overwrite the time that libsndfile put into a WAV of floats: the same samples give the same bytes."""
    with path.open("r+b") as file:
        peak_chunk = file.read(128).index(b"PEAK")
        # after name, size and version of the chunk comes the time of writing
        file.seek(peak_chunk + 12)
        file.write(bytes(4))
