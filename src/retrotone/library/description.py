"""Description: what the library makes of an analysis, and searches by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrotone.features.analysis import VERSION, Analysis
from retrotone.features.gtzan import COLUMNS
from retrotone.features.key import key_of
from retrotone.library import embedding

ERAS = ("60s", "70s", "80s", "90s", "00s")  # the decades among musicnn's tags
TOP_TAGS = 5
DIGITS = 4  # of a stored likelihood
# A new one makes the next scan describe all tracks anew, of those that were heard by this version of analysis.
RECIPE = f"analysis {VERSION}, {embedding.RECIPE}, genres 1, keys 1"


@dataclass(frozen=True, eq=False)
class Description:
    """What is searched.

    Attributes
    ----------
    vector : ndarray, shape (d,), float32
        See `embedding.embed`.
    genre : str
        `GenreClassifier`'s answer, sure or not.
    confidence : float
    sure : bool
    genres : dict of str to float
        The probability of each.
    tags : dict of str to float
        The likeliest of musicnn's tags, the likeliest first.
    eras : dict of str to float
        How likely each of `ERAS` is.
    tempo : float or None
        In beats per minute.
    key : str or None
        As "F# minor"; None where there is none, or where the analysis is older than keys.
    loudness : float or None
        In LUFS.
    recipe : str
        What made it: others are not to be compared with it.
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
    """Return what the library makes of an analysis.

    Raises
    ------
    AnalysisError
        Its taggram is not known.
    """
    from retrotone.features.musicnn import LABELS

    vector = embedding.embed(analysis)
    assert analysis.taggram is not None
    from retrotone.genre.classifier import bundled_classifier

    answer = bundled_classifier().answer(analysis)
    means = analysis.taggram.mean(axis=0)
    likely = {LABELS[k]: round(float(means[k]), DIGITS) for k in np.argsort(-means, kind="stable")}
    tempo = None if analysis.columns is None else float(analysis.columns[COLUMNS.index("tempo")])
    return Description(
        vector=vector,
        genre=answer.genre,
        confidence=answer.confidence,
        sure=answer.sure,
        genres={genre: round(p, DIGITS) for genre, p in answer.probabilities.items()},
        tags=dict(list(likely.items())[:TOP_TAGS]),
        eras={era: likely[era] for era in ERAS},
        tempo=tempo,
        key=None if analysis.chroma is None else key_of(analysis.chroma),
        loudness=analysis.loudness,
    )
