"""The genre classifier's input: a track's analysis as rows of numbers, one set for each head."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from retrotone.features.analysis import Analysis
from retrotone.features.audioset import MUSIC, MUSIC_LABELS
from retrotone.features.gtzan import COLUMNS, at_level

# Of a likelihood: smaller ones are the front end's rounding.
FLOOR = 1e-4
# Columns that are not used: level is taken out of the others, and a waveform's mean has nothing to do with music.
LEFT_OUT = ("rms_mean", "harmony_mean", "perceptr_mean")
KEPT = tuple(index for index, name in enumerate(COLUMNS) if name not in LEFT_OUT)
# Of one sign, and over powers of ten; cepstral means have both signs.
LOGARITHMIC = np.array([not (COLUMNS[index].startswith("mfcc") and COLUMNS[index].endswith("mean")) for index in KEPT])
TINY = 1e-12

HEADS = ("patches", "statistics", "statistics+columns", "columns", "sounds")
ANSWERING = (
    ("patches", "statistics+columns", "sounds"),
    ("patches", "statistics", "sounds"),
    ("patches", "statistics+columns"),
    ("patches", "statistics"),
    ("columns",),
)
"""Which heads answer together, by what is known of a track: the first of which everything is known."""

# Weights of the heads' log-probabilities where several answer together: on ten draws of artist-grouped folds of GTZAN's
# train tracks, a half was more accurate than one on each draw, by 0.95 points on average.
HEAD_WEIGHTS = {"patches": 1.0, "statistics": 0.5, "statistics+columns": 0.5, "columns": 1.0, "sounds": 0.5}

Rows = NDArray[np.float64]


def evidence(analysis: Analysis, head: str) -> Rows | None:
    """Return a head's input, shape (rows, numbers), or None where the analysis lacks it.

    Parameters
    ----------
    analysis : Analysis
    head : str
        ``patches`` has a row for each patch, ``statistics`` and ``statistics+columns`` one for each excerpt,
        ``columns`` one, ``sounds`` one for each crop.
    """
    if head == "sounds":
        sounds = analysis.sounds
        return None if sounds is None else sounds[:, MUSIC : MUSIC + len(MUSIC_LABELS)].astype(float)
    if ("columns" in head and analysis.columns is None) or (head != "columns" and analysis.taggram is None):
        return None
    if head == "columns":
        return _columns(analysis)[None]
    if head == "patches":
        assert analysis.taggram is not None
        return log_odds(analysis.taggram)
    rows = np.stack([_statistics(excerpt) for excerpt in analysis.excerpts])
    if head == "statistics":
        return rows
    return np.hstack([rows, np.tile(_columns(analysis), (len(rows), 1))])


def log_odds(likelihoods: NDArray[np.floating]) -> Rows:
    """Return ln(p / (1 - p)), with `FLOOR` added above and below."""
    p = np.asarray(likelihoods, float)
    result: Rows = np.log((p + FLOOR) / (1 - p + FLOOR))
    return result


def _statistics(taggram: NDArray[np.float32]) -> Rows:
    """Mean log-odds, then mean, standard deviation and maximum of the likelihoods themselves: 4 x 50 numbers."""
    patches = taggram.astype(float)
    return np.concatenate(
        [log_odds(patches).mean(axis=0), patches.mean(axis=0), patches.std(axis=0), patches.max(axis=0)]
    )


def _columns(analysis: Analysis) -> Rows:
    assert analysis.columns is not None
    values = at_level(analysis.columns)[list(KEPT)]
    return np.where(LOGARITHMIC, np.log(np.maximum(values, TINY)), values)
