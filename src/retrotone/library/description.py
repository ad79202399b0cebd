"""Description: the vector, genre, tags and other values that the library derives from an analysis and searches."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrotone.features.analysis import VERSION, Analysis
from retrotone.features.key import key_of
from retrotone.features.tags import ranked_tags
from retrotone.features.tempo import tempo_of
from retrotone.library import embedding

# The decades among musicnn's tags.
ERAS = ("60s", "70s", "80s", "90s", "00s")
TOP_TAGS = 5
# Decimal digits of a stored likelihood.
DIGITS = 4
# If it changes, the next scan describes all tracks again whose analysis has the current version.
RECIPE = f"analysis {VERSION}, {embedding.RECIPE}, genres 4, keys 2, tempi 2"


@dataclass(frozen=True, eq=False)
class Description:
    """What the library stores of a track for searches.

    Attributes
    ----------
    vector : ndarray, shape (d,), float32
        See `embedding.embed`; zeros for silence.
    genre : str
        The answer of `GenreClassifier`, whether it is sure or not; empty for silence.
    confidence : float
    sure : bool
    genres : dict of str to float
        The probability of each.
    tags : dict of str to float
        The likeliest of musicnn's tags, in falling order, with their likelihoods.
    eras : dict of str to float
        The likelihood of each of `ERAS`.
    tempo : float or None
        In beats per minute; None without onsets, or if the analysis has no pulse.
    key : str or None
        As "F# minor"; None if no key is clear, or the analysis has no pitch classes.
    loudness : float or None
        In LUFS.
    recipe : str
        The version of all that made it; descriptions of different recipes cannot be compared.
    """

    vector: NDArray[np.float32]
    genre: str
    confidence: float
    sure: bool
    genres: dict[str, float]
    tags: dict[str, float]
    eras: dict[str, float]
    tempo: float | None
    key: str | None
    loudness: float | None
    recipe: str = RECIPE


def describe(analysis: Analysis) -> Description:
    """Return the description of an analysis; silence has no genre, no tags and a vector of zeros.

    Raises
    ------
    AnalysisError
        It has no taggram, and is not of silence.
    """
    if analysis.loudness == -np.inf:
        return Description(embedding.no_vector(), "", 0.0, False, {}, {}, {}, None, None, -np.inf)
    vector, answer = embedding.embed_with_answer(analysis)
    assert analysis.taggram is not None
    likely = {tag: round(p, DIGITS) for tag, p in ranked_tags(analysis.taggram).items()}
    return Description(
        vector=vector,
        genre=answer.genre,
        confidence=answer.confidence,
        sure=answer.sure,
        genres={genre: round(p, DIGITS) for genre, p in answer.probabilities.items()},
        tags=dict(list(likely.items())[:TOP_TAGS]),
        eras={era: likely[era] for era in ERAS},
        tempo=None if analysis.pulse is None else tempo_of(analysis.pulse, answer.probabilities),
        key=None if analysis.pitch_classes is None else key_of(analysis.pitch_classes, answer.probabilities),
        loudness=analysis.loudness,
    )
