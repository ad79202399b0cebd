"""Methods that give a song a record's sound: ours, the study's loop, and competitors."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np

import retrotone as rt
from benchmarks.pairs import Pair
from retrotone.dsp.stft import STUDY_RATE, istft, n_fft_for, stft
from retrotone.style.gram import GramTransfer

Method = Callable[[Pair], rt.Audio]

STRENGTHS = (0.25, 0.5, 0.75, 1.0)
PLATEAU_STEPS, LEARNING_RATE = 40, 0.03  # of 2,500: the clamp lets an entry move by 1 at most, which takes 34
AGE_SEED = 1000  # of noise and wow that neither the record has nor parlour has learned from
TRANSPORT, ERAS, RAVE, MATCHERING = "transport, strength 1", "eras", "RAVE: parlour", "Matchering 2"


def methods(gram_steps: int) -> dict[str, Method]:
    """Return what is compared, by name: Matchering only where it is installed."""
    named: dict[str, Method] = {
        f"transport, strength {strength:g}": lambda pair, strength=strength: rt.StyleTransfer(
            "transport", strength=strength
        ).stylize(pair.content, pair.style)
        for strength in STRENGTHS
    }
    named["spectral EQ"] = equalised
    if find_spec("matchering"):
        named[MATCHERING] = matched
    return named | {
        "the study's loop": studied,
        "gram": lambda pair: _descended(pair, rt.StyleTransfer(method="gram", gram=GramTransfer(steps=gram_steps))),
        RAVE: lambda pair: _parlour().restyle(pair.content),
        ERAS: aged,
    }


def aged(pair: Pair) -> rt.Audio:
    """Apply the physics that aged the record to the song: the record itself is not used."""
    assert pair.era
    return rt.age(pair.content, pair.era, seed=AGE_SEED)


def studied(pair: Pair) -> rt.Audio:
    """Run the study's loop: Adam on the clamped spectrogram, then Griffin-Lim from a random phase.

    Its gradients are taken in closed form, which changes nothing but the time, and it makes fewer steps.
    """
    recipe = GramTransfer.study(learning_rate=LEARNING_RATE, steps=PLATEAU_STEPS)
    return _descended(pair, rt.StyleTransfer(method="gram", resynthesis="random", noise=0, gram=recipe))


def equalised(pair: Pair) -> rt.Audio:
    """Match the long-term spectrum: the plainest transfer there is."""
    content = pair.content
    style = pair.style.mono().resample(content.sample_rate)
    n_fft = n_fft_for(content.sample_rate)
    chunks = [list(stft(audio.blocks(), n_fft)) for audio in (content, style)]
    power = [np.mean(np.square(np.abs(np.concatenate(c, axis=1))), axis=(0, 1)) for c in chunks]
    gain = np.sqrt((power[1] + 1e-6) / (power[0] + 1e-6)).astype(np.float32)
    blocks = istft((chunk * gain for chunk in chunks[0]), n_fft, content.frames)
    return content.with_samples(np.concatenate(list(blocks), axis=1)).with_loudness(content.loudness)


def matched(pair: Pair) -> rt.Audio:
    """Run Matchering 2 (https://pypi.org/project/matchering): EQ and level matching with a limiter."""
    import matchering

    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as folder:
        target, reference, result = (Path(folder) / f"{name}.wav" for name in ("target", "reference", "result"))
        pair.content.save(target)
        pair.style.save(reference)
        matchering.process(str(target), str(reference), [matchering.pcm24(str(result))])
        output = rt.load(result)
    logging.disable(logging.NOTSET)
    return output


def _descended(pair: Pair, transfer: rt.StyleTransfer) -> rt.Audio:
    """Descend on the study's own terms: mono at 22.05 kHz."""
    content, style = (audio.mono().resample(STUDY_RATE) for audio in (pair.content, pair.style))
    return transfer.stylize(content, style)


@cache
def _parlour() -> rt.RaveModel:
    return rt.RaveModel.from_pretrained()
