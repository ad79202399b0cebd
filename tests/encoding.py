"""Recordings in the formats that only FFmpeg writes."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np

from retrotone.audio.audio import Audio


def encode(path: Path, audio: Audio, codec: str, container: str | None = None, **options: str) -> Path:
    """Write a file by FFmpeg."""
    layout = "stereo" if audio.channels == 2 else "mono"
    with av.open(str(path), "w", format=container, options=options) as file:
        stream = file.add_stream(codec, rate=audio.sample_rate, layout=layout)
        stream.bit_rate = 192_000
        context = stream.codec_context
        context.open()
        pieces = av.AudioResampler(context.format, context.layout, audio.sample_rate, context.frame_size or 4096)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(audio.samples), "fltp", layout)
        frame.sample_rate, frame.pts = audio.sample_rate, 0
        for piece in [*pieces.resample(frame), *pieces.resample(None)]:
            file.mux(stream.encode(piece))
        file.mux(stream.encode(None))
    return path
