"""What the genre of a piece tells of its tempo and key, learned by `tools/train_tempo_and_key.py`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import TypedDict

from retrotone.utils.assets import asset

FILE = "tempo_and_key.json"


class GenrePriors(TypedDict):
    """The numbers of `FILE`.

    Attributes
    ----------
    log2_tempo : dict of str to list of float
        Mean and standard deviation of log2 of beats per minute, of each genre and of "any".
    minor : dict of str to float
        The share of pieces in minor keys, of each genre.
    pulse : list of list of float
        The weights of `tempo.periodicity`: a row for each lag and frequency, a column for each band.
    profile_weight, mode_weight : float
        See `key.key_of`.
    """

    log2_tempo: dict[str, list[float]]
    minor: dict[str, float]
    pulse: list[list[float]]
    profile_weight: float
    mode_weight: float


@cache
def genre_priors() -> GenrePriors:
    """Return what was learned."""
    priors: GenrePriors = json.loads(asset(FILE).read_text("utf-8"))
    return priors


def known_shares(genres: Mapping[str, float]) -> dict[str, float]:
    """Return the probabilities of those genres that something was learned of, with a sum of 1; or an empty dict."""
    known = {genre: share for genre, share in genres.items() if genre in genre_priors()["minor"]}
    total = sum(known.values())
    return {genre: share / total for genre, share in known.items()} if total > 0 else {}
