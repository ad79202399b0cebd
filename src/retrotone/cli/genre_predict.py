"""``retrotone genre predict`` and ``evaluate``: what genre songs are, and how far to trust the answer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retrotone.cli.console import Bar, failure, print_table, report_failures
from retrotone.errors import GenreError, OutputError
from retrotone.utils.text import printable

if TYPE_CHECKING:
    from retrotone.genre.base import Answer
    from retrotone.genre.evaluation import Evaluation

app = typer.Typer(no_args_is_help=True, help="Tell genres apart, and learn to.")

WORTH_NAMING = 0.05  # probability of the genres named after the first
BAD_INPUT = 2  # exit code
SPLITS = ("test", "valid", "train")
ANALYSING = 0.9  # share of an evaluation's time
MODEL = typer.Option(
    metavar="DIR|FILE", help="What genre train wrote; by default the bundled classifier of ten genres."
)


@app.command("predict")
def predict(
    songs: Annotated[list[str], typer.Argument(metavar="FILE", help="Recordings of any length.")],
    model: Annotated[str | None, MODEL] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a song.")] = False,
    plot: Annotated[
        bool, typer.Option("--plot", help="Draw the evidence: SONG-genre.png in the current folder.")
    ] = False,
) -> None:
    """Tell which of ten genres songs are, or of those of a model of your own; or that it is not sure."""
    pictures = _pictures(songs) if plot else [None] * len(songs)
    failures = []
    with Bar(len(songs)) as bar:
        from retrotone.genre.classifier import GenreClassifier
        from retrotone.genre.models import open_model

        classifier = GenreClassifier.from_pretrained() if model is None else open_model(model)
        for index, (song, picture) in enumerate(zip(songs, pictures, strict=True)):
            try:
                answer = classifier.answer(song, bar.item(index))
                if picture:
                    _draw(answer, song, picture)
            except Exception as error:
                if len(songs) == 1:
                    raise
                failures.append(failure(song, error))
            else:
                bar.print(json.dumps(_figures(song, answer)) if as_json else _sentence(song, answer))
    report_failures(failures, len(songs), BAD_INPUT)


@app.command("evaluate")
def evaluate(
    recordings: Annotated[
        str,
        typer.Argument(
            metavar="FOLDER",
            help="A copy of GTZAN, whole or in part, or a folder for each genre; where the artists are known, a "
            "folder for each in it.",
        ),
    ],
    split: Annotated[
        str | None, typer.Option(metavar="test|valid|train", help="A part of GTZAN's fault-filtered split.")
    ] = None,
    model: Annotated[str | None, MODEL] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Count how often the classifier is right on music of known genre, and what a leak of artists would claim."""
    if split is not None and split not in SPLITS:
        raise GenreError(f"there is no split {split}: use one of {', '.join(SPLITS)}")
    failures, heard, analyses = [], [], []
    with Bar() as bar:
        from retrotone.features.analysis import analyse
        from retrotone.genre.datasets import Gtzan, open_folder
        from retrotone.genre.evaluation import judge
        from retrotone.genre.models import open_model
        from retrotone.progress import part

        if model is not None:
            open_model(model)  # what is wrong with it shows before minutes of listening
        tracks = Gtzan(recordings).split(split) if split else open_folder(recordings).tracks  # type: ignore[arg-type]
        if not tracks:
            raise GenreError(f"{recordings} holds no clip of GTZAN's {split} split: see to its audio")
        for index, track in enumerate(tracks):
            assert track.path is not None
            share = ANALYSING / len(tracks)
            try:
                analyses.append(analyse(track.path, part(bar.item(), share * index, share * (index + 1))))
                heard.append(track)
            except Exception as error:
                failures.append(failure(str(track.path), error))
        scores = judge(heard, analyses, model, part(bar.item(), ANALYSING, 1.0)) if heard else {}
    if scores and as_json:
        typer.echo(json.dumps(_scores(recordings, split, scores)))
    elif scores:
        _show(scores)
    report_failures(failures, len(tracks), BAD_INPUT)


def _pictures(songs: Sequence[str]) -> list[Path]:
    """Return where each song's picture goes, no two in one place."""
    taken: dict[Path, str] = {}
    for song in songs:
        picture = Path(f"{Path(song).stem}-genre.png")
        if picture in taken:
            raise OutputError(
                f"{taken[picture]} and {song} would both be drawn as {picture}: draw them apart"
            )
        taken[picture] = song
    return list(taken)


def _draw(answer: Answer, song: str, picture: Path) -> None:
    from retrotone.figures.base import png
    from retrotone.figures.genre import evidence_figure
    from retrotone.utils.files import write_whole

    write_whole(picture, png(evidence_figure(answer, printable(Path(song).stem), answer.duration or 0.0)))


def _figures(song: str, answer: Answer) -> dict[str, Any]:
    """Return what ``predict --json`` prints."""
    return {
        "file": song,
        "genre": answer.genre,
        "confidence": answer.confidence,
        "sure": answer.sure,
        "probabilities": answer.probabilities,
    }


def _sentence(song: str, answer: Answer) -> str:
    """Say what a song is, the runners-up behind it."""
    ranked = sorted(answer.probabilities.items(), key=lambda item: -item[1])
    named = [f"{genre} {p:.2f}" for place, (genre, p) in enumerate(ranked) if not place or p >= WORTH_NAMING]
    verdict = "" if answer.sure else f"not sure, {answer.doubt}; nearest "
    return printable(f"{song}: {verdict}{', '.join(named)}")


def _scores(recordings: str, split: str | None, scores: dict[str, Evaluation]) -> dict[str, Any]:
    """Return what ``evaluate --json`` prints: the figure to go by, and the others beside it."""
    figures = {
        name: asdict(score) | {"confusion": score.confusion.tolist()} for name, score in scores.items()
    }
    first, *others = figures
    beside = {name: figures[name] for name in others}
    return {"folder": recordings, "split": split, "classifier": first} | figures[first] | {"beside": beside}


def _show(scores: dict[str, Evaluation]) -> None:
    """Print all scores, and of the first the confusion."""
    rows = []
    for name, score in scores.items():
        low, high = score.interval
        figures = f"{score.accuracy:.1%}", f"{low:.1%} to {high:.1%}", f"{score.macro_f1:.3f}"
        rows.append([name, str(score.tracks), *figures, f"{score.calibration_error:.3f}"])
    print_table(["classifier", "tracks", "accuracy", "95 % interval", "macro-F1", "calibration error"], rows)
    name, score = next(iter(scores.items()))
    typer.echo(printable(f"{name}: true genre by row, answer by column"))
    there = [(genre, row) for genre, row in zip(score.genres, score.confusion, strict=True) if row.any()]
    print_table(["", *score.genres], [[genre, *(f"{count or ''}" for count in row)] for genre, row in there])
