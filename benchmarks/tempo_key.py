"""Tempo and key beside published annotations of GTZAN."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import mir_eval
import numpy as np
from numpy.typing import NDArray

from benchmarks.page import MissingDataError, Page, table
from retrotone.features.analysis import Analysis, analyse
from retrotone.features.gtzan import COLUMNS
from retrotone.features.key import MAJOR, MINOR, correlations
from retrotone.genre.datasets import gtzan_split
from retrotone.library.description import describe
from retrotone.utils.threads import one_thread

GTZAN = Path("../shared/gtzan")
# a tempo is right within 4 %
RIGHT = 0.04
NO_KEY = "X"


@dataclass(frozen=True)
class TempoKey:
    """The answers for validation tracks that are here as audio.

    Attributes
    ----------
    tempo, librosa_tempo : ndarray, shape (tracks, 2)
        Whether each is right, and whether it is with a factor of 2 or 3.
    key, chroma_key : ndarray, shape (tracks with a key,)
        MIREX scores: 1 if right, 0.5 for a fifth above, 0.3 for the relative key, 0.2 for the parallel one.
    """

    tempo: NDArray[np.bool_]
    librosa_tempo: NDArray[np.bool_]
    key: NDArray[np.float64]
    chroma_key: NDArray[np.float64]


def measure_tempo_key() -> TempoKey:
    """Analyse all of them."""
    annotations = GTZAN / "key_and_tempo.csv"
    if not annotations.exists():
        raise MissingDataError(f"the annotated keys and tempi of GTZAN would be in {annotations}")
    with annotations.open() as file:
        truth = {row["track"]: row for row in csv.DictReader(file)}
    paths = [GTZAN / "audio" / track.genre / f"{track.name}.ogg" for track in gtzan_split("valid")]
    paths = [path for path in paths if path.exists()]
    tempi, librosa_tempi, keys, chroma_keys = [], [], [], []
    with one_thread():
        for path in paths:
            annotated, analysis = truth[path.stem], analyse(path)
            assert analysis.columns is not None
            description, tempo = describe(analysis), float(annotated["tempo_bpm"])
            tempi.append(_tempo_score(description.tempo, tempo))
            librosa_tempi.append(_tempo_score(analysis.columns[COLUMNS.index("tempo")], tempo))
            if (index := int(annotated["key_index"])) >= 0:
                # the annotation counts from A
                key = f"{MAJOR[(index + 9) % 12]} {'minor' if index >= 12 else 'major'}"
                keys.append(mir_eval.key.weighted_score(key, description.key or NO_KEY))
                chroma_keys.append(mir_eval.key.weighted_score(key, _chroma_key(analysis)))
    return TempoKey(np.array(tempi), np.array(librosa_tempi), np.array(keys), np.array(chroma_keys))


def page(found: TempoKey) -> Page:
    """Return the section."""
    tempo = [
        [name, *(_share(column) for column in right.T)]
        for name, right in (("retrotone", found.tempo), ("librosa's `beat_track` starts from", found.librosa_tempo))
    ]
    key = [
        [name, _share(scores == 1), f"{scores.mean():.3f}"]
        for name, scores in (("retrotone", found.key), ("librosa's chroma, the same profiles", found.chroma_key))
    ]
    return Page(f"""## Tempo and key

The validation tracks of GTZAN that are here as audio: {len(found.tempo)} with a tempo, {len(found.key)} with a key. The
annotations are A. Lerch's keys (gtzan_key) and the tempi of TempoBeatDownbeat (gtzan_tempo_beat). Nothing was fitted to
these tracks.

{table(["tempo", "right (4 %)", "or by a factor of 2 or 3"], tempo)}
{table(["key", "right", "weighted (MIREX)"], key)}""")


def _tempo_score(found: float | None, tempo: float) -> Sequence[bool]:
    """Return whether a tempo is right, and whether it is with a factor of 2 or 3."""
    ratios = [(found or np.nan) / tempo / factor for factor in (1, 1 / 3, 1 / 2, 2, 3)]
    right = [abs(ratio - 1) <= RIGHT for ratio in ratios]
    return right[0], any(right)


def _chroma_key(analysis: Analysis) -> str:
    """Return the key whose profile the mean chroma of the columns follows most closely."""
    assert analysis.chroma is not None
    best = int(correlations(analysis.chroma).argmax())
    return f"{MAJOR[best]} major" if best < len(MAJOR) else f"{MINOR[best - len(MAJOR)]} minor"


def _share(right: NDArray[np.bool_]) -> str:
    return f"{right.mean():.1%}"
