"""``retrotone models train``: a RAVE of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from retrotone.cli.console import Bar, check_resume
from retrotone.errors import OutputError
from retrotone.utils.text import printable


def train(
    recordings: Annotated[
        str, typer.Argument(metavar="FOLDER", help="Recordings that the model is to hear.")
    ],
    out: Annotated[
        str, typer.Option("-o", "--out", metavar="MODEL.ts", help="The model; checkpoints lie beside it.")
    ],
    target: Annotated[
        str | None,
        typer.Option(
            metavar="FOLDER",
            help="Files of the same names: what the model is to answer. By default, what it hears.",
        ),
    ] = None,
    steps: Annotated[int, typer.Option(min=1, metavar="N", help="Steps of training.")] = 20_000,
    batch: Annotated[int, typer.Option(min=2, metavar="N", help="Pieces of 1.5 s a step.")] = 4,
    adversarial_from: Annotated[
        float,
        typer.Option(
            min=0.0, max=1.0, metavar="X", help="Share of the steps after which critics join in; 1: never."
        ),
    ] = 1.0,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="Another seed, another model.")] = 0,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on where a training was stopped, with its settings.")
    ] = False,
) -> None:
    """Train a RAVE on a folder of recordings.

    Beside MODEL.ts: MODEL.png, the loss curves, drawn anew at each checkpoint;
    and the folder MODEL.training with the decoded recordings and the last
    checkpoint.
    """
    model = Path(out)
    if model.suffix != ".ts":
        raise OutputError(f"{model} is no name for a model: let it end in .ts")
    folder = model.with_suffix(".training")
    with Bar() as bar:
        from retrotone.figures.base import png
        from retrotone.figures.training import rave_training_figure
        from retrotone.progress import part
        from retrotone.rave.export import PRIOR_SHARE, export
        from retrotone.rave.training import CHECKPOINT, Recipe, Training, train
        from retrotone.utils.files import write_whole

        check_resume(folder, (folder / CHECKPOINT).is_file(), resume)

        def draw(training: Training) -> None:
            write_whole(model.with_suffix(".png"), png(rave_training_figure(training.history)))

        training = train(
            Path(recordings),
            folder,
            None if target is None else Path(target),
            Recipe(steps=steps, batch=batch, adversarial_from=adversarial_from, seed=seed),
            draw,
            part(bar.item(), 0.0, 0.9),
        )
        progress = bar.item()
        encodings = training.encodings(part(progress, 0.9, 0.92))
        prior_steps = training.recipe.steps // PRIOR_SHARE
        export(training.average, encodings, model, prior_steps, part(progress, 0.92, 1.0))
    for name in training.corpus.skipped:
        typer.echo(f"{printable(name)} was left out: too short, or not to be read", err=True)
    last = training.history[-1]
    typer.echo(
        f"{printable(model)}: {training.corpus.hours:.1f} h, {last.step} steps, loss {last.spectral:.3f}"
    )
