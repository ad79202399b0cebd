"""``retrotone genre predict`` and ``evaluate``: what genre songs are, and how far to trust the answer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retrotone.cli.screen import Bar, failure, print_table, printable, report_failures
from retrotone.errors import GenreError, OutputError

if TYPE_CHECKING:
    from retrotone.genre.classifier import Answer
    from retrotone.genre.evaluation import Evaluation

app = typer.Typer(no_args_is_help=True, help="Tell genres apart, and learn to.")

WORTH_NAMING = 0.05  # probability of the genres named after the first
DECIMALS = 4  # of the timeline
SPLITS = ("test", "valid", "train")
ANALYSING = 0.9  # share of an evaluation's time


@app.command("predict")
def predict(
    songs: Annotated[list[str], typer.Argument(metavar="FILE", help="Recordings of any length.")],
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object a song, with the evidence over time.")
    ] = False,
    plot: Annotated[
        bool, typer.Option("--plot", help="Draw the evidence: SONG-genre.png in the current folder.")
    ] = False,
) -> None:
    """Tell which of ten genres songs are, or that it is not sure."""
    pictures = _pictures(songs) if plot else [None] * len(songs)
    failures = []
    with Bar(len(songs)) as bar:
        from retrotone.analysis import analyse
        from retrotone.genre.classifier import GenreClassifier

        classifier = GenreClassifier.from_pretrained()
        for index, (song, picture) in enumerate(zip(songs, pictures, strict=True)):
            try:
                analysis = analyse(song, bar.item(index))
                answer = classifier.answer(analysis)
                if picture:
                    _draw(answer, song, analysis.duration or 0.0, picture)
            except Exception as error:
                if len(songs) == 1:
                    raise
                failures.append(failure(song, error))
            else:
                bar.print(json.dumps(_figures(song, answer)) if as_json else _sentence(song, answer))
    report_failures(failures, len(songs))


@app.command("evaluate")
def evaluate(
    recordings: Annotated[
        str,
        typer.Argument(
            metavar="FOLDER",
            help="A folder for each genre; where the artists are known, a folder for each in it. "
            "With --split a copy of GTZAN, whole or in part.",
        ),
    ],
    split: Annotated[
        str | None, typer.Option(metavar="test|valid|train", help="A part of GTZAN's fault-filtered split.")
    ] = None,
) -> None:
    """Count how often the classifier is right on music of known genre, and what a leak of artists would claim."""
    if split is not None and split not in SPLITS:
        raise GenreError(f"there is no split {split}: use one of {', '.join(SPLITS)}")
    failures, heard, analyses = [], [], []
    with Bar() as bar:
        from retrotone.analysis import analyse
        from retrotone.genre.datasets import Collection, Gtzan
        from retrotone.genre.evaluation import judge
        from retrotone.progress import part

        tracks = Gtzan(recordings).split(split) if split else Collection(recordings).tracks  # type: ignore[arg-type]
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
        scores = judge(heard, analyses, part(bar.item(), ANALYSING, 1.0)) if heard else {}
    if scores:
        _show(scores)
    report_failures(failures, len(tracks))


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


def _draw(answer: Answer, song: str, duration: float, picture: Path) -> None:
    from retrotone.evidence_figure import evidence_figure
    from retrotone.figures import png
    from retrotone.files import write_whole

    write_whole(picture, png(evidence_figure(answer, printable(Path(song).stem), duration)))


def _figures(song: str, answer: Answer) -> dict[str, Any]:
    """Return what ``--json`` prints."""
    assert answer.times is not None
    assert answer.timeline is not None
    return {
        "file": song,
        "genre": answer.genre,
        "confidence": answer.confidence,
        "sure": answer.sure,
        "doubt": answer.doubt,
        "probabilities": answer.probabilities,
        "times": [round(float(time), 2) for time in answer.times],
        "timeline": dict(zip(answer.probabilities, answer.timeline.T.round(DECIMALS).tolist(), strict=True)),
    }


def _sentence(song: str, answer: Answer) -> str:
    """Say what a song is, the runners-up behind it."""
    ranked = sorted(answer.probabilities.items(), key=lambda item: -item[1])
    named = [f"{genre} {p:.2f}" for place, (genre, p) in enumerate(ranked) if not place or p >= WORTH_NAMING]
    verdict = "" if answer.sure else f"not sure, {answer.doubt}; nearest "
    return printable(f"{song}: {verdict}{', '.join(named)}")


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
