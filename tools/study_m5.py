"""Repeat the study's M5 on the GTZAN audio that is here, and test what helps: ``docs/genre-study.md``.

The published train and validation tracks of the three genres with enough of both; the test tracks are never touched::

    .venv/bin/python tools/study_m5.py /tmp/m5

It prints the page's table and writes ``docs/images/m5.png``. About eleven minutes of one core.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from math import log
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from retrotone.figures.base import png
from retrotone.figures.training import genre_training_figure
from retrotone.genre.clips import gather
from retrotone.genre.datasets import Gtzan, LabelledTrack
from retrotone.genre.evaluation import evaluate
from retrotone.genre.networks import M5, NETWORKS
from retrotone.genre.training import Recipe, Training
from retrotone.utils.files import make_folder

ROOT = Path(__file__).resolve().parents[1]
AUDIO = ROOT.parent / "shared" / "gtzan" / "audio"
GENRES = ("classical", "jazz", "rock")  # 17 tracks or more on both sides; metal, the next one, has 3 to learn from
EPOCHS = 30

CURED = Recipe(epochs=EPOCHS, patience=EPOCHS)
STUDY = replace(CURED, augment=False, label_smoothing=0.0, weight_decay=0.0)  # which makes it plain Adam
RUNS = {  # title: recipe, and whether slices of one track may lie on both sides
    "as the study": (STUDY, False),
    "as the study, slices split at random": (STUDY, True),
    "augmented, smoothed labels, weight decay": (CURED, False),
    "the same, half as wide": (replace(CURED, width=M5.usual_width // 2), False),
    "the same, CRNN on log-mel": (replace(CURED, network="crnn", epochs=15), False),
    "the same, transformer on log-mel": (replace(CURED, network="transformer", epochs=15), False),
}


def tracks() -> tuple[list[LabelledTrack], list[LabelledTrack]]:
    """Return the tracks for training and for validation."""
    gtzan = Gtzan(AUDIO)
    inside, outside = ([track for track in gtzan.split(split) if track.genre in GENRES] for split in ("train", "valid"))
    return inside, outside


def learn(recipe: Recipe, leaks: bool, folder: str) -> tuple[Training, list[str], NDArray[np.float64]]:
    """Train a network; return it, the genres of the validation tracks, and its answers for them.

    With `leaks`, slices are drawn at random, and those of one track lie on both sides.
    """
    inside, outside = tracks()
    rate = NETWORKS[recipe.network].sample_rate
    clips = gather([*inside, *outside], rate, make_folder(f"{folder}/{rate}"))
    length = round(recipe.seconds * rate)
    sides = [clips.grid(numbers, length) for numbers in (range(len(inside)), range(len(inside), len(clips.tracks)))]
    if leaks:
        shuffled = np.random.default_rng(0).permutation(np.concatenate(sides))
        sides = np.split(shuffled, [len(sides[0])])
    training = Training(clips, *sides, recipe)
    training.run(lambda _: None)
    return training, [clips.tracks[k].genre for k in np.unique(sides[1][:, 0])], training.validate()


def main() -> None:
    torch.set_num_threads(1)
    print("{} tracks to learn from, {} to validate on".format(*map(len, tracks())))
    histories = {}
    for title, (recipe, leaks) in RUNS.items():
        began = time.process_time()
        training, truth, said = learn(recipe, leaks, sys.argv[1])
        scores = evaluate(truth, said, training.genres)
        tempered = evaluate(truth, training.trained().calibrate(said, truth), training.genres)
        best, last = training.history[training.best - 1], training.history[-1]
        print(
            f"| {title} | {last.train_loss:.2f} | {best.valid_loss:.2f} ({best.epoch}) | {last.valid_loss:.2f} "
            f"| {scores.accuracy:.1%} ({scores.interval[0]:.0%} to {scores.interval[1]:.0%}) "
            f"| {scores.macro_f1:.2f} | {scores.calibration_error:.2f}, {tempered.calibration_error:.2f} |",
            f"<!-- last epoch {last.valid_accuracy:.1%}, {time.process_time() - began:.0f} s of one core -->",
            flush=True,
        )
        histories[title] = training.history
    (ROOT / "docs" / "images" / "m5.png").write_bytes(png(genre_training_figure(histories, log(len(GENRES)))))


if __name__ == "__main__":
    main()
