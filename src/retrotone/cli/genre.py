"""``retrotone genre``: predict the genre of songs, evaluate the classifier, train others."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retrotone.cli.console import (
    NO_CHECKPOINT,
    Bar,
    Overwrite,
    Recursive,
    Skip,
    Strict,
    check_resume,
    failure,
    numbers_to_do,
    print_each,
    print_table,
    report_failures,
)
from retrotone.errors import GenreError, ModelError, OutputError
from retrotone.progress import Progress
from retrotone.utils.files import check_outputs
from retrotone.utils.text import counted, printable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from retrotone.genre.base import Answer
    from retrotone.genre.evaluation import Evaluation

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Predict genres, evaluate the classifier, train others."
)

# least probability of the genres that are named after the first
WORTH_NAMING = 0.05
SPLITS = ("test", "valid", "train")
# share of an evaluation's time
ANALYSING = 0.9
EMBEDDING = "embedding"
NETWORKS = (EMBEDDING, "m5", "crnn", "transformer")
EPOCHS = 60
# the folder of decoded recordings and checkpoints
WORK = "training"
MODEL = typer.Option(
    metavar="DIR|FILE", help="What genre train wrote; by default the bundled classifier of ten genres."
)


@app.command("predict")
def predict(
    songs: Annotated[
        list[str], typer.Argument(metavar="SONG|FOLDER", help="Recordings of any length; folders with --recursive.")
    ],
    model: Annotated[str | None, MODEL] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a song.")] = False,
    plot: Annotated[bool, typer.Option("--plot", help="Draw the evidence: SONG-genre.png.")] = False,
    out: Annotated[
        str, typer.Option("-o", "--out", metavar="DIR", help="Folder for the pictures; by default the current one.")
    ] = "",
    recursive: Recursive = False,
    skip: Skip = False,
    overwrite: Overwrite = False,
    strict: Strict = False,
) -> None:
    """Name the genre of songs, one of ten or of those of a model of your own, or say that it is not sure."""
    from retrotone.audio.files import AudioFile
    from retrotone.genre.classifier import GenreClassifier
    from retrotone.genre.models import open_model
    from retrotone.services.songs import check_distinct, find_songs

    if skip and not plot:
        raise OutputError("--skip passes over songs that have a picture: say --plot as well")
    found, skipped = find_songs(songs, recursive), 0
    pictures = [Path(out) / (song.folder or "") / f"{Path(song.path).stem}-genre.png" for song in found]
    if plot:
        check_distinct(found, pictures)
        numbers = numbers_to_do(pictures, skip, overwrite)
        skipped = len(found) - len(numbers)
        found, pictures = [found[k] for k in numbers], [pictures[k] for k in numbers]
        check_outputs(pictures, [song.path for song in found], overwrite=overwrite, folder=Path(out))
    classifier = GenreClassifier.from_pretrained() if model is None else open_model(model)

    def answered(index: int, progress: Progress) -> str:
        song, picture = found[index].path, pictures[index] if plot else None
        source = AudioFile(song, strict)
        answer = classifier.answer(source, progress)
        if picture:
            _draw(answer, song, picture)
        if as_json:
            return json.dumps(_figures(song, answer) | {"plot": picture and str(picture), "damage": source.damage})
        return _sentence(song, answer) + (f"; picture {printable(picture)}" if picture else "")

    kept = "answered" + (": go on with --skip" if plot else "")
    print_each([song.path for song in found], answered, kept, skipped)


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
    """Measure accuracy on music of known genre, and how much higher it looks when artists leak between folds."""
    if split is not None and split not in SPLITS:
        raise GenreError(f"there is no split {split}: use one of {', '.join(SPLITS)}")
    failures, analysed, analyses = [], [], []
    with Bar() as bar:
        from retrotone.features.analysis import analyse
        from retrotone.genre.datasets import Gtzan, open_folder
        from retrotone.genre.evaluation import judge
        from retrotone.genre.models import open_model
        from retrotone.progress import part

        if model is not None:
            # a broken model is reported before minutes of analysis
            open_model(model)
        tracks = Gtzan(recordings).split(split) if split else open_folder(recordings).tracks  # type: ignore[arg-type]
        if not tracks:
            raise GenreError(f"{recordings} holds no clip of GTZAN's {split} split: check its folder audio")
        for index, track in enumerate(tracks):
            assert track.path is not None
            share = ANALYSING / len(tracks)
            try:
                analyses.append(analyse(track.path, part(bar.item(), share * index, share * (index + 1))))
                analysed.append(track)
            except Exception as error:
                failures.append(failure(str(track.path), error))
        scores = judge(analysed, analyses, model, part(bar.item(), ANALYSING, 1.0)) if analysed else {}
    if scores and as_json:
        typer.echo(json.dumps(_scores(recordings, split, scores)))
    elif scores:
        _show_scores(scores)
    report_failures(failures, len(tracks))


@app.command("train")
def train(
    recordings: Annotated[
        str,
        typer.Argument(
            metavar="FOLDER",
            help="A copy of GTZAN, or a folder for each genre; where the artists are known, a folder for each in it.",
        ),
    ],
    network: Annotated[
        str,
        typer.Option(
            metavar="|".join(NETWORKS),
            help="embedding learns in a minute, from the features of musicnn; the others start untrained, and m5 "
            "is the study's, on the raw waveform.",
        ),
    ] = EMBEDDING,
    out: Annotated[
        str | None,
        typer.Option("-o", "--out", metavar="DIR", help="The model and its figures; genre-NETWORK by default."),
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(min=1, metavar="N", help=f"At most, {EPOCHS} by default; it stops early by itself.")
    ] = None,
    seeds: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Number of networks that answer together; 1 by default.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on where a training was stopped, by the settings it began with.")
    ] = False,
) -> None:
    """Train a classifier on the genres of a folder.

    In DIR: the model, for genre predict --model DIR; confusion.png and
    reliability.png; for networks also curves.png with the losses (drawn anew
    after each epoch), and the folder training with the decoded recordings and
    the checkpoints.
    """
    if network not in NETWORKS:
        raise ModelError(f"there is no network {network}: choose among {', '.join(NETWORKS)}")
    folder = Path(out or f"genre-{network}")
    if network == EMBEDDING:
        if epochs or seeds or resume:
            raise ModelError(
                "embedding has no epochs, seeds or checkpoints: leave these options out, or choose another network"
            )
        _fit(recordings, folder)
    else:
        _train(recordings, folder, network, epochs or EPOCHS, seeds or 1, resume)


def _draw(answer: Answer, song: str, picture: Path) -> None:
    from retrotone.figures.base import png
    from retrotone.figures.genre import evidence_figure
    from retrotone.utils.files import new_folder, write_whole

    with new_folder(picture.parent):
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
    """Return the line printed for a song: its genre, then the next most probable ones."""
    ranked = sorted(answer.probabilities.items(), key=lambda item: -item[1])
    named = [f"{genre} {p:.2f}" for k, (genre, p) in enumerate(ranked) if not k or p >= WORTH_NAMING]
    verdict = "" if answer.sure else f"not sure, {answer.doubt}; nearest "
    return printable(f"{song}: {verdict}{', '.join(named)}")


def _scores(recordings: str, split: str | None, scores: dict[str, Evaluation]) -> dict[str, Any]:
    """Return what ``evaluate --json`` prints: the first score, and the others under the key "others"."""
    figures = {name: asdict(score) | {"confusion": score.confusion.tolist()} for name, score in scores.items()}
    first, *others = figures
    head = {"folder": recordings, "split": split, "classifier": first}
    return head | figures[first] | {"others": {name: figures[name] for name in others}}


def _show_scores(scores: dict[str, Evaluation]) -> None:
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


def _fit(recordings: str, folder: Path) -> None:
    with Bar() as bar:
        from retrotone.genre.base import WEIGHTS
        from retrotone.genre.classifier import FILE
        from retrotone.genre.fitting import fit_folder

        if any((folder / name).exists() for name in (FILE, WEIGHTS, WORK)):
            raise ModelError(f"{folder} holds another classifier: name another folder with -o")
        check_outputs([folder / FILE], folder=folder)
        fitted = fit_folder(recordings, bar.item())
        scores = _score_training(folder, fitted.truth, fitted.probabilities, fitted.model.classes_.tolist())
        fitted.save(folder, accuracy=scores.accuracy, tracks=scores.tracks)
    _show_training(scores, folder)


def _train(recordings: str, folder: Path, network: str, epochs: int, seeds: int, resume: bool) -> None:
    work = folder / WORK
    kept = f"the last checkpoint is kept in {work}: go on with --resume"
    with Bar(kept=kept if resume else NO_CHECKPOINT) as bar:
        from retrotone.figures.base import png
        from retrotone.figures.training import genre_training_figure
        from retrotone.genre.classifier import FILE
        from retrotone.genre.training import Recipe, Training, begun
        from retrotone.genre.training import train as train_networks
        from retrotone.utils.files import write_whole

        if (folder / FILE).exists():
            raise ModelError(f"{folder} holds another classifier: name another folder with -o")
        check_resume(work, begun(work), resume)
        check_outputs([folder / "curves.png"], overwrite=True, folder=folder)

        def draw(trainings: Sequence[Training]) -> None:
            bar.kept = kept
            runs = {f"{run.recipe.network}, seed {run.recipe.seed}": run.history for run in trainings}
            write_whole(folder / "curves.png", png(genre_training_figure(runs)))

        result = train_networks(recordings, work, Recipe(network=network, epochs=epochs), seeds, draw, bar.item())
        model = result.model
        title = f"Reliability, temperature {model.temperature:.2f}"
        scores = _score_training(folder, result.truth, result.probabilities, model.classes_.tolist(), title)
        model.save(folder, accuracy=scores.accuracy, tracks=scores.tracks, learned_from=result.learned_from)
    _show_training(scores, folder)
    for training in result.trainings:
        best = training.history[training.best - 1]
        typer.echo(
            f"seed {training.recipe.seed}: epoch {best.epoch} of {len(training.history)} kept, "
            f"validation loss {best.valid_loss:.3f}, {best.valid_accuracy:.1%} right"
        )


def _score_training(
    folder: Path,
    truth: Sequence[str],
    probabilities: NDArray[np.float64],
    genres: Sequence[str],
    title: str = "Reliability",
) -> Evaluation:
    """Return how good the answers on validation tracks are, and draw that."""
    from retrotone.figures.base import png
    from retrotone.figures.genre import confusion_figure, reliability_figure
    from retrotone.genre.evaluation import evaluate
    from retrotone.utils.files import make_folder, write_whole

    scores = evaluate(truth, probabilities, genres)
    right = [genres[k] == genre for k, genre in zip(probabilities.argmax(axis=1), truth, strict=True)]
    make_folder(folder)
    write_whole(folder / "confusion.png", png(confusion_figure(genres, scores.confusion)))
    write_whole(folder / "reliability.png", png(reliability_figure(probabilities.max(axis=1), right, title)))
    return scores


def _show_training(scores: Evaluation, folder: Path) -> None:
    """Print the scores of each genre, and of all."""
    rows = []
    for k, genre in enumerate(scores.genres):
        hits, tracks = scores.confusion[k, k], scores.confusion[k].sum()
        answers = scores.confusion[:, k].sum()
        shares = [hits / answers if answers else 0.0, hits / tracks, 2 * hits / (answers + tracks)]
        rows.append([genre, str(tracks), *(f"{share:.2f}" for share in shares)])
    print_table(["genre", "tracks", "precision", "recall", "F1"], rows)
    low, high = scores.interval
    typer.echo(
        f"{printable(folder)}: {scores.accuracy:.1%} of {counted(scores.tracks, 'validation track')} right "
        f"(95 % interval {low:.1%} to {high:.1%}), macro-F1 {scores.macro_f1:.3f}, "
        f"calibration error {scores.calibration_error:.3f}"
    )
