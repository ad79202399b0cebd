"""A rendered recording: held in a temporary file, given the content's loudness, its peaks limited."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from retrotone.audio.audio import PEAK_CEILING
from retrotone.audio.files import BLOCK_FRAMES
from retrotone.audio.spool import read_block, write_block
from retrotone.dsp.limiter import limited
from retrotone.dsp.loudness import LoudnessMeter, PeakMeter
from retrotone.progress import Progress
from retrotone.style.sample import Sample, TurnedDown
from retrotone.types import Block, Source, Spectrogram
from retrotone.utils.logs import log

# Limiting below 1 dB is not reported.
AUDIBLE_LIMITING = 10 ** (1 / 20)


@dataclass
class Rendering:
    """A rendered recording, with the gain that gives it the content's loudness and the ceiling of its peaks.

    Attributes
    ----------
    source : Source
        The content.
    spool : file
        Holds the samples as float32, channels interleaved.
    frames : int
        Samples per channel.
    loudness : float
        Of the content, in LUFS.
    gain : float32
    ceiling : float or None
        None where no peak exceeds it.
    """

    source: Source
    spool: IO[bytes]
    frames: int
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
        """Store rendered blocks and determine gain and ceiling.

        Parameters
        ----------
        rendered : iterable of ndarray, shape (channels, n)
            At any level.
        content : Sample
        source : Source
            The content.
        ceiling : float
            Of the true peak; full scale is 1.
        spool : file
            Open for reading and writing.
        progress : Progress
            Reports how much is rendered.

        Raises
        ------
        OutputError
            The disk of the temporary file is full.
        """
        meter, peaks = LoudnessMeter(source.channels, source.sample_rate), PeakMeter(source.channels)
        frames = 0
        for block in rendered:
            meter.add(block)
            peaks.add(block)
            write_block(spool, block)
            frames += block.shape[1]
            progress(min(frames / content.frames, 1.0), f"rendering {Path(source.name).name}")
        gain = np.float32(1.0)
        if np.isfinite(content.loudness) and np.isfinite(meter.integrated):
            gain = np.float32(10 ** ((content.loudness - meter.integrated) / 20))
        peak = peaks.finish() * float(gain)
        # its loudness was not to be had below full scale: peaks keep their shape
        if isinstance(source, TurnedDown) and peak > ceiling:
            gain *= np.float32(ceiling / peak)
            peak = ceiling
        if peak > ceiling * AUDIBLE_LIMITING:
            log.warning(
                "%s: limited peaks that rose %.1f dB above -1 dBTP", source.name, 20 * np.log10(peak / PEAK_CEILING)
            )
        return cls(source, spool, frames, content.loudness, gain, ceiling if peak > ceiling else None)

    def blocks(self) -> Iterator[Block]:
        """Yield the result at its final level in blocks of shape (channels, n)."""
        blocks = self._amplified()
        if self.ceiling is None:
            return blocks
        return limited(blocks, self.source.sample_rate, self.ceiling)

    def _amplified(self) -> Iterator[Block]:
        self.spool.seek(0)
        while (block := read_block(self.spool, self.source.channels, BLOCK_FRAMES)).size:
            yield block * self.gain


def with_context(chunks: Iterable[Spectrogram], before: int, after: int) -> Iterator[tuple[Spectrogram, slice]]:
    """Yield each chunk with frames of its neighbours around it, and the slice of the chunk itself.

    Parameters
    ----------
    chunks : iterable of ndarray, shape (channels, frames, bins)
    before, after : int
        Frames of context. The first chunk has none before it, the last none after it.
    """
    previous: Spectrogram | None = None
    held: Spectrogram | None = None
    for chunk in chunks:
        if held is not None:
            # too short to be context: it joins the chunk before
            if chunk.shape[1] < after:
                held = np.concatenate([held, chunk], axis=1)
                continue
            yield _joined(previous, held, chunk[:, :after], before)
            previous = held
        held = chunk
    if held is not None:
        yield _joined(previous, held, held[:, :0], before)


def _joined(
    previous: Spectrogram | None, chunk: Spectrogram, following: Spectrogram, before: int
) -> tuple[Spectrogram, slice]:
    earlier = chunk[:, :0] if previous is None else previous[:, -before:]
    start = earlier.shape[1]
    return np.concatenate([earlier, chunk, following], axis=1), slice(start, start + chunk.shape[1])
