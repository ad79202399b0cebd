"""Decode by FFmpeg, through PyAV: what libsndfile does not read, and files whose header is wrong."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from fractions import Fraction
from io import RawIOBase
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from retrotone.audio.reading.reader import Stored, open_bytes
from retrotone.errors import AudioError
from retrotone.types import Block

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.audio.resampler import AudioResampler
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.packet import Packet

# FFmpeg's names of the formats that hold sound. Others are not tried: some of them open any text, and playlists open
# other files and addresses.
DEMUXERS = (
    "aac,ac3,eac3,aiff,amr,ape,asf,au,avi,caf,dsf,dts,flac,flv,iff,ircam,matroska,mov,mp3,mpc,mpc8,mpeg,mpegts,ogg,"
    "oma,rm,shn,sox,tak,tta,voc,w64,wav,wv,xwma"
)
# of these FFmpeg only estimates the length, by the rate of bits
WITHOUT_LENGTH = {"aac", "ac3", "eac3", "dts", "mp3"}
# the length that these give of the last packet is already without what a player leaves out at its end
SHORTENED = {"ogg", "mov,mp4,m4a,3gp,3g2,mj2"}
# A clock that ticks more slowly, as that of Musepack's last version every 1.7 s, tells no length.
COARSEST_SECONDS = 0.1
# FFmpeg decodes some 1024 frames at a time; joined into blocks of at least this many they are processed faster
MIN_BLOCK_FRAMES = 1 << 18
# time that a lossy decoder is given to settle after a seek
SETTLING_SECONDS = 0.25
# what an encoder added at the start and the end, which a player leaves out: two 32-bit numbers of frames
SKIPPED = struct.Struct("<II")


class FfmpegReader:
    """See `Reader`.

    Parameters
    ----------
    place : Path or ByteRange

    Attributes
    ----------
    format, codec : str
        FFmpeg's names.

    Raises
    ------
    AudioError
        FFmpeg does not know the format, or finds no sound.
    """

    whole = True

    def __init__(self, place: Stored) -> None:
        self._place = place
        self._seeks, self._cuts = True, False
        with _opened(place) as (container, stream):
            self.format, self.codec = container.format.name, stream.codec_context.name
            self.sample_rate, self.channels = int(stream.rate), int(stream.channels)
            names = tuple(channel.name for channel in stream.layout.channels)
            self.layout = () if "NONE" in names else names
            self._tells_time = _tick(stream) <= COARSEST_SECONDS
            # Coarser clocks, as that of Matroska, tell lengths to a millisecond. The length of CAF takes every packet
            # for a full one.
            self.exact = self.format != "caf" and 1 / _tick(stream) >= self.sample_rate
            self.promised: int | None = None
            if self._tells_time and self.format not in WITHOUT_LENGTH:
                seconds = stream.duration * _tick(stream) if stream.duration else (container.duration or 0) / 1e6
                self.promised = max(round(seconds * self.sample_rate) - self._pre_skip(stream), 0) or None
        self.frames = self.promised or 0

    def measure(self) -> int:
        """Return at which frame the last packet ends, found by seeking; 0 if it is not found, or not told."""
        if not self.promised:
            return 0
        try:
            with _opened(self._place) as (container, stream):
                container.seek(round(self.promised / self.sample_rate / _tick(stream)), stream=stream)
                end = 0
                for packet in container.demux(stream):
                    if packet.size and packet.pts is not None:
                        end = round((packet.pts + (packet.duration or 0)) * packet.time_base * self.sample_rate)
                        end -= self._skipped(packet)[1]
                        # lossless WMA does not tell how long a packet is
                        if not packet.duration:
                            return 0
                return end
        except AudioError:
            return 0

    def cut(self, frames: int) -> None:
        """Let the sound end after so many frames: what an encoder added to fill its last packet follows."""
        self.frames, self._cuts = frames, True

    def count(self) -> None:
        """Go through all packets, decoding them only if need be, and set `frames` and `channels` by what is there."""
        if not self._tells_time:
            return self.decode_all()
        self.ignore_index()
        frames, channels = 0.0, self.channels
        with _opened(self._place) as (container, stream):
            for packet in _packets(container, stream):
                frames += self._length(packet)
                # the fourth byte of a frame of MPEG audio tells the mode of its channels: 3 is mono
                if channels == 1 and self.codec.startswith("mp") and packet.size > 3 and bytes(packet)[3] >> 6 != 3:
                    channels = 2
        self.frames, self.channels, self.exact = max(round(frames), 0), channels, True

    def ignore_index(self) -> None:
        """Find positions by going through all packets: an index, or a search in the file, is not to be trusted."""
        self._seeks = False

    def decode_all(self) -> None:
        """Decode all that can be decoded, and set `frames` by it: damaged packets do not tell."""
        self.ignore_index()
        self.frames = sum(block.shape[1] for block in self.blocks(MIN_BLOCK_FRAMES))
        self.exact = True

    def blocks(self, block_frames: int, start: int = 0) -> Iterator[Block]:
        """See `Reader.blocks`; the position may be off by a packet in formats that do not tell it."""
        done = start
        for block in self._joined(start):
            for first in range(0, block.shape[1], block_frames):
                part = block[:, first : first + block_frames]
                if self._cuts:
                    part = part[:, : max(self.frames - done, 0)]
                done += part.shape[1]
                if part.shape[1]:
                    yield part

    def _joined(self, start: int) -> Iterator[Block]:
        """Join what FFmpeg decodes into blocks of at least MIN_BLOCK_FRAMES."""
        parts: list[Block] = []
        held = 0
        for samples in self._decoded(start):
            parts.append(_with_channels(samples, self.channels))
            held += samples.shape[1]
            if held >= MIN_BLOCK_FRAMES:
                yield np.concatenate(parts, axis=1)
                parts, held = [], 0
        if parts:
            yield np.concatenate(parts, axis=1)

    def _decoded(self, start: int) -> Iterator[Block]:
        settled = max(start - round(SETTLING_SECONDS * self.sample_rate), 0)
        with _opened(self._place) as (container, stream):
            if self._seeks and settled:
                container.seek(round(settled / self.sample_rate / _tick(stream)), stream=stream)
            position = None
            convert = _Converter(self.sample_rate)
            for packet in _packets(container, stream):
                # without an index: pass over what ends too early to matter
                if settled and not self._seeks and (position or 0) + self._length(packet) < settled:
                    position = (position or 0) + round(self._length(packet))
                    continue
                for frame in _frames(packet):
                    # a seek lands on an earlier packet: the time of the first frame says where it begins
                    if position is None:
                        position = round((frame.time or 0) * self.sample_rate) if self._seeks and settled else 0
                    for samples in convert(frame):
                        skip = max(start - position, 0)
                        position += samples.shape[1]
                        if samples.shape[1] > skip:
                            yield samples[:, skip:]
            yield from convert(None)

    def _pre_skip(self, stream: AudioStream) -> int:
        """Return how many frames before the start of Ogg Opus FFmpeg counts in its length (RFC 7845, section 4.2)."""
        head = stream.codec_context.extradata or b""
        return int.from_bytes(head[10:12], "little") if self.format == "ogg" and head.startswith(b"OpusHead") else 0

    def _length(self, packet: Packet[AudioStream]) -> float:
        """Return how many frames a packet has for a player."""
        return float((packet.duration or 0) * packet.time_base * self.sample_rate) - sum(self._skipped(packet))

    def _skipped(self, packet: Packet[AudioStream]) -> tuple[int, int]:
        """Return how many frames of a packet a player leaves out, at its start and at its end."""
        if not packet.has_sidedata("skip_samples"):
            return 0, 0
        start, end = SKIPPED.unpack_from(bytes(packet.get_sidedata("skip_samples")))
        return start, 0 if self.format in SHORTENED else end


class _Converter:
    """Convert frames to float32 at one rate, though a stream may change its rate, channels or numbers midway."""

    def __init__(self, sample_rate: int) -> None:
        self._sample_rate = sample_rate
        self._form: tuple[int, str, str] | None = None
        self._resampler: AudioResampler | None = None

    def __call__(self, frame: AudioFrame | None) -> Iterator[Block]:
        from av.audio.resampler import AudioResampler

        form = None if frame is None else (frame.sample_rate, frame.layout.name, frame.format.name)
        if form != self._form:
            # at another rate the old resampler still holds a few frames
            if self._resampler and self._form and self._form[0] != self._sample_rate:
                yield from _arrays(self._resampler.resample(None))
            self._form = form
            if frame is not None:
                self._resampler = AudioResampler(format="flt", layout=frame.layout, rate=self._sample_rate)
        if self._resampler and frame is not None:
            yield from _arrays(self._resampler.resample(frame))


def _arrays(frames: list[AudioFrame]) -> Iterator[Block]:
    for frame in frames:
        # interleaved: PyAV reads past its table of planes for eight channels and more
        yield frame.to_ndarray().astype(np.float32, copy=False).reshape(frame.samples, -1).T


def _tick(stream: AudioStream) -> Fraction:
    """Return the unit of a stream's clock, in seconds."""
    return stream.time_base or Fraction(1, 1_000_000)


