"""``retrotone models`` and ``retrotone generate``: which models there are, and what one of them makes up."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from retrotone.cli.console import Bar, print_table
from retrotone.errors import ModelError, OutputError, StyleError
from retrotone.utils.text import printable

app = typer.Typer(no_args_is_help=True, help="List, download and look into RAVE models.")

JSON_HELP = "Print one JSON object"
BETWEEN_SECONDS = (
    600.0  # of each recording: an hour would need gigabytes; clips longer than that go to and fro
)


@app.command("list")
def list_models(
    as_json: Annotated[bool, typer.Option("--json", help=f"{JSON_HELP} a model.")] = False,
) -> None:
    """List the models known by name, and which of them are here."""
    from retrotone.rave.pretrained import model_path, registry

    entries = registry().values()
    if as_json:
        for entry in entries:
            typer.echo(json.dumps({**asdict(entry), "here": model_path(entry).is_file()}))
        return
    rows = [
        [entry.name, entry.kind, "yes" if model_path(entry).is_file() else "no", entry.description]
        for entry in entries
    ]
    print_table(["model", "kind", "here", "what it plays"], rows)
    for terms in dict.fromkeys(entry.licence for entry in entries):
        typer.echo(terms)


@app.command("info")
def show_info(
    model: Annotated[str, typer.Argument(metavar="NAME|FILE", help="A model that is here.")],
    as_json: Annotated[bool, typer.Option("--json", help=f"{JSON_HELP}.")] = False,
) -> None:
    """Tell what a model's file says of itself."""
    from retrotone.rave.model import RaveModel

    rave = RaveModel.from_pretrained(model)
    facts = {**asdict(rave.info), "path": str(rave.info.path), "delay": rave.delay}
    if as_json:
        typer.echo(json.dumps(facts))
    else:
        print_table(["fact", "value"], [[name.replace("_", " "), _plain(v)] for name, v in facts.items()])


@app.command("download")
def download_model(
    model: Annotated[str, typer.Argument(metavar="NAME|URL", help="A name from the list, or any address.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Agree to the terms without being asked.")] = False,
) -> None:
    """Download a model, after its terms."""
    from retrotone.rave.pretrained import download, find_entry, model_path

    entry = find_entry(model)
    if not model_path(entry).is_file():
        typer.echo(f"{entry.name}: {entry.url}", err=True)
        typer.echo(f"Terms: {entry.licence}", err=True)
        if not (yes or _agrees()):
            raise ModelError(f"{entry.name} was not downloaded: agree to its terms, or use --yes")
    with Bar() as bar:
        path = download(model, bar.item())
    typer.echo(printable(path))


@app.command("where")
def show_folder() -> None:
    """Print the folder that downloads go to."""
    from retrotone.rave.pretrained import folder

    typer.echo(printable(folder()))


def generate(
    out: Annotated[
        str, typer.Option("-o", "--out", metavar="OUT", help="The sound; its picture (.png) lies beside it.")
    ],
    model: Annotated[
        str | None,
        typer.Option(metavar="NAME|FILE", help="Which model, see retrotone models list; parlour by default."),
    ] = None,
    seconds: Annotated[
        float | None,
        typer.Option(metavar="S", help="How long; 30 by default, or as long as the song of --match."),
    ] = None,
    match: Annotated[
        str | None, typer.Option(metavar="SONG", help="Make it as long and as loud as a song.")
    ] = None,
    path: Annotated[
        str | None,
        typer.Option(
            metavar="slerp|linear|smooth|walk|prior",
            help="How it moves through the model's latent space; slerp by default.",
        ),
    ] = None,
    between: Annotated[
        tuple[str, str] | None,
        typer.Option(metavar="A B", help="Go from one recording's encoding into another's, with no --path."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="Another seed, another clip.")] = 0,
    temperature: Annotated[
        float, typer.Option(metavar="X", help="How far from the middle of the latent space; 1 is usual.")
    ] = 1.0,
) -> None:
    """Let a model make up a clip, and draw it."""
    place = Path(out)
    if not place.parent.is_dir():
        raise OutputError(f"{place.parent} is not a folder: create it first")
    if path and between:
        raise StyleError("--between is a path of its own: leave out --path")
    with Bar() as bar:
        from retrotone.audio.audio import load
        from retrotone.audio.files import AudioFile, output_format
        from retrotone.figures.base import png
        from retrotone.figures.recordings import feature_figure
        from retrotone.progress import part
        from retrotone.rave.model import RaveModel
        from retrotone.rave.pretrained import DEFAULT_MODEL
        from retrotone.utils.files import write_whole

        rave = RaveModel.from_pretrained(model or DEFAULT_MODEL)
        output_format(place, rave.info.sample_rate, 24)
        ends = between and (load(between[0], BETWEEN_SECONDS), load(between[1], BETWEEN_SECONDS))
        clip = rave.generate(
            seconds,
            match=None if match is None else AudioFile(match),
            path=path or "slerp",
            seed=seed,
            temperature=temperature,
            recordings=ends,
            progress=part(bar.item(), 0.0, 0.8),
        )
        clip.save(place)
        picture = place.with_suffix(".png")
        write_whole(picture, png(feature_figure(clip, clip.name)))
    typer.echo(printable(f"{place}: {clip.duration:.1f} s by {rave.name}, seed {seed}; picture {picture}"))


def _agrees() -> bool:
    try:
        return typer.confirm("Download it under these terms?", err=True)
    except typer.Abort:  # nobody there to ask
        typer.echo(err=True)
        return False


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else f"{value:,}" if isinstance(value, int) else str(value)
