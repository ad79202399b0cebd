"""``retrotone generate``: a clip that a RAVE model generates."""

from __future__ import annotations

from typing import Annotated

import typer

from retrotone.cli.console import Bar, Overwrite
from retrotone.errors import StyleError
from retrotone.utils.files import check_outputs, new_folder, output_path, write_whole
from retrotone.utils.text import printable

# of each recording: an hour would need gigabytes; a longer clip goes back and forth between the two
BETWEEN_SECONDS = 600.0


def generate(
    out: Annotated[
        str,
        typer.Option(
            "-o", "--out", metavar="OUT|DIR", help="The sound, or a folder for it; its picture (.png) goes next to it."
        ),
    ],
    model: Annotated[
        str | None, typer.Option(metavar="NAME|FILE", help="One of retrotone models list; parlour by default.")
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(metavar="S", help="How long; 30 by default, or as the song of --match.")
    ] = None,
    match: Annotated[str | None, typer.Option(metavar="SONG", help="Make it as long and as loud as a song.")] = None,
    records: Annotated[
        list[str] | None,
        typer.Option(
            "--from",
            metavar="RECORD|FOLDER",
            help="Records to play, one to three seconds of each at a time; by default those that come with parlour.",
        ),
    ] = None,
    path: Annotated[
        str | None,
        typer.Option(
            metavar="records|slerp|linear|smooth|walk|prior",
            help="How it moves in the latent space: from record to record or, where a model has none, by slerp.",
        ),
    ] = None,
    between: Annotated[
        tuple[str, str] | None, typer.Option(metavar="A B", help="Go from one recording's encoding into another's.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="Another seed, another clip.")] = 0,
    temperature: Annotated[
        float,
        typer.Option(metavar="X", help="How far from the middle of the latent space, or the best joins; 1 is usual."),
    ] = 1.0,
    overwrite: Overwrite = False,
) -> None:
    """Generate a clip with a model, and draw it."""
    if between and (path or records):
        raise StyleError("--between is a path of its own: leave out --path and --from")
    if records and path not in (None, "records"):
        raise StyleError(f"--path {path} plays no records: leave out --path or --from")
    with Bar() as bar:
        from retrotone.audio.audio import load
        from retrotone.audio.files import AudioFile
        from retrotone.audio.tags import result_tags
        from retrotone.audio.writing import output_format
        from retrotone.figures.base import png
        from retrotone.figures.recordings import feature_figure
        from retrotone.progress import part
        from retrotone.rave.model import RaveModel
        from retrotone.services.generate import clip_name, find_records
        from retrotone.utils.pretrained import DEFAULT_MODEL

        rave = RaveModel.from_pretrained(model or DEFAULT_MODEL)
        output, folder = output_path(out, clip_name(rave.name, path, seed, temperature))
        output_format(output, rave.info.sample_rate)
        picture, played = output.with_suffix(".png"), find_records(records or [])
        inputs = [*(each.path for each in played), *(between or ()), *([match] if match else [])]
        check_outputs([output, picture], inputs, overwrite=overwrite, folder=folder)
        progress = bar.item()
        bank = rave.bank(played, seed, part(progress, 0.0, 0.4)) if records else None
        ends = between and (load(between[0], BETWEEN_SECONDS), load(between[1], BETWEEN_SECONDS))
        clip = rave.generate(
            seconds,
            match=None if match is None else AudioFile(match),
            path=path,
            seed=seed,
            temperature=temperature,
            bank=bank,
            recordings=ends,
            progress=part(progress, 0.4, 0.8),
        )
        drawn = png(feature_figure(clip, clip.name))
        with new_folder(folder):
            clip.save(output, tags=None if match is None else result_tags(match, clip.name), overwrite=overwrite)
            write_whole(picture, drawn)
    typer.echo(printable(f"{output}: {clip.duration:.1f} s by {rave.name}, seed {seed}; picture {picture}"))
