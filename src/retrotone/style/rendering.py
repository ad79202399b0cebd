"""What comes out: rendered in chunks, held in a spool, given the content's loudness, its peaks kept in bounds."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from retrotone.audio.audio import PEAK_CEILING, log
from retrotone.audio.files import BLOCK_FRAMES
from retrotone.dsp.limiter import limited
from retrotone.dsp.loudness import LoudnessMeter, PeakMeter
from retrotone.errors import OutputError
from retrotone.progress import Progress
from retrotone.style.sample import Sample
from retrotone.types import Block, Source

# 1 dB: less is nobody's business
AUDIBLE_LIMITING = 10 ** (1 / 20)
# results above this wait on disk
SPOOL_BYTES = 256 << 20


@dataclass
class Rendering:
    """A rendered recording in a spool, with what brings it to the content's loudness and in bounds."""

    source: Source
    spool: IO[bytes]
    frames: int
    # LUFS, of the content
    loudness: float
    gain: np.float32
    ceiling: float | None

    @classmethod
    def collect(
        cls,
        rendered: Iterable[Block],
        content: Sample,
        source: Source,
        ceiling: float,
        spool: IO[bytes],
        progress: Progress,
    ) -> Rendering:
        """Take in what is rendered, shape (channels, n) a block, and settle gain and ceiling.

        Raises
        ------
        OutputError
            The spool's disk is full.
        """
        meter, peaks = LoudnessMeter(source.channels, source.sample_rate), PeakMeter(source.channels)
        frames = 0
        for block in rendered:
            meter.add(block)
            peaks.add(block)
            try:
                spool.write(np.ascontiguousarray(block.T, np.float32).data)
            except OSError as error:
                raise OutputError(
                    f"no room for the result in {tempfile.gettempdir()}: free some space there"
                ) from error
            frames += block.shape[1]
            progress(min(frames / content.frames, 1.0), f"rendering {Path(source.name).name}")
        gain = np.float32(1.0)
        if np.isfinite(content.loudness) and np.isfinite(meter.integrated):
            gain = np.float32(10 ** ((content.loudness - meter.integrated) / 20))
        peak = peaks.finish() * float(gain)
        if peak > ceiling * AUDIBLE_LIMITING:
            log.warning(
                "%s: limited peaks that rose %.1f dB above -1 dBTP",
                source.name,
                20 * np.log10(peak / PEAK_CEILING),
            )
        return cls(source, spool, frames, content.loudness, gain, ceiling if peak > ceiling else None)

    def blocks(self) -> Iterator[Block]:
        """Yield the finished sound in blocks of shape (channels, n)."""
        loud = self._loud()
        return loud if self.ceiling is None else limited(loud, self.source.sample_rate, self.ceiling)

    def _loud(self) -> Iterator[Block]:
        channels = self.source.channels
        self.spool.seek(0)
        while data := self.spool.read(BLOCK_FRAMES * channels * 4):
            yield np.frombuffer(data, np.float32).reshape(-1, channels).T * self.gain


def with_context(
    chunks: Iterable[NDArray[np.complex64]], before: int, after: int
) -> Iterator[tuple[NDArray[np.complex64], slice]]:
    """Yield each chunk with frames of its neighbours around it, and where in it the chunk itself lies."""
    previous: NDArray[np.complex64] | None = None
    held: NDArray[np.complex64] | None = None
    for chunk in chunks:
        if held is not None:
            # too short to be a neighbour: let it join
            if chunk.shape[1] < after:
                held = np.concatenate([held, chunk], axis=1)
                continue
            yield _joined(previous, held, chunk[:, :after], before)
            previous = held
        held = chunk
    if held is not None:
        yield _joined(previous, held, held[:, :0], before)


def _joined(
    previous: NDArray[np.complex64] | None,
    chunk: NDArray[np.complex64],
    following: NDArray[np.complex64],
    before: int,
) -> tuple[NDArray[np.complex64], slice]:
    earlier = chunk[:, :0] if previous is None else previous[:, -before:]
    start = earlier.shape[1]
    return np.concatenate([earlier, chunk, following], axis=1), slice(start, start + chunk.shape[1])
