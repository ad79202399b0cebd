"""Two published models of hearing that tell how different two recordings sound; each needs the extra `bench`."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

import retrotone as rt

# Both expect this rate, and are given as much of the mono fold, from its middle.
RATE, SECONDS = 48_000, 4.0


def without_perception() -> str | None:
    """Return why these measures are left out, or None."""
    missing = [name for name in ("zimtohrli", "visqol") if not find_spec(name)]
    return f"not installed: {' and '.join(missing)} (pip install 'retrotone[bench]')" if missing else None


def excerpt(audio: rt.Audio) -> NDArray[np.float32]:
    """Return what is compared of a recording, shape (n,)."""
    begin = max(0.0, (audio.duration - SECONDS) / 2)
    part = audio.slice(begin, begin + SECONDS)
    return part.with_samples(part.samples.mean(axis=0, keepdims=True)).resample(RATE).samples[0]


def zimtohrli(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    """Return Zimtohrli's distance between two excerpts: 0 where no difference is heard.

    J. Alakuijala et al., "Zimtohrli: an efficient psychoacoustic audio similarity metric", 2025.
    """
    from zimtohrli import Pyohrli

    return float(Pyohrli().distance(first, second))


def visqol(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    """Return ViSQOL's quality of the second excerpt beside the first, in audio mode: from 1 to 5, which is the same.

    M. Chinen et al., "ViSQOL v3: an open source production ready objective speech and audio metric", QoMEX 2020.
    """
    return float(_visqol().measure_from_arrays(first.astype(float), second.astype(float), RATE).moslqo)


@cache
def _visqol() -> Any:
    from visqol import VisqolApi

    api = VisqolApi()
    api.create(mode="audio")
    return api
