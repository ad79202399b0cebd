"""Train the bundled genre classifier and write the figures of its model card: ten minutes on one core.

From GTZAN's fault-filtered train and validation tracks, as far as they can be had::

    .venv/bin/python tools/age_gtzan.py ../shared/gtzan HEARD
    .venv/bin/python tools/train_genre.py ../shared/gtzan HEARD

The folder holds ``train_taggrams_msd_musicnn.npz`` (musicnn's taggrams of the 443 train tracks, hop 62),
``features_30_sec.csv`` (57 columns) and the recordings of 128 validation tracks, some of them short clips. Of that
table the rows of train and validation tracks are read and no others: it has the test tracks, too. HEARD holds what the
second ear heard of 443 tracks, and the analyses of their aged copies. The figures of the model card come from
cross-validation with artists kept apart, once more with them leaking, on the same tracks.
"""

from __future__ import annotations

import argparse
import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
from age_gtzan import COPIES, WHOLE_SECONDS, analysis_path, clips

from retrotone.features import musicnn
from retrotone.features.analysis import Analysis
from retrotone.features.gtzan import COLUMNS
from retrotone.genre.classifier import GenreClassifier
from retrotone.genre.datasets import LabelledTrack, folds, gtzan_split
from retrotone.genre.evaluation import Evaluation, cross_validate, evaluate, wilson_interval

ROOT = Path(__file__).resolve().parents[1]
ASSETS = ROOT / "src" / "retrotone" / "assets" / "genre"
CARD = ROOT / "docs" / "model-genre.md"
SEEDS = 1  # of the cross-validation
FOLDS = 5
# frames from patch to patch of the published taggrams
PUBLISHED_HOP = 62


def published(folder: Path, tracks: list[LabelledTrack]) -> list[Analysis]:
    """Return what is published of train tracks, in their order."""
    columns = published_columns(folder, tracks)
    arrays = np.load(folder / "train_taggrams_msd_musicnn.npz")
    rows, names = arrays["X"], np.array([Path(name).stem for name in arrays["IDS"]])
    return [Analysis.from_arrays(taggram=rows[names == track.name], columns=columns[track.name]) for track in tracks]


def published_columns(folder: Path, tracks: list[LabelledTrack]) -> dict[str, list[float]]:
    """Return the columns of tracks by name."""
    wanted = {track.name for track in tracks}
    with (folder / "features_30_sec.csv").open() as file:
        return {
            name: [float(row[column]) for column in COLUMNS]
            for row in csv.DictReader(file)
            if (name := row["filename"].removesuffix(".wav")) in wanted
        }


def known_tracks(folder: Path) -> tuple[list[LabelledTrack], list[Analysis]]:
    """Return the train tracks as published, and the validation tracks of which there is audio, heard in that way."""
    train = gtzan_split("train")
    heard = {track: path for track, path in clips(folder) if track not in train}
    columns = published_columns(folder, list(heard))
    valid = [
        Analysis.from_arrays(taggram=musicnn.taggram(path, PUBLISHED_HOP), columns=columns[track.name])
        for track, path in heard.items()
    ]
    return [*train, *heard], [*published(folder, train), *valid]


def stored(heard: Path, track: LabelledTrack, copy: int | None = None) -> Analysis | None:
    """Return an analysis that ``age_gtzan.py`` stored, if there is one."""
    path = analysis_path(heard, track, copy)
    return Analysis.from_bytes(path.read_bytes()) if path.is_file() else None


def aged_copies(heard: Path, tracks: list[LabelledTrack]) -> list[list[Analysis]]:
    """Return the analyses of the aged copies of each track, none where there is but a short clip."""
    originals = [stored(heard, track) for track in tracks]
    whole = [original is not None and (original.duration or 0.0) > WHOLE_SECONDS for original in originals]
    return [
        [copy for k in range(COPIES) if there and (copy := stored(heard, track, k)) is not None]
        for track, there in zip(tracks, whole, strict=True)
    ]


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


