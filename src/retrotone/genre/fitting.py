"""A classifier of one's own genres in a minute: linear heads on musicnn's output."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from retrotone.errors import GenreError
from retrotone.features.analysis import Analysis, analyse
from retrotone.genre.base import FACTS
from retrotone.genre.classifier import LEAST_TRACKS, GenreClassifier
from retrotone.genre.datasets import LabelledTrack
from retrotone.genre.splits import sides
from retrotone.progress import Progress, part, silent
from retrotone.utils.files import write_whole
from retrotone.utils.logs import log

# Of the time.
ANALYSIS_SHARE = 0.95


class Fitted(NamedTuple):
    """The result of `fit_folder`.

    Attributes
    ----------
    model : GenreClassifier
    truth : list of str
        The genres of the validation tracks.
    probabilities : ndarray, shape (tracks, genres)
        The model's, of the validation tracks.
    learned_from : list of str
        The `LabelledTrack.key` of the training tracks.
    """

    model: GenreClassifier
    truth: list[str]
    probabilities: NDArray[np.float64]
    learned_from: list[str]

    def save(self, folder: str | os.PathLike[str], **facts: Any) -> None:
        """Write the model, and what it learned from and `facts` into ``model.json``."""
        self.model.save_pretrained(folder)
        known = {"network": "embedding", "genres": self.model.classes_.tolist(), "learned_from": self.learned_from}
        write_whole(Path(folder) / FACTS, json.dumps(facts | known, indent=1).encode())


def fit_folder(recordings: str | os.PathLike[str], progress: Progress = silent) -> Fitted:
    """Fit the bundled classifier's recipe to a folder of music; about a fifth of it is kept to validate on.

    Parameters
    ----------
    recordings : path-like
        With a folder for each genre; see `retrotone.genre.splits.sides`.
    progress : Progress

    Raises
    ------
    GenreError, AudioError
        A collection that cannot be used.
    """
    learnt_from, checked_on = sides(recordings)
    counts = Counter(track.genre for track in learnt_from)
    if few := sorted(genre for genre, count in counts.items() if count < LEAST_TRACKS):
        if len(counts) - len(few) < 2:
            raise GenreError(
                f"{recordings} leaves one track to learn from, without those to validate on, "
                f"of {', '.join(few)}: add tracks"
            )
        log.warning("%s: left out, as there is one track to learn from", ", ".join(few))
        learnt_from, checked_on = (
            [track for track in side if track.genre not in few] for side in (learnt_from, checked_on)
        )
    analyses = _analyses([*learnt_from, *checked_on], part(progress, 0.0, ANALYSIS_SHARE))
    known, unknown = analyses[: len(learnt_from)], analyses[len(learnt_from) :]
    progress(ANALYSIS_SHARE, "learning")
    genres, artists = [track.genre for track in learnt_from], [track.artist for track in learnt_from]
    model = GenreClassifier().fit(known, genres, artists)
    return Fitted(
        model, [track.genre for track in checked_on], model.predict_proba(unknown), [track.key for track in learnt_from]
    )


def _analyses(tracks: list[LabelledTrack], progress: Progress) -> list[Analysis]:
    analyses = []
    for number, track in enumerate(tracks):
        assert track.path is not None
        analyses.append(analyse(track.path, part(progress, number / len(tracks), (number + 1) / len(tracks))))
    return analyses
