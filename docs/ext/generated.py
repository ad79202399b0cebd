"""What the manual takes from the program itself: the commands' reference, and sounds to play on the first page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

SECONDS = 12.0  # of each sound: enough to hear, little to load
SOUNDS = ("as-it-was", "1930s", "1980s", "as-the-record")


def setup(app: Sphinx) -> dict[str, bool]:
    """Write both before Sphinx looks for anything."""
    app.connect("config-inited", lambda app, config: write(Path(app.srcdir) / "_generated"))
    return {"parallel_read_safe": True}


def write(folder: Path) -> None:
    """Write ``cli.md`` and the sounds that are not there yet."""
    static = folder / "static"
    static.mkdir(parents=True, exist_ok=True)
    (folder / "cli.md").write_text("\n".join(reference()), "utf-8")
    if not all((static / f"{name}.ogg").is_file() for name in SOUNDS):
        make_sounds(static)


def make_sounds(folder: Path) -> None:
    """Write the bundled song's beginning as it was, and in three sounds."""
    import retrotone as rt
    from retrotone.demo import bundled

    song = bundled("demo_song.ogg", "the song").slice(0, SECONDS)
    record = bundled("demo_style.ogg", "the record")
    for name, style in zip(SOUNDS, (None, "1930s", "1980s", record), strict=True):
        sound = song if style is None else rt.StyleTransfer().stylize(song, style)
        sound.fade().save(folder / f"{name}.ogg")


def reference() -> Iterator[str]:
    """Yield the lines of a page with every command, its arguments and options."""
    import typer

    from retrotone.cli import app

    yield "# Commands"
    yield ""
    yield "Made from the program itself: what `retrotone COMMAND --help` says, on one page."
    for name, command in commands(typer.main.get_command(app), "retrotone"):
        yield from ["", f"## {name}", "", *command.help.splitlines(), ""]
        arguments = [p for p in command.params if p.param_type_name == "argument"]
        words = [p.metavar or p.name.upper() for p in arguments]
        many = [f"{word} …" if p.nargs == -1 else word for p, word in zip(arguments, words, strict=True)]
        yield from ["```", " ".join([name, *many, "[OPTIONS]"]), "```", ""]
        rows = [(f"`{_cell(word)}`", p.help) for p, word in zip(arguments, words, strict=True)]
        rows += [(_option(p), p.help) for p in command.params if p not in arguments and not p.hidden]
        if rows:
            yield from ["| | |", "|---|---|"]
        for names, text in rows:
            yield f"| {names} | {_cell(text)} |"


def commands(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Yield all commands that do something, by their full names."""
    children = getattr(command, "commands", None)
    if children is None:
        yield name, command
        return
    for part, child in children.items():
        yield from commands(child, f"{name} {part}")


def _option(parameter: Any) -> str:
    names = ", ".join(f"`{name}`" for name in [*parameter.opts, *parameter.secondary_opts])
    if parameter.is_flag:
        return names
    kind = _cell(parameter.metavar)
    default = parameter.default
    shown = f", by default {default}" if isinstance(default, int | float | str) and default != "" else ""
    return f"{names} `{kind}`{shown}"


def _cell(text: str | None) -> str:
    return " ".join((text or "").split()).replace("|", "\\|")
