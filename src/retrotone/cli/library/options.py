"""Options that several commands of ``retrotone library`` share, and the library that they name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from retrotone.library.library import Library

File = Annotated[
    str | None,
    typer.Option(
        "--library",
        metavar="FILE",
        help="The library's file, by default one in your folder for such data; or postgresql://USER@HOST/DATABASE.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON: one object a line.")]
Exclude = Annotated[
    list[str] | None,
    typer.Option(metavar="GLOB", help="Leave out files and folders of that name or path; may be given several times."),
]
Genre = Annotated[
    str | None, typer.Option(metavar="GENRE", help="Only this genre: by tag or, without one, by the classifier.")
]
Out = Annotated[
    str | None, typer.Option("-o", "--out", metavar="FILE", help="Write the tracks as .m3u8, .csv or .json as well.")
]
Absolute = Annotated[
    bool, typer.Option("--absolute", help="In an .m3u8, write absolute paths, not paths relative to its folder.")
]


def open_library(path: str | None) -> Library:
    """Return the library of `--library`, or the default one."""
    from retrotone.library.library import Library

    return Library(path)
