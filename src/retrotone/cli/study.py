"""``retrotone study``: the experiments that retrotone grew out of."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from retrotone.cli.console import Bar, Overwrite, print_table
from retrotone.utils.text import printable

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Repeat the experiments that retrotone grew out of."
)

Steps = Annotated[
    int | None, typer.Option(min=1, metavar="N", help="Steps a row at a rate of 0.1; Adam takes more at lower rates.")
]


@app.command("loss")
def study_loss(
    content: Annotated[str, typer.Argument(metavar="CONTENT", help="The song.")],
    style: Annotated[str, typer.Argument(metavar="STYLE", help="The recording that it should sound like.")],
    out: Annotated[str, typer.Option("-o", "--out", metavar="DIR", help="Folder of table and curves.")],
    steps: Steps = None,
    seconds: Annotated[float | None, typer.Option(min=0.5, metavar="S", help="Length of both excerpts.")] = None,
    overwrite: Overwrite = False,
) -> None:
    """Sweep the study's style loss, clamped and not: why it stood still, and what makes it fall."""
    given = {"steps": steps, "seconds": seconds}
    settings: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    with Bar() as bar:
        from retrotone.audio.audio import load
        from retrotone.study.sweep import LONGEST_SECONDS, SHORT_COLUMNS, short_cells, sweep_losses

        song, record = (load(path, LONGEST_SECONDS) for path in (content, style))
        rows = sweep_losses(song, record, out, progress=bar.item(), overwrite=overwrite, **settings)
    print_table(SHORT_COLUMNS, [short_cells(row) for row in rows])
    typer.echo(f"wrote table.md, table.csv and losses.png to {printable(out)}")


@app.command("all")
def study_report(
    folder: Annotated[
        str,
        typer.Argument(
            metavar="FOLDER",
            help="A copy of GTZAN, or a folder for each genre; where the artists are known, a folder for each in it.",
        ),
    ],
    out: Annotated[str, typer.Option("-o", "--out", metavar="DIR", help="Folder for the page and its files.")],
    model: Annotated[
        str | None, typer.Option(metavar="NAME|FILE", help="RAVE model: parlour by default; the study used vintage.")
    ] = None,
    steps: Steps = None,
    epochs: Annotated[int | None, typer.Option(min=1, metavar="N", help="Most epochs of M5.")] = None,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="Seed of all random choices.")] = 0,
    overwrite: Overwrite = False,
) -> None:
    """Repeat the whole study on your own music: every figure and table, next to what it reported."""
    given = {"model": model, "steps": steps, "epochs": epochs}
    settings: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    with Bar(kept="what is done is kept, and the same command goes on from there") as bar:
        from retrotone.study.report import write_report

        page = write_report(folder, out, seed=seed, progress=bar.item(), overwrite=overwrite, **settings)
    typer.echo(f"open {printable(page.resolve().as_uri())}")
