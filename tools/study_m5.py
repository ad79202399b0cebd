"""Repeat the study's M5 on the GTZAN audio that is here, and see what cures it: ``docs/genre-study.md``.

The published train and validation tracks of the three genres with enough of both; the test tracks are never touched::

    .venv/bin/python tools/study_m5.py /tmp/m5

It prints the page's table and writes ``docs/images/m5.png``. About seven minutes on one core.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import replace
from math import log
from pathlib import Path

import numpy as np
import torch

from retrotone.figures import png
from retrotone.files import make_folder
from retrotone.genre.clips import gather
from retrotone.genre.datasets import Gtzan
from retrotone.genre.evaluation import evaluate
from retrotone.genre.networks import M5
from retrotone.genre.training import Recipe, Training
from retrotone.genre_figures import training_curves

ROOT = Path(__file__).resolve().parents[1]
AUDIO = ROOT.parent / "shared" / "gtzan" / "audio"
GENRES = (
    "classical",
    "jazz",
    "rock",
)  # 17 tracks or more on both sides; metal, the next one, has 3 to learn from
EPOCHS = 30

CURED = Recipe(epochs=EPOCHS, patience=EPOCHS)
STUDY = replace(CURED, augment=False, label_smoothing=0.0, weight_decay=0.0)  # which makes it plain Adam
RUNS = {  # title: recipe, and whether slices of one track may lie on both sides
    "as the study": (STUDY, False),
    "as the study, slices split at random": (STUDY, True),
    "augmented, smoothed labels, weight decay": (CURED, False),
    "the same, half as wide": (replace(CURED, width=M5.usual_width // 2), False),
}


def main() -> None:
    torch.set_num_threads(1)
    gtzan = Gtzan(AUDIO)
    inside, outside = (
        [track for track in gtzan.split(split) if track.genre in GENRES] for split in ("train", "valid")
    )
    clips = gather([*inside, *outside], M5.sample_rate, make_folder(sys.argv[1]))
    length = round(CURED.seconds * M5.sample_rate)
    train = clips.grid(range(len(inside)), length)
    valid = clips.grid(range(len(inside), len(clips.tracks)), length)
    shuffled = np.random.default_rng(0).permutation(np.concatenate([train, valid]))
    leaky = shuffled[: len(train)], shuffled[len(train) :]
    print(
        f"{len(inside)} tracks to learn from, {len(outside)} to validate on; {len(train)} and {len(valid)} segments"
    )
    histories = {}
    for title, (recipe, leaks) in RUNS.items():
        began = time.process_time()
        sides = leaky if leaks else (train, valid)
        training = Training(clips, *sides, recipe)
        training.run(lambda _: None)
        truth = [clips.tracks[k].genre for k in np.unique(sides[1][:, 0])]
        scores = evaluate(truth, training.validate(), training.genres)
        best, last = training.history[training.best - 1], training.history[-1]
        print(
            f"| {title} | {last.train_loss:.2f} | {best.valid_loss:.2f} ({best.epoch}) | {last.valid_loss:.2f} "
            f"| {scores.accuracy:.1%} ({scores.interval[0]:.0%} to {scores.interval[1]:.0%}) "
            f"| {scores.macro_f1:.2f} | {scores.calibration_error:.2f} |",
            f"<!-- last epoch {last.valid_accuracy:.1%}, {time.process_time() - began:.0f} s of one core -->",
            flush=True,
        )
        histories[title] = training.history
        (Path(sys.argv[1]) / "histories.json").write_text(json.dumps(histories))
    (ROOT / "docs" / "images" / "m5.png").write_bytes(png(training_curves(histories, log(len(GENRES)))))


if __name__ == "__main__":
    main()
