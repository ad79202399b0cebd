"""Songs with tags and a cover in every format, made by FFmpeg's encoders; and tags as old programs wrote them."""

from __future__ import annotations

import base64
import io
import struct
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.stream import Disposition
from matplotlib.image import imsave

RATE = 48_000
SOUND = (0.1 * np.random.default_rng(0).standard_normal((2, RATE))).astype(np.float32)
TEXTS = {
    "title": "Blue Moon",
    "artist": "Mädchen & Söhne",
    "album": "An Album",
    "track": "3/12",
    "date": "1934",
    "genre": "Jazz",
    "comment": "A remark",
}

# suffix -> FFmpeg's format and encoder
FORMATS = {
    ".wav": ("wav", "pcm_s16le"),
    ".flac": ("flac", "flac"),
    ".aiff": ("aiff", "pcm_s16be"),
    ".ogg": ("ogg", "vorbis"),
    ".opus": ("ogg", "libopus"),
    ".mp3": ("mp3", "libmp3lame"),
    ".m4a": ("mp4", "aac"),
    ".wma": ("asf", "wmav2"),
    ".wv": ("wv", "wavpack"),
}
# in which FFmpeg writes covers as streams, and not at all
COVER_STREAMS, NO_COVER = (".flac", ".mp3", ".m4a"), (".wma", ".wv")


def _png() -> bytes:
    data = io.BytesIO()
    imsave(data, np.zeros((8, 8, 3), np.uint8), format="png")
    return data.getvalue()


COVER = _png()


def write_song(path: Path) -> Path:
    """Write a second of noise with tags, and with a cover where FFmpeg can."""
    kind, codec = FORMATS[path.suffix]
    with av.open(str(path), "w", format=kind, options={"write_id3v2": "1"} if kind == "aiff" else {}) as output:
        # FFmpeg's own Vorbis encoder calls itself experimental
        audio = output.add_stream(codec, rate=RATE, layout="stereo", options={"strict": "experimental"})
        audio.bit_rate = 128_000
        output.metadata.update(TEXTS)
        if kind == "ogg":
            audio.metadata["METADATA_BLOCK_PICTURE"] = base64.b64encode(_picture()).decode()
        cover = _add_cover(output) if path.suffix in COVER_STREAMS else None
        frame = av.AudioFrame.from_ndarray(SOUND, format="fltp", layout="stereo")
        frame.sample_rate, frame.pts = RATE, 0
        resampler = av.AudioResampler(audio.codec_context.codec.audio_formats[0].name, "stereo", RATE)
        output.start_encoding()
        if cover is not None:
            output.mux(cover)
        for part in (*resampler.resample(frame), *resampler.resample(None)):
            output.mux(audio.encode(part))
        output.mux(audio.encode(None))
    if kind in ("wav", "aiff"):
        append_chunk(path, b"ID3 ", id3v2(4, {"APIC": b"\0image/png\0\3\0" + COVER}))
    return path


def _add_cover(output: Any) -> av.Packet:
    with av.open(io.BytesIO(COVER), format="png_pipe") as picture:
        stream = output.add_stream_from_template(picture.streams.video[0])
    stream.disposition = Disposition.attached_pic
    packet = av.Packet(COVER)
    packet.stream, packet.pts, packet.dts, packet.is_keyframe = stream, 0, 0, True
    return packet


def _picture() -> bytes:
    return struct.pack(">II9sI16xI", 3, 9, b"image/png", 0, len(COVER)) + COVER


def append_chunk(path: Path, name: bytes, data: bytes) -> None:
    """Append a chunk to a WAV or AIFF."""
    order = "<I" if path.suffix == ".wav" else ">I"
    whole = path.read_bytes() + name + struct.pack(order, len(data)) + data + bytes(len(data) % 2)
    path.write_bytes(whole[:4] + struct.pack(order, len(whole) - 8) + whole[8:])


def id3v2(version: int, frames: dict[str, bytes], syncsafe: bool = True) -> bytes:
    """Return a tag of version 2, 3 or 4; `syncsafe`: whether the sizes of frames are as version 4 wants them."""
    body = b""
    for name, data in frames.items():
        size = _syncsafe(len(data)) if version == 4 and syncsafe else struct.pack(">I", len(data))
        body += name.encode() + (size[1:] if version == 2 else size + bytes(2)) + data
    return b"ID3" + bytes([version, 0, 0]) + _syncsafe(len(body)) + body


def _syncsafe(size: int) -> bytes:
    return bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0))


def ape(items: dict[str, bytes]) -> bytes:
    """Return an APEv2 tag, which begins and ends alike."""
    body = b"".join(struct.pack("<II", len(data), 0) + name.encode() + b"\0" + data for name, data in items.items())
    ends = [
        b"APETAGEX" + struct.pack("<IIII8x", 2000, len(body) + 32, len(items), flags)
        for flags in (0xA000_0000, 0x8000_0000)
    ]
    return ends[0] + body + ends[1]


def id3v1(title: bytes, artist: bytes, pad: bytes) -> bytes:
    """Return a tag of version 1, padded with NUL or with blanks; its genre is Rock."""
    return b"TAG" + title.ljust(30, pad) + artist.ljust(30, pad) + bytes(34 + 30) + bytes([17])
