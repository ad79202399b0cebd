"""Learn what `retrotone.features.tempo` and `retrotone.features.key` weigh: one command, some minutes on one core.

From GTZAN's 443 fault-filtered train tracks alone::

    .venv/bin/python tools/train_tempo_and_key.py ../shared/gtzan

The folder is that of ``train_genre.py``, with ``audio/<genre>/<track>.ogg`` for 163 of the tracks, and
``key_and_tempo.csv``, which joins two published annotations: the keys of A. Lerch's gtzan_key (``key_index``: 0 to 11
major, 12 to 23 minor, from A on, -1 unknown) and the tempi of TempoBeatDownbeat's gtzan_tempo_beat (``tempo_bpm``).
They are not copied into the project.

How usual tempi and modes are in a genre is counted on all tracks, the weights are fitted on those with audio, with the
genre that a classifier hears that has not seen the artist. Printed is what folds of artists score.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from train_genre import published

from retrotone.audio.audio import load
from retrotone.audio.listening import listen_to
from retrotone.dsp.stft import STUDY_RATE, magnitudes
from retrotone.features import genre_priors, tempo
from retrotone.features.gtzan import mel_decibels, middle_of, timbre
from retrotone.features.key import correlations
from retrotone.genre.classifier import GenreClassifier
from retrotone.genre.datasets import LabelledTrack, folds, gtzan_split

ASSET = Path(__file__).resolve().parents[1] / "src" / "retrotone" / "assets" / genre_priors.FILE
FOLDS = 5
# ridges of the weights of tempo and key, of six tried by folds of artists
PULSE_RIDGE, KEY_RIDGE = 10.0, 0.1
# a tempo is right within 4 %; the weights are fitted to tempi within 3 %
RIGHT, NEAR = 0.04, 0.03
A_ABOVE_C = 9

Rows = NDArray[np.float64]


def annotations(folder: Path, tracks: list[LabelledTrack]) -> tuple[NDArray[np.int64], Rows]:
    """Return the keys, the major ones from C on (0-11), then the minor ones (12-23), -1 unknown; and the tempi."""
    with (folder / "key_and_tempo.csv").open() as file:
        rows = {row["track"]: row for row in csv.DictReader(file)}
    keys = np.array([int(rows[track.name]["key_index"]) for track in tracks])
    from_c = np.where(keys < 0, -1, keys // 12 * 12 + (keys + A_ABOVE_C) % 12)
    return from_c, np.array([float(rows[track.name]["tempo_bpm"]) for track in tracks])


def heard_genres(folder: Path, tracks: list[LabelledTrack]) -> list[dict[str, float]]:
    """Return the genre of each track as a classifier hears it that was trained on the other folds of artists."""
    analyses, fold = published(folder, tracks), folds(tracks, FOLDS)
    heard: list[dict[str, float]] = [{}] * len(tracks)
    for k in range(FOLDS):
        known = np.flatnonzero(fold != k)
        classifier = GenreClassifier().fit(
            [analyses[i] for i in known], [tracks[i].genre for i in known], [tracks[i].artist for i in known]
        )
        for i in np.flatnonzero(fold == k):
            heard[i] = dict(classifier.answer(analyses[i]).probabilities)
    return heard


def usual(tracks: list[LabelledTrack], keys: NDArray[np.int64], tempi: Rows) -> genre_priors.GenrePriors:
    """Count tempi and modes by genre; the weights are still empty."""
    genres, octaves = np.array([track.genre for track in tracks]), np.log2(tempi)
    chosen = {genre: genres == genre for genre in sorted(set(genres))}
    moments = {genre: octaves[rows] for genre, rows in {**chosen, "any": genres != ""}.items()}
    minor = {genre: (1 + (keys[rows] >= 12).sum()) / (2 + (keys[rows] >= 0).sum()) for genre, rows in chosen.items()}
    return {
        "log2_tempo": {genre: [round(v.mean(), 3), round(v.std(), 3)] for genre, v in moments.items()},
        "minor": {genre: round(float(share), 3) for genre, share in minor.items()},
        "pulse": [],
        "profile_weight": 0.0,
        "mode_weight": 0.0,
    }


def weights(candidates: Rows, right: NDArray[np.bool_], offsets: Rows | float, ridge: float) -> Rows:
    """Return the weights that make the right candidates of each track likeliest.

    Parameters
    ----------
    candidates : ndarray, shape (tracks, candidates, features)
    right : ndarray, shape (tracks, candidates)
    offsets : ndarray, shape (tracks, candidates), or float
        Logarithms of what is known beforehand.
    ridge : float
        Half of this times the sum of squares is added to the negative log-likelihood.
    """

    def loss(w: Rows) -> tuple[float, Rows]:
        scores = candidates @ w + offsets
        likely = np.exp(scores - scores.max(axis=1, keepdims=True))
        total, hit = likely.sum(axis=1), (likely * right).sum(axis=1)
        slope = likely / total[:, None] - likely * right / hit[:, None]
        return np.log(total / hit).sum() + ridge / 2 * w @ w, np.tensordot(slope, candidates, 2) + ridge * w

    return np.asarray(minimize(loss, np.zeros(candidates.shape[2]), jac=True, method="L-BFGS-B").x)


def by_folds(tracks: list[LabelledTrack], learn: Callable[[NDArray[np.bool_]], Rows]) -> Rows:
    """Return the scores of all candidates, each track's by what is learned from the other folds of artists."""
    fold = folds(tracks, FOLDS)
    scores = [(fold == k, learn(fold != k)) for k in range(FOLDS)]
    return np.sum([np.where(held[:, None], learned, 0) for held, learned in scores], axis=0)


