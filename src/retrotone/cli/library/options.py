"""Options that several commands of ``retrotone library`` share, and the library that they name."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import Parameter, Signature, signature
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from retrotone.utils.files import check_outputs

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
Out = Annotated[
    str | None,
    typer.Option("-o", "--out", metavar="FILE", help="Write the tracks as .m3u8, .m3u, .xspf, .csv or .json."),
]
PerArtist = Annotated[int | None, typer.Option(min=1, metavar="N", help="At most N tracks of one artist.")]
PerAlbum = Annotated[int | None, typer.Option(min=1, metavar="N", help="At most N tracks of one album.")]
Weights = Annotated[
    str | None,
    typer.Option(metavar="SOURCE", help="Prefer favourites: by rating or plays, from the files' tags, or a .csv file."),
]
Mix = Annotated[
    bool,
    typer.Option(
        "--mix/--no-mix", help="Of similar tracks, prefer one whose key and tempo go with the tracks beside it."
    ),
]
Absolute = Annotated[
    bool, typer.Option("--absolute", help="In an .m3u8, write absolute paths, not paths relative to its folder.")
]

# Options of a command whose parameter `only` is a `Filter`, by the names of its attributes.
FILTERS = {
    "bpm": Annotated[str | None, typer.Option(metavar="FROM-TO", help="Only tempi like 90-110.")],
    "key": Annotated[list[str] | None, typer.Option(metavar="KEY", help="Only this key, as Am or 'F# major'.")],
    "year": Annotated[str | None, typer.Option(metavar="FROM-TO", help="Only years like 1950-1969.")],
    "genre": Annotated[
        list[str] | None,
        typer.Option(metavar="GENRE", help="Only this genre: by tag or, without one, by the classifier."),
    ],
    "not_genre": Annotated[list[str] | None, typer.Option("--not-genre", metavar="GENRE", help="Not this genre.")],
    "mood": Annotated[
        list[str] | None, typer.Option(metavar="TAG", help="Only tracks that sound so: happy, sad, party, acoustic ...")
    ],
    "exclude": Exclude,
}


def with_filters(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of `FILTERS`, all but `bpm` and `year` repeatable, in place of its `only`."""

    @wraps(command)
    def call(**values: Any) -> None:
        from retrotone.library.search.filters import read_filter

        command(only=read_filter({name: values.pop(name) for name in FILTERS}), **values)

    # the class itself is imported when a command runs
    hints = get_type_hints(command, localns={"Filter": object}, include_extras=True)
    parameters = []
    for name, parameter in signature(command).parameters.items():
        options = FILTERS if name == "only" else {name: hints[name]}
        default = None if name == "only" else parameter.default
        parameters += [
            Parameter(option, Parameter.KEYWORD_ONLY, default=default, annotation=hint)
            for option, hint in options.items()
        ]
    call.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
    call.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return call


def open_library(path: str | None, out: str | None = None, overwrite: bool = False) -> Library:
    """Return the library of `--library`, or the default one; before any work, refuse an `out` that is kept."""
    if out is not None:
        check_outputs([out], [path] if path else [], overwrite=overwrite)
    from retrotone.library.library import Library

    return Library(path)
