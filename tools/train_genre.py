"""Train the bundled genre classifier and write its model card: one command, a few minutes on one core.

From the published features of GTZAN's 443 fault-filtered train tracks alone::

    .venv/bin/python tools/train_genre.py ../shared/gtzan

The folder holds ``train_taggrams_msd_musicnn.npz`` (musicnn's taggrams, hop 62) and ``features_30_sec.csv`` (57
columns). Of that table the rows of train tracks are read and no others: it has the test tracks, too. The figures of the
model card come from cross-validation with artists kept apart, once more with them leaking, on the same tracks.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np

from retrotone.features.analysis import Analysis
from retrotone.features.gtzan import COLUMNS
from retrotone.genre.classifier import GenreClassifier
from retrotone.genre.datasets import LabelledTrack, gtzan_split
from retrotone.genre.evaluation import Evaluation, cross_validate, evaluate, wilson_interval

ROOT = Path(__file__).resolve().parents[1]
ASSETS = ROOT / "src" / "retrotone" / "assets" / "genre"
CARD = ROOT / "docs" / "model-genre.md"
SEEDS = 3  # of the cross-validation


def published(folder: Path, tracks: list[LabelledTrack]) -> list[Analysis]:
    """Return what is published of the tracks, in their order."""
    wanted = {track.name for track in tracks}
    with (folder / "features_30_sec.csv").open() as file:
        columns = {
            name: [float(row[column]) for column in COLUMNS]
            for row in csv.DictReader(file)
            if (name := row["filename"].removesuffix(".wav")) in wanted
        }
    arrays = np.load(folder / "train_taggrams_msd_musicnn.npz")
    rows, names = arrays["X"], np.array([Path(name).stem for name in arrays["IDS"]])
    return [Analysis.from_arrays(taggram=rows[names == track.name], columns=columns[track.name]) for track in tracks]


def only(analyses: list[Analysis], part: str) -> list[Analysis]:
    """Return the analyses with one part and nothing else."""
    return [Analysis.from_arrays(**{part: getattr(analysis, part)}) for analysis in analyses]


def card_lines(name: str, results: list[Evaluation]) -> str:
    """Return a row of the model card's table: means over seeds."""
    accuracy, f1, error = (
        float(np.mean([getattr(result, figure) for result in results]))
        for figure in ("accuracy", "macro_f1", "calibration_error")
    )
    low, high = wilson_interval(round(accuracy * results[0].tracks), results[0].tracks)
    return f"| {name} | {accuracy:.1%} | {low:.1%} to {high:.1%} | {f1:.3f} | {error:.3f} |"


def confusion_lines(results: list[Evaluation]) -> str:
    """Return the mean confusion over seeds as a Markdown table."""
    genres = results[0].genres
    mean = np.mean([result.confusion for result in results], axis=0)
    rows = [f"| | {' | '.join(genres)} |", "|---" * (len(genres) + 1) + "|"]
    rows += [
        f"| **{genre}** | {' | '.join(f'{v:.0f}' for v in row)} |" for genre, row in zip(genres, mean, strict=True)
    ]
    return "\n".join(rows)


def main() -> None:
    """Train, cross-validate, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder

    tracks = gtzan_split("train")
    genres, artists = [track.genre for track in tracks], [track.artist for track in tracks]
    analyses = published(folder, tracks)
    path = GenreClassifier().fit(analyses, genres, artists).save_pretrained(ASSETS)
    print(f"{path}: {path.stat().st_size / 1e3:.0f} kB")

    order = sorted(set(genres))
    tables = {}
    for name, known, apart in (
        ("taggram and columns, artists apart", analyses, artists),
        ("taggram alone, artists apart", only(analyses, "taggram"), artists),
        ("columns alone, artists apart", only(analyses, "columns"), artists),
        ("taggram and columns, **artists leaking**", analyses, None),
        ("columns alone, **artists leaking**", only(analyses, "columns"), None),
    ):
        tables[name] = [
            evaluate(genres, cross_validate(known, genres, apart, seed=seed), order) for seed in range(SEEDS)
        ]
        print(card_lines(name, tables[name]), flush=True)
    lines = "\n".join(card_lines(name, results) for name, results in tables.items())
    head, _, rest = CARD.read_text("utf-8").partition("<!-- figures -->\n")
    _, _, tail = rest.partition("<!-- end of figures -->\n")
    first = next(iter(tables.values()))
    figures = (
        "| Known of a track | Accuracy | 95 % interval | Macro-F1 | Calibration error |\n|---|---|---|---|---|\n"
        f"{lines}\n\nTrue genre by row, answer by column, taggram and columns, artists apart:\n\n"
        f"{confusion_lines(first)}\n"
    )
    CARD.write_text(f"{head}<!-- figures -->\n{figures}<!-- end of figures -->\n{tail}", "utf-8")


if __name__ == "__main__":
    main()