def main() -> None:
    """Count, fit, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder

    tracks = gtzan_split("train")
    keys, tempi = annotations(folder, tracks)
    genres = heard_genres(folder, tracks)
    learned = usual(tracks, keys, tempi)

    here = [i for i, track in enumerate(tracks) if (folder / f"audio/{track.genre}/{track.name}.ogg").exists()]
    sounds = [listen_to(middle_of(load(folder / f"audio/{tracks[i].genre}/{tracks[i].name}.ogg"))) for i in here]
    heard, keys, tempi = [tracks[i] for i in here], keys[here], tempi[here]
    shares = np.array([[genres[i][genre] for genre in learned["minor"]] for i in here])

    # each feature is scaled to a deviation of 1 for the ridge
    samples = (sound.resample(STUDY_RATE).samples[0] for sound in sounds)
    rows = np.array(
        [tempo.periodicity(tempo.onset_strength(mel_decibels(np.square(magnitudes(x))))) for x in samples], float
    )
    scale = rows.std(axis=(0, 1))
    prior = np.log([tempo.prior(genres[i], learned["log2_tempo"]) for i in here])
    near = np.abs(tempo.TEMPI / tempi[:, None] - 1) < NEAR
    fitted = near.any(axis=1)

    def tempo_scores(known: NDArray[np.bool_]) -> Rows:
        known = known & fitted
        w = weights(rows[known] / scale, near[known], prior[known], PULSE_RIDGE)
        learned["pulse"] = np.round(w / scale, 4).reshape(-1, len(tempo.MEL_EDGES)).tolist()
        return rows / scale @ w + prior

    ratios = tempo.TEMPI[by_folds(heard, tempo_scores).argmax(axis=1)] / tempi
    right, in_octaves = (
        np.abs(ratios[:, None] / factors - 1).min(axis=1) <= RIGHT for factors in ([1], [1 / 3, 1 / 2, 1, 2, 3])
    )
    print(f"tempo, {len(heard)} tracks: {right.mean():.3f}, octaves and thirds allowed {in_octaves.mean():.3f}")
    tempo_scores(np.ones(len(heard), bool))

    minor = shares @ list(learned["minor"].values()) / shares.sum(axis=1)
    fits = np.array([correlations(timbre(sound).pitch_classes) for sound in sounds])
    modes = np.log(np.stack([1 - minor, minor], axis=1)).repeat(12, axis=1)
    candidates, truth = np.stack([fits, modes], axis=2), keys[:, None] == np.arange(24)

    def key_scores(known: NDArray[np.bool_]) -> Rows:
        known = known & (keys >= 0)
        w = weights(candidates[known], truth[known], 0.0, KEY_RIDGE)
        learned["profile_weight"], learned["mode_weight"] = (round(float(v), 2) for v in w)
        return candidates @ w

    true, found = keys[keys >= 0], by_folds(heard, key_scores).argmax(axis=1)[keys >= 0]
    same_mode, above = true // 12 == found // 12, (found - true) % 12
    fifth = same_mode & np.isin(above, (5, 7))
    # the parallel key has the same tonic; the relative one's is 9 semitones above a major, 3 above a minor tonic
    mode = ~same_mode & ((above == 0) | (above == np.where(true < 12, 9, 3)))
    print(f"key, {len(true)} tracks: {(true == found).mean():.3f}")
    print(f"wrong: {(true != found).sum()}, by a fifth {fifth.sum()}, the parallel or the relative key {mode.sum()}")
    key_scores(np.ones(len(heard), bool))

    ASSET.write_text(json.dumps(learned, indent=1) + "\n", "utf-8")
    print(f"{ASSET}: {ASSET.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