def age_lines(tracks: list[LabelledTrack], known: list[Analysis], heard: Path, copies: list[list[Analysis]]) -> str:
    """Return rows of the model card's table on age, for artists left out: one by both ears, one by the first."""
    genres, artists = [track.genre for track in tracks], [track.artist for track in tracks]
    # whether a copy kept its genre, and who was sure: the original, the copy
    found: dict[str, list[tuple[bool, bool, bool]]] = {"both ears": [], "musicnn alone": []}
    fold = folds(tracks, FOLDS)
    for number in range(FOLDS):
        inside, outside = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
        given = ([each[i] for i in inside] for each in (known, genres, artists, copies))
        model = GenreClassifier().fit(*given)  # type: ignore[arg-type]
        for i in (i for i in outside if copies[i]):
            for name, answers in found.items():
                before, *after = (
                    model.answer(each if name == "both ears" else replace(each, sounds=None))
                    for each in (stored(heard, tracks[i]), *copies[i])
                    if each is not None
                )
                if before.genre == genres[i]:
                    answers += [(answer.genre == genres[i], before.sure, answer.sure) for answer in after]
    shares = {name: np.mean(answers, axis=0) for name, answers in found.items()}
    return "\n".join(
        f"| {name} | {kept:.1%} of {len(found[name])} | {sure:.1%} | {aged:.1%} |"
        for name, (kept, sure, aged) in shares.items()
    )


def main() -> None:
    """Train, cross-validate, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("heard", type=Path)
    given = parser.parse_args()

    tracks, analyses = known_tracks(given.folder)
    genres, artists = [track.genre for track in tracks], [track.artist for track in tracks]
    copies = aged_copies(given.heard, tracks)
    second = [stored(given.heard, track) for track in tracks]
    known = [
        replace(analysis, sounds=None if other is None else other.sounds)
        for analysis, other in zip(analyses, second, strict=True)
    ]
    path = GenreClassifier().fit(known, genres, artists, copies).save_pretrained(ASSETS)
    print(f"{path}: {path.stat().st_size / 1e3:.0f} kB", flush=True)

    order, twice = sorted(set(genres)), np.flatnonzero([analysis.sounds is not None for analysis in known])
    everywhere = np.arange(len(tracks))
    tables = {}
    for name, what, chosen, apart in (
        ("taggram and columns, artists apart", analyses, everywhere, artists),
        ("columns alone, artists apart", only(analyses, "columns"), everywhere, artists),
        (f"taggram and columns, artists apart, on the {len(twice)} with audio", analyses, twice, artists),
        (f"**and the second ear**, artists apart, on the {len(twice)} with audio", known, twice, artists),
        ("taggram and columns, **artists leaking**", analyses, everywhere, [None] * len(tracks)),
        ("columns alone, **artists leaking**", only(analyses, "columns"), everywhere, [None] * len(tracks)),
    ):
        results = []
        for seed in range(SEEDS):
            answers = cross_validate(what, genres, apart, seed=seed, copies=copies)
            results.append(evaluate([genres[i] for i in chosen], answers[chosen], order))
        tables[name] = results
        print(card_lines(name, results), flush=True)
    ages = age_lines(tracks, known, given.heard, copies)
    print(ages, flush=True)
    lines = "\n".join(card_lines(name, results) for name, results in tables.items())
    head, _, rest = CARD.read_text("utf-8").partition("<!-- figures -->\n")
    _, _, tail = rest.partition("<!-- end of figures -->\n")
    first = next(iter(tables.values()))
    figures = (
        "| Known of a track | Accuracy | 95 % interval | Macro-F1 | Calibration error |\n|---|---|---|---|---|\n"
        f"{lines}\n\nTrue genre by row, answer by column, taggram and columns, artists apart:\n\n"
        f"{confusion_lines(first)}\n\n"
        "Aged copies of whole clips whose genre was right before, artists apart:\n\n"
        "| Heard by | genre kept | sure before | sure when aged |\n|---|---|---|---|\n"
        f"{ages}\n"
    )
    CARD.write_text(f"{head}<!-- figures -->\n{figures}<!-- end of figures -->\n{tail}", "utf-8")


if __name__ == "__main__":
    main()
