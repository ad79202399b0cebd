"""``retrotone models``: list, download, train and export models."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import typer

from retrotone.cli.console import NO_CHECKPOINT, Bar, Overwrite, check_resume, print_table
from retrotone.errors import MissingExtraError, ModelError, OutputError, StyleError
from retrotone.utils.files import check_outputs
from retrotone.utils.text import counted, printable

Rate = Annotated[
    Literal["44100", "48000"] | None,
    typer.Option(help="Rate of the players, in Hz, which do not resample; by default that of the network."),
]

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="List, download, inspect, train and export models.")

JSON_HELP = "Print one JSON object"


@app.command("list")
def list_models(as_json: Annotated[bool, typer.Option("--json", help=f"{JSON_HELP} a model.")] = False) -> None:
    """List the models known by name, and which of them are here."""
    from retrotone.utils.pretrained import model_path, registry

    entries = registry().values()
    if as_json:
        for entry in entries:
            typer.echo(json.dumps({**asdict(entry), "here": model_path(entry).is_file()}))
        return
    rows = [
        [entry.name, entry.kind, "yes" if model_path(entry).is_file() else "no", entry.description] for entry in entries
    ]
    print_table(["model", "kind", "here", "what it plays"], rows)
    for terms in dict.fromkeys(entry.licence for entry in entries):
        typer.echo(terms)


@app.command("info")
def show_info(
    model: Annotated[str, typer.Argument(metavar="NAME|FILE", help="A model that is here.")],
    as_json: Annotated[bool, typer.Option("--json", help=f"{JSON_HELP}.")] = False,
) -> None:
    """Print what a model's file says about the model."""
    from retrotone.rave.model import RaveModel

    rave = RaveModel.from_pretrained(model)
    facts = {**asdict(rave.info), "path": str(rave.info.path), "delay": rave.delay}
    if as_json:
        typer.echo(json.dumps(facts))
    else:
        print_table(["fact", "value"], [[name.replace("_", " "), _plain(v)] for name, v in facts.items()])
        typer.echo(f"Players such as nn~ and the RAVE VST do not resample: run them at {rave.info.sample_rate:,} Hz.")


@app.command("download")
def download_model(
    model: Annotated[str, typer.Argument(metavar="NAME|URL", help="A name from the list, or any address.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Agree to the terms without being asked.")] = False,
) -> None:
    """Download a model, after its terms."""
    from retrotone.utils.pretrained import download, find_entry, model_path, offer

    entry = find_entry(model)
    if not model_path(entry).is_file():
        typer.echo(offer(entry), err=True)
        typer.echo(f"Terms: {entry.licence}", err=True)
        if not (yes or _agrees()):
            raise ModelError(f"{entry.name} was not downloaded: agree to its terms, or use --yes")
    with Bar() as bar:
        path = download(model, bar.item())
    typer.echo(printable(path))


@app.command("where")
def show_folder() -> None:
    """Print the folder that downloads go to."""
    from retrotone.utils.pretrained import folder

    typer.echo(printable(folder()))


@app.command("train")
def train(
    recordings: Annotated[str, typer.Argument(metavar="FOLDER", help="Recordings to learn from.")],
    out: Annotated[str, typer.Option("-o", "--out", metavar="MODEL.ts", help="The model; checkpoints go next to it.")],
    target: Annotated[
        str | None,
        typer.Option(
            metavar="FOLDER", help="Files of the same names: the output to learn. By default the recordings themselves."
        ),
    ] = None,
    steps: Annotated[int, typer.Option(min=1, metavar="N", help="Steps of training.")] = 20_000,
    batch: Annotated[int, typer.Option(min=2, metavar="N", help="Pieces of 1.5 s a step.")] = 4,
    adversarial_from: Annotated[
        float,
        typer.Option(
            min=0.0, max=1.0, metavar="X", help="Share of the steps after which discriminators join in; 1: never."
        ),
    ] = 1.0,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="Another seed, another model.")] = 0,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on where a training was stopped, with its settings.")
    ] = False,
    rate: Rate = None,
    overwrite: Overwrite = False,
) -> None:
    """Train a RAVE on a folder of recordings.

    Next to MODEL.ts: MODEL.png, the loss curves, drawn anew at each checkpoint;
    and the folder MODEL.training with the decoded recordings and the last
    checkpoint.
    """
    model = _model_file(out, [".ts"])
    folder = model.with_suffix(".training")
    kept = f"the last checkpoint is kept in {folder}: go on with --resume"
    with Bar(kept=kept if resume else NO_CHECKPOINT) as bar:
        from retrotone.figures.base import png
        from retrotone.figures.training import rave_training_figure
        from retrotone.progress import part
        from retrotone.rave.export import PRIOR_SHARE, export, weights_of
        from retrotone.rave.training import CHECKPOINT, Recipe, Training, train
        from retrotone.utils.files import write_whole

        check_resume(folder, (folder / CHECKPOINT).is_file(), resume)
        check_outputs([model, model.with_suffix(".png")], overwrite=resume or overwrite, folder=model.parent)

        def draw(training: Training) -> None:
            bar.kept = kept
            write_whole(model.with_suffix(".png"), png(rave_training_figure(training.history)))

        training = train(
            Path(recordings),
            folder,
            None if target is None else Path(target),
            Recipe(steps=steps, batch=batch, adversarial_from=adversarial_from, seed=seed, rate=rate and int(rate)),
            draw,
            part(bar.item(), 0.0, 0.9),
        )
        progress = bar.item()
        encodings = training.encodings(part(progress, 0.9, 0.92))
        prior_steps = training.recipe.steps // PRIOR_SHARE
        weights = weights_of(training.average, encodings, prior_steps, part(progress, 0.92, 1.0))
        export(weights, model, training.recipe.rate)
    for name in training.corpus.skipped:
        typer.echo(f"{printable(name)} was left out: too short, or not to be read", err=True)
    last = training.history[-1]
    typer.echo(
        f"{printable(model)}: {training.corpus.hours:.1f} h, {counted(last.step, 'step')}, loss {last.spectral:.3f}"
    )


