"""``retrotone genre``: networks that tell genres apart."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from retrotone.cli.screen import Bar, check_resume, print_table, printable

if TYPE_CHECKING:
    from retrotone.genre.evaluation import Evaluation


def train(
    recordings: Annotated[
        str,
        typer.Argument(
            metavar="FOLDER",
            help="A copy of GTZAN, or a folder for each genre; where the artists are known, a folder for each in it.",
        ),
    ],
    network: Annotated[
        str, typer.Option(metavar="m5|crnn|transformer", help="m5 is the study's, on the raw waveform.")
    ] = "m5",
    out: Annotated[
        str | None,
        typer.Option(
            "-o", "--out", metavar="DIR", help="The model and its figures; genre-NETWORK by default."
        ),
    ] = None,
    epochs: Annotated[int, typer.Option(min=1, metavar="N", help="At most; it stops early by itself.")] = 60,
    seeds: Annotated[
        int, typer.Option(min=1, metavar="N", help="So many networks that answer together.")
    ] = 1,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Go on where a training was stopped, by the settings it began with."),
    ] = False,
) -> None:
    """Train a network to tell the genres of a folder apart.

    In DIR: the model, curves.png with the losses (drawn anew after each epoch), confusion.png and reliability.png; and
    the folder training with the decoded recordings and the checkpoints.
    """
    folder = Path(out or f"genre-{network}")
    work = folder / "training"
    with Bar() as bar:
        from retrotone.figures import png
        from retrotone.files import write_whole
        from retrotone.genre.evaluation import evaluate
        from retrotone.genre.training import Recipe, Training, begun, train
        from retrotone.genre_figures import confusion_figure, reliability_figure, training_curves

        check_resume(work, begun(work), resume)

        def draw(trainings: Sequence[Training]) -> None:
            runs = {f"{run.recipe.network}, seed {run.recipe.seed}": run.history for run in trainings}
            write_whole(folder / "curves.png", png(training_curves(runs)))

        result = train(recordings, work, Recipe(network=network, epochs=epochs), seeds, draw, bar.item())
        mean = result.probabilities.mean(axis=0)
        genres = result.model.genres
        scores = evaluate(result.truth, mean, genres)
        right = [genres[k] == genre for k, genre in zip(mean.argmax(axis=1), result.truth, strict=True)]
        write_whole(folder / "confusion.png", png(confusion_figure(genres, scores.confusion)))
        write_whole(folder / "reliability.png", png(reliability_figure(mean.max(axis=1), right)))
        result.model.save(folder, accuracy=scores.accuracy, tracks=scores.tracks)
    _show(scores)
    for training in result.trainings:
        best = training.history[training.best - 1]
        typer.echo(
            f"seed {training.recipe.seed}: epoch {best.epoch} of {len(training.history)} kept, "
            f"validation loss {best.valid_loss:.3f}, {best.valid_accuracy:.1%} right"
        )
    low, high = scores.interval
    typer.echo(
        f"{printable(folder)}: {scores.accuracy:.1%} of {scores.tracks} validation tracks right "
        f"(95 % interval {low:.1%} to {high:.1%}), macro-F1 {scores.macro_f1:.3f}, "
        f"calibration error {scores.calibration_error:.3f}"
    )


def _show(scores: Evaluation) -> None:
    """Print the scores of each genre."""
    rows = []
    for place, genre in enumerate(scores.genres):
        hits, tracks = scores.confusion[place, place], scores.confusion[place].sum()
        answers = scores.confusion[:, place].sum()
        shares = [hits / answers if answers else 0.0, hits / tracks, 2 * hits / (answers + tracks)]
        rows.append([genre, str(tracks), *(f"{share:.2f}" for share in shares)])
    print_table(["genre", "tracks", "precision", "recall", "F1"], rows)
