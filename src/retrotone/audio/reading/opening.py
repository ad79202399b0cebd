"""Choose the reader of a sound file: by its content, never by its name, and by comparing its header with what is there.

libsndfile reads what it reads exactly and quickly: PCM, FLAC, MP3 and Ogg Vorbis whose header is right. FFmpeg reads
all else. Opus is among it: libsndfile decodes it at the rate that its header remarks of the source, but Opus always
has 48 kHz (RFC 7845, section 5.1).
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from retrotone.audio.reading.chain import Chain, Link, ogg_links
from retrotone.audio.reading.chunks import promised_bytes
from retrotone.audio.reading.ffmpeg import FfmpegReader
from retrotone.audio.reading.libsndfile import LibsndfileReader
from retrotone.audio.reading.mpeg import after_id3, xing_length
from retrotone.audio.reading.reader import ByteRange, Reader, Stored
from retrotone.errors import AudioError

# seconds by which a header may be wrong; more, where its clock is coarse or a decoder swallows the first packet
TOLERANCE_SECONDS, COARSE_SECONDS = 0.05, 0.25
TICK_SECONDS = 0.001
# libsndfile knows no names of channels, and FFmpeg none of more than so many
MAX_CHANNELS, MAX_MIXED_CHANNELS = 2, 64


def open_reader(path: Path) -> Reader:
    """Return the reader of a sound file.

    Raises
    ------
    AudioError
        No decoder knows the format, or finds sound.
    """
    # an Ogg file whose later links have another number of channels is refused by FFmpeg as a whole
    links = ogg_links(path)
    if links:
        return _open_links(links)
    try:
        file = FfmpegReader(path)
    except AudioError:
        # formats of libsndfile's own: MAT, PAF, SD2 ...
        with suppress(AudioError):
            return LibsndfileReader(path)
        with path.open("rb") as opened:
            start = after_id3(opened)
        if not start:
            raise
        # before formats that have tags of their own, as MP4 or WavPack, FFmpeg does not expect this one
        return _measured(FfmpegReader(ByteRange(path, start, path.stat().st_size)))
    if file.codec.startswith("mp3") and file.format == "mp3":
        return _open_mp3(path, file)
    if file.format == "flac":
        return _open_flac(path, file)
    if file.codec.startswith("pcm_"):
        return _open_pcm(path, file)
    return _measured(file)


def _open_pcm(path: Path, file: FfmpegReader) -> Reader:
    size = promised_bytes(path, file.format)
    if size:
        # as in pcm_s24le; A-law and mu-law have 8 bits
        bits = int("".join(filter(str.isdigit, file.codec)) or 8)
        file.promised = size * 8 // (bits * max(file.channels, 1))
    reader = None
    if file.channels <= MAX_CHANNELS:
        with suppress(AudioError):
            reader = LibsndfileReader(path)
    if reader is None:
        return _measured(file)
    # both are asked where one finds less than is promised
    if reader.frames < (file.promised or 0) - TOLERANCE_SECONDS * file.sample_rate:
        file.decode_all()
        if file.frames > reader.frames:
            return file
    reader.promised = file.promised
    return reader


def _open_links(links: list[Link]) -> Reader:
    readers: list[Reader] = []
    for link in links:
        # the descriptor of a whole file is quicker to read than a part of it
        place = link.part.path if len(links) == 1 else link.part
        # a link without sound is none
        with suppress(AudioError):
            readers.append(_open_link(place))
    if not readers:
        raise AudioError(f"{links[0].part} is not a sound file that can be decoded: convert it to WAV or FLAC")
    reader: Reader = readers[0] if len(readers) == 1 else Chain(readers, links[-1].whole)
    reader.whole = links[-1].whole
    return reader


def _open_link(place: Stored) -> Reader:
    try:
        file = FfmpegReader(place)
    except AudioError:
        # libvorbis passes over headers that come once more between packets of sound, which FFmpeg refuses
        return LibsndfileReader(place)
    if file.codec == "vorbis" and file.channels <= MAX_CHANNELS:
        with suppress(AudioError):
            return LibsndfileReader(place)
    return _measured(file)


def _open_mp3(path: Path, file: FfmpegReader) -> Reader:
    promised, fits = xing_length(path)
    if fits:
        with suppress(AudioError):
            return LibsndfileReader(path)
    file.count()
    file.promised = promised
    # where files were joined, the header of each is decoded as a frame of silence
    file.exact = promised is None
    return file


def _open_flac(path: Path, file: FfmpegReader) -> Reader:
    if not file.promised or file.measure() != file.promised:
        file.decode_all()
    elif file.channels <= MAX_CHANNELS:
        with suppress(AudioError):
            reader = LibsndfileReader(path)
            # it believes the header, FFmpeg the frames
            if reader.channels == file.channels:
                return reader
    return file


def _measured(file: FfmpegReader) -> FfmpegReader:
    """Return a file whose `frames` are those that are there."""
    # it is refused
    if file.channels > MAX_MIXED_CHANNELS:
        return file
    end, promised = file.measure(), file.promised
    if promised is None or end - promised > COARSE_SECONDS * file.sample_rate:
        file.count()
    elif not end or promised - end > COARSE_SECONDS * file.sample_rate:
        # of what was cut, the last packet may not decode
        file.decode_all()
    else:
        # The packet at the end is filled up; the header, or the packet's own length, says how far it counts. The
        # header's clock may tick in milliseconds.
        file.cut(end if abs(end - promised) < TICK_SECONDS * file.sample_rate else min(end, promised))
    return file
