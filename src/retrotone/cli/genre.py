"""``retrotone genre train``: classifiers of one's own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from retrotone.cli.console import Bar, check_resume, print_table
from retrotone.errors import ModelError
from retrotone.utils.text import printable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from retrotone.genre.evaluation import Evaluation

EMBEDDING = "embedding"
NETWORKS = (EMBEDDING, "m5", "crnn", "transformer")
EPOCHS = 60
WORK = "training"  # the folder of decoded recordings and checkpoints


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
            help="embedding learns in a minute, from what musicnn hears; the others begin with nothing, and m5 is "
            "the study's, on the raw waveform.",
        ),
    ] = EMBEDDING,
    out: Annotated[
        str | None,
        typer.Option(
            "-o", "--out", metavar="DIR", help="The model and its figures; genre-NETWORK by default."
        ),
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help=f"At most, {EPOCHS} by default; it stops early by itself."),
    ] = None,
    seeds: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="So many networks that answer together; 1 by default."),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Go on where a training was stopped, by the settings it began with."),
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


def _fit(recordings: str, folder: Path) -> None:
    with Bar() as bar:
        from retrotone.genre.base import WEIGHTS
        from retrotone.genre.fitting import fit_folder

        if (folder / WEIGHTS).exists() or (folder / WORK).exists():
            raise ModelError(f"{folder} holds a network: name another folder with -o")
        fitted = fit_folder(recordings, bar.item())
        scores = _score(folder, fitted.truth, fitted.probabilities, fitted.model.classes_.tolist())
        fitted.save(folder, accuracy=scores.accuracy, tracks=scores.tracks)
    _show(scores, folder)


def _train(recordings: str, folder: Path, network: str, epochs: int, seeds: int, resume: bool) -> None:
    work = folder / WORK
    with Bar() as bar:
        from retrotone.figures.base import png
        from retrotone.figures.training import genre_training_figure
        from retrotone.genre.classifier import FILE
        from retrotone.genre.training import Recipe, Training, begun, train
        from retrotone.utils.files import write_whole

        if (folder / FILE).exists():
            raise ModelError(f"{folder} holds another classifier: name another folder with -o")
        check_resume(work, begun(work), resume)

        def draw(trainings: Sequence[Training]) -> None:
            runs = {f"{run.recipe.network}, seed {run.recipe.seed}": run.history for run in trainings}
            write_whole(folder / "curves.png", png(genre_training_figure(runs)))

        result = train(recordings, work, Recipe(network=network, epochs=epochs), seeds, draw, bar.item())
        model = result.model
        title = f"Reliability, temperature {model.temperature:.2f}"
        scores = _score(folder, result.truth, result.probabilities, model.classes_.tolist(), title)
        model.save(folder, accuracy=scores.accuracy, tracks=scores.tracks, learned_from=result.learned_from)
    _show(scores, folder)
    for training in result.trainings:
        best = training.history[training.best - 1]
        typer.echo(
            f"seed {training.recipe.seed}: epoch {best.epoch} of {len(training.history)} kept, "
            f"validation loss {best.valid_loss:.3f}, {best.valid_accuracy:.1%} right"
        )


def _score(
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


def _show(scores: Evaluation, folder: Path) -> None:
    """Print the scores of each genre, and of all."""
    rows = []
    for place, genre in enumerate(scores.genres):
        hits, tracks = scores.confusion[place, place], scores.confusion[place].sum()
        answers = scores.confusion[:, place].sum()
        shares = [hits / answers if answers else 0.0, hits / tracks, 2 * hits / (answers + tracks)]
        rows.append([genre, str(tracks), *(f"{share:.2f}" for share in shares)])
    print_table(["genre", "tracks", "precision", "recall", "F1"], rows)
    low, high = scores.interval
    typer.echo(
        f"{printable(folder)}: {scores.accuracy:.1%} of {scores.tracks} validation tracks right "
        f"(95 % interval {low:.1%} to {high:.1%}), macro-F1 {scores.macro_f1:.3f}, "
        f"calibration error {scores.calibration_error:.3f}"
    )