def _packets(container: InputContainer, stream: AudioStream) -> Iterator[Packet[AudioStream]]:
    """Yield the packets of a stream up to its end, or to where nothing more can be read."""
    import av

    try:
        yield from container.demux(stream)
    # OSError: a damaged index points before the start of the file
    except (av.FFmpegError, OSError):
        return


def _frames(packet: Packet[AudioStream]) -> list[AudioFrame]:
    """Return the frames of a packet; none, if it is damaged."""
    import av

    try:
        return packet.decode()
    except av.FFmpegError:
        return []


def _with_channels(samples: Block, channels: int) -> Block:
    """Return samples with so many channels, where a stream changes them midway."""
    if len(samples) == channels:
        return samples
    return np.repeat(samples.mean(axis=0, keepdims=True), channels, axis=0)


@contextmanager
def open_container(
    file: BinaryIO | RawIOBase, kind: str | None = None, options: Mapping[str, str] | None = None
) -> Iterator[InputContainer]:
    """Open a sound file by FFmpeg; in its texts, bytes that are not UTF-8 are surrogates.

    Parameters
    ----------
    file : readable and seekable binary file
        Not its path, which FFmpeg could take for an address.
    kind : str, optional
        FFmpeg's name of the format; by default the content decides.
    options : mapping of str to str, optional
        FFmpeg's.

    Raises
    ------
    OSError
        FFmpeg cannot read it.
    """
    import av

    # PyAV 19 decodes texts so by itself, and takes no such argument
    old: dict[str, Any] = {} if int(av.__version__.partition(".")[0]) >= 19 else {"metadata_errors": "surrogateescape"}
    file.seek(0)
    options = {**(options or {}), "format_whitelist": DEMUXERS}
    try:
        with av.open(file, format=kind, options=options, **old) as container:
            yield container
    except av.FFmpegError as error:
        raise OSError(str(error)) from error


@contextmanager
def _opened(place: Stored) -> Iterator[tuple[InputContainer, AudioStream]]:
    """Open a sound file and its first stream of sound; FFmpeg's errors become AudioError."""
    import av

    # what it says of damaged packets is told by retrotone
    av.logging.set_level(av.logging.PANIC)
    try:
        with open_bytes(place) as file, open_container(file) as container:
            yield container, container.streams.audio[0]
    except (OSError, IndexError, AttributeError, TypeError, ValueError, ZeroDivisionError) as error:
        raise AudioError(f"{place} is not a sound file that can be decoded: convert it to WAV or FLAC") from error