@app.command("export")
def export_model(
    model: Annotated[
        str, typer.Argument(metavar="NAME|FILE", help="A model of retrotone; with --neutone also an era or preset.")
    ],
    out: Annotated[
        str, typer.Option("-o", "--out", metavar="OUT", help="MODEL.ts or MODEL.safetensors; MODEL.nm with --neutone.")
    ],
    rate: Rate = None,
    neutone: Annotated[bool, typer.Option("--neutone", help="For Neutone FX, which runs it in any DAW.")] = False,
    overwrite: Overwrite = False,
) -> None:
    """Write a model as a file for players, or for retrotone alone.

    With --neutone also an era such as 1930s, or a medium's file.
    MODEL.ts opens in nn~ (Max, Pure Data), the RAVE VST and SuperCollider.
    MODEL.nm opens in Neutone FX, which resamples by itself.
    MODEL.safetensors opens in retrotone, which runs it without PyTorch.
    """
    file = _model_file(out, [".nm"] if neutone else [".ts", ".safetensors"])
    if rate and file.suffix.lower() == ".safetensors":
        raise OutputError(f"--rate is for players: leave it out, or let {file} end in .ts")
    hz = rate and int(rate)
    if neutone:
        _export_neutone(model, file, hz, overwrite)
    else:
        from retrotone.rave.export import export, weights_in
        from retrotone.utils.pretrained import find_file

        path = find_file(model)
        check_outputs([file], [path], overwrite=overwrite)
        weights = weights_in(path)
        if file.suffix.lower() == ".ts":
            export(weights, file, hz)
        else:
            weights.write(file)
    typer.echo(printable(file))


def _export_neutone(name: str, file: Path, rate: int | None, overwrite: bool) -> None:
    """Write an era, a preset or a model of retrotone for Neutone FX."""
    from retrotone.style.choices import find_style, input_paths
    from retrotone.style.medium import Medium

    choice = find_style(name)
    if choice.kind not in ("era", "medium", "rave"):
        raise StyleError(f"{name} is no medium: write one with retrotone medium {name} -o FILE.toml, and name that")
    check_outputs([file], input_paths(choice), overwrite=overwrite)
    try:
        from retrotone.rave.neutone import export_neutone
        from retrotone.style.neutone import export_medium
    except ModuleNotFoundError as error:
        raise MissingExtraError("--neutone needs its extra: pip install 'retrotone[neutone]'") from error
    if choice.kind == "rave":
        from retrotone.rave.export import weights_in
        from retrotone.utils.pretrained import find_file

        path = find_file(name)
        export_neutone(weights_in(path), file, path.stem, rate)
    else:
        medium = choice.open()
        assert isinstance(medium, Medium)
        export_medium(medium, file, rate)


def _model_file(out: str, suffixes: list[str]) -> Path:
    if Path(out).suffix.lower() not in suffixes:
        raise OutputError(f"{out} is no name for a model: it has to end in {' or '.join(suffixes)}")
    return Path(out)


def _agrees() -> bool:
    try:
        return typer.confirm("Download it under these terms?", err=True)
    # no terminal to ask on
    except typer.Abort:
        typer.echo(err=True)
        return False


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else f"{value:,}" if isinstance(value, int) else str(value)
