"""How far the style arrives and how much of the song stays, beside rivals: Matchering, eras' physics, a plain EQ."""

from __future__ import annotations

import logging
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import retrotone as rt
from benchmarks.pairs import Pair
from retrotone.metrics import Profile, measure
from retrotone.spectrum import istft, n_fft_for, stft

MEASURES = ("style_gain", "envelope_gain", "chroma_cosine", "onset_f1")


@dataclass(frozen=True)
class Score:
    """One method on one pair."""

    method: str
    pair: str
    values: tuple[float, ...]
    seconds: float


def score(pair: Pair) -> list[Score]:
    """Run every method on a pair and measure what came out."""
    content, style = Profile(pair.content), Profile(pair.style)
    scores = []
    for name, method in methods().items():
        began = time.perf_counter()
        output = method(pair.content, pair.style)
        seconds = time.perf_counter() - began
        measures = measure(content, style, Profile(output))
        scores.append(Score(name, pair.name, tuple(getattr(measures, key) for key in MEASURES), seconds))
    return scores


def methods() -> dict[str, Callable[[rt.Audio, rt.Audio], rt.Audio]]:
    """Return what is compared, by name."""
    named: dict[str, Callable[[rt.Audio, rt.Audio], rt.Audio]] = {
        f"transport, strength {strength:g}": lambda content, style, strength=strength: rt.StyleTransfer(
            strength=strength
        ).stylize(content, style)
        for strength in (0.25, 0.5, 0.75, 1.0)
    }
    named["spectral EQ"] = equalised
    try:
        import matchering  # noqa: F401
    except ImportError:
        return named
    return named | {"Matchering 2": matchered}


def equalised(content: rt.Audio, style: rt.Audio) -> rt.Audio:
    """Match the long-term spectrum: the plainest transfer there is."""
    style = style.mono().resample(content.sample_rate)
    n_fft = n_fft_for(content.sample_rate)
    chunks = [list(stft(audio.blocks(), n_fft)) for audio in (content, style)]
    power = [np.mean(np.square(np.abs(np.concatenate(c, axis=1))), axis=(0, 1)) for c in chunks]
    gain = np.sqrt((power[1] + 1e-6) / (power[0] + 1e-6)).astype(np.float32)
    blocks = istft((chunk * gain for chunk in chunks[0]), n_fft, content.frames)
    return content.with_samples(np.concatenate(list(blocks), axis=1)).with_loudness(content.loudness)


def matchered(content: rt.Audio, style: rt.Audio) -> rt.Audio:
    """Run Matchering 2 (https://pypi.org/project/matchering): EQ and level matching with a limiter."""
    import matchering

    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as folder:
        target, reference, result = (
            Path(folder) / f"{name}.wav" for name in ("target", "reference", "result")
        )
        content.save(target)
        style.save(reference)
        matchering.process(str(target), str(reference), [matchering.pcm24(str(result))])
        output = rt.load(result)
    logging.disable(logging.NOTSET)
    return output
