"""Scores of genre classifiers, with confidence intervals."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from retrotone.errors import GenreError
from retrotone.features.analysis import Analysis
from retrotone.genre.classifier import GenreClassifier
from retrotone.genre.datasets import LabelledTrack, folds, gtzan_split, most_folds
from retrotone.genre.models import learned_from, open_model
from retrotone.progress import Progress, part, silent
from retrotone.utils.logs import log
from retrotone.utils.text import counted

# The normal distribution's two-sided 95 % quantile.
Z_95 = 1.959964
# Of the expected calibration error, as in Guo et al. (2017).
BINS = 15
FOLDS = 5


@dataclass(frozen=True, eq=False)
class Evaluation:
    """A classifier's scores on tracks whose genres are known.

    Attributes
    ----------
    genres : tuple of str
    tracks : int
    accuracy : float
    interval : tuple of float
        Wilson's 95 % interval of the accuracy.
    macro_f1 : float
        The mean over genres of F1.
    calibration_error : float
        Expected calibration error in `BINS` bins of confidence.
    confusion : ndarray, shape (genres, genres), int64
        Tracks by true genre (rows) and answer (columns).
    """

    genres: tuple[str, ...]
    tracks: int
    accuracy: float
    interval: tuple[float, float]
    macro_f1: float
    calibration_error: float
    confusion: NDArray[np.int64]


def evaluate(truth: Sequence[str], probabilities: ArrayLike, genres: Sequence[str]) -> Evaluation:
    """Score probabilities against the truth.

    Parameters
    ----------
    truth : sequence of str, length n
    probabilities : array_like, shape (n, genres)
    genres : sequence of str
        In the order of the columns: `GenreClassifier.classes_`.

    Raises
    ------
    GenreError
        No tracks, shapes that do not match, or a true genre that is not among `genres`.
    """
    p = np.asarray(probabilities, float)
    if len(truth) == 0 or p.shape != (len(truth), len(genres)):
        given = (
            f"probabilities of shape {p.shape} for {counted(len(truth), 'track')} and {counted(len(genres), 'genre')}"
        )
        raise GenreError(f"{given}: give a row for each track, at least one")
    if unknown := sorted(set(truth) - set(genres)):
        raise GenreError(f"{', '.join(unknown)}: the classifier knows {', '.join(genres)}")
    index = {genre: number for number, genre in enumerate(genres)}
    true, answered = np.array([index[genre] for genre in truth]), p.argmax(axis=1)
    confusion = np.zeros((len(genres), len(genres)), np.int64)
    np.add.at(confusion, (true, answered), 1)
    hits = np.diag(confusion)
    both = confusion.sum(axis=0) + confusion.sum(axis=1)
    # a genre that neither occurs nor is answered has no F1
    f1 = 2 * hits[both > 0] / both[both > 0]
    return Evaluation(
        genres=tuple(genres),
        tracks=len(truth),
        accuracy=float((true == answered).mean()),
        interval=wilson_interval(int(hits.sum()), len(truth)),
        macro_f1=float(f1.mean()),
        calibration_error=calibration_error(p.max(axis=1), true == answered),
        confusion=confusion,
    )


def wilson_interval(hits: int, trials: int) -> tuple[float, float]:
    """Return the 95 % interval of a share (Wilson 1927).

    Examples
    --------
    >>> low, high = wilson_interval(90, 100)
    >>> f"{low:.3f} to {high:.3f}"
    '0.826 to 0.945'
    """
    share, spread = hits / trials, Z_95**2 / trials
    middle = (share + spread / 2) / (1 + spread)
    reach = Z_95 * np.sqrt(share * (1 - share) / trials + spread / (4 * trials)) / (1 + spread)
    return max(float(middle - reach), 0.0), min(float(middle + reach), 1.0)


def calibration_error(confidence: ArrayLike, right: ArrayLike) -> float:
    """Return the expected calibration error (Guo et al. 2017): the mean gap between accuracy and confidence.

    The gaps are those of `BINS` bins of confidence, weighted by their number of tracks.

    Parameters
    ----------
    confidence : array_like, shape (n,)
        In [0, 1]: of the answer given.
    right : array_like, shape (n,), bool
        Whether it was right.

    Examples
    --------
    >>> round(calibration_error([0.9, 0.9, 0.9, 0.9], [True, True, True, False]), 3)
    0.15
    """
    sure, hit = np.asarray(confidence, float), np.asarray(right, float)
    bins = np.minimum((sure * BINS).astype(int), BINS - 1)
    gaps = np.bincount(bins, weights=hit - sure, minlength=BINS)
    return float(np.abs(gaps).sum() / len(sure))


def cross_validate(
    analyses: Sequence[Analysis],
    genres: Sequence[str],
    artists: Sequence[str | None] | None,
    k: int = FOLDS,
    seed: int = 0,
    progress: Progress = silent,
    copies: Sequence[Sequence[Analysis]] | None = None,
) -> NDArray[np.float64]:
    """Return the probabilities of each track by a classifier that has not learned from its artist.

    Parameters
    ----------
    analyses : sequence of Analysis, length n
    genres : sequence of str, length n
    artists : sequence of str or None, length n, or None
        None: tracks are split at random, and an artist's tracks may lie on both sides. That leak inflates many
        published figures.
    k : int
        Folds.
    seed : int
    progress : Progress
        Called after each fold.
    copies : sequence of sequence of Analysis, length n, optional
        As in `GenreClassifier.fit`.

    Returns
    -------
    ndarray, shape (n, genres)
        In alphabetical order of the genres. Where a fold leaves less than two tracks of a genre to learn from, its
        probability is 0.

    Raises
    ------
    GenreError
        More folds than tracks in any genre, or less than two genres to learn from.
    """
    known = list(artists) if artists is not None else [None] * len(genres)
    tracks = [LabelledTrack(str(i), genre, artist) for i, (genre, artist) in enumerate(zip(genres, known, strict=True))]
    order = sorted(set(genres))
    result = np.zeros((len(genres), len(order)))
    fold = folds(tracks, k, seed)
    for index in range(k):
        left = Counter(genre for genre, own in zip(genres, fold, strict=True) if own != index)
        inside = [i for i in range(len(genres)) if fold[i] != index and left[genres[i]] > 1]
        outside = [i for i in range(len(genres)) if fold[i] == index]
        classifier = GenreClassifier(seed=seed).fit(
            [analyses[i] for i in inside],
            [genres[i] for i in inside],
            [known[i] for i in inside],
            None if copies is None else [copies[i] for i in inside],
        )
        answers = classifier.predict_proba([analyses[i] for i in outside])
        for column, genre in enumerate(classifier.classes_):
            result[outside, order.index(genre)] = answers[:, column]
        progress((index + 1) / k, f"fold {index + 1} of {k}")
    return result


def judge(
    tracks: Sequence[LabelledTrack],
    analyses: Sequence[Analysis],
    own: str | os.PathLike[str] | None = None,
    progress: Progress = silent,
) -> dict[str, Evaluation]:
    """Score a classifier on tracks, and the bundled one's method when it learns from these very tracks.

    That is done twice, with artists kept apart and with tracks drawn at random, as much of the literature has done:
    what the second claims beyond the first is the leak of artists.

    Parameters
    ----------
    tracks : sequence of LabelledTrack, length n
    analyses : sequence of Analysis, length n
    own : path-like, optional
        The classifier, see `retrotone.genre.models.open_model`; by default the bundled one.
    progress : Progress
        Called after each fold.

    Returns
    -------
    dict of str to Evaluation
        By name, the figure to go by first. The bundled classifier is missing where a genre is none of its ten, and what
        is learned where there are too few tracks for that, with one line in the log.

    Raises
    ------
    GenreError
        Neither can be had, or a genre that a classifier of one's own does not know.
    ModelError
        No such classifier, or damaged.
    """
    result, inflated = _score_model(tracks, analyses, own)
    try:
        _score_method(tracks, analyses, result, inflated, progress)
    except GenreError as error:
        few = f"these tracks are too few to learn from and test on: {error}"
        if not result and not inflated:
            raise GenreError(few) from error
        log.warning(few)
    return result | inflated


Scores = dict[str, Evaluation]


def _score_model(
    tracks: Sequence[LabelledTrack], analyses: Sequence[Analysis], own: str | os.PathLike[str] | None
) -> tuple[Scores, Scores]:
    """Score a trained classifier; the second of the two results holds it if it has learned from some of the tracks."""
    genres = [track.genre for track in tracks]
    name = "bundled" if own is None else os.fspath(own)
    model = GenreClassifier.from_pretrained() if own is None else open_model(own)
    if own is None and not set(genres) <= set(model.classes_):
        return {}, {}
    learnt = [*gtzan_split("train"), *gtzan_split("valid")]
    known = {track.key for track in learnt} if own is None else learned_from(own)
    inputs = analyses if isinstance(model, GenreClassifier) else [track.path or "" for track in tracks]
    scores = evaluate(genres, model.predict_proba(inputs), model.classes_.tolist())
    if known & {track.key for track in tracks}:
        return {}, {f"{name}, has learned from some of these": scores}
    return {name: scores}, {}


def _score_method(
    tracks: Sequence[LabelledTrack], analyses: Sequence[Analysis], result: Scores, inflated: Scores, progress: Progress
) -> None:
    """Add the scores of the bundled classifier's method, cross-validated on the tracks."""
    genres, artists = [track.genre for track in tracks], [track.artist for track in tracks]
    k = min(FOLDS, most_folds(tracks))

    def score(artists: Sequence[str | None] | None, stage: Progress) -> Evaluation:
        answers = cross_validate(analyses, genres, artists, k, progress=stage)
        return evaluate(genres, answers, sorted(set(genres)))

    if not any(artists):
        result["taught on these, artists unknown"] = score(None, progress)
        return
    result["taught on these, artists apart"] = score(artists, part(progress, 0.0, 0.5))
    inflated["taught on these at random, artists leak: inflated"] = score(None, part(progress, 0.5, 1.0))
