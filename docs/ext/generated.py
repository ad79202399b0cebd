"""What the manual takes from the program itself: sounds, a picture, the commands, the licences of what it rests on."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, metadata, requires, version
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from sphinx.application import Sphinx

SECONDS = 12.0  # of each sound: enough to hear, little to load
EXIT_CODES = (
    "0: all is done. 1: some songs failed, or a check found damage. 2: nothing was done, because of the usage, the",
    "input or the output. 129, 130, 143: stopped, as the terminal was closed, by Ctrl-C, or by SIGTERM.",
)
SOUNDS = ("as-it-was", "1930s", "1980s", "as-the-record")


def setup(app: Sphinx) -> dict[str, bool]:
    """Write both before Sphinx looks for anything."""
    app.connect("config-inited", lambda app, config: write(Path(app.srcdir) / "_generated"))
    return {"parallel_read_safe": True}


def write(folder: Path) -> None:
    """Write ``cli.md``, ``retrotone.1``, ``licences.md``, the sounds and the picture that are not there yet."""
    static = folder / "static"
    static.mkdir(parents=True, exist_ok=True)
    (folder / "cli.md").write_text("\n".join(reference()), "utf-8")
    (static / "retrotone.1").write_text("\n".join(manual_page()) + "\n", "utf-8")
    (folder / "licences.md").write_text("\n".join(licences()), "utf-8")
    if not all((static / f"{name}.ogg").is_file() for name in SOUNDS):
        make_sounds(static)
    if not (static / "medium.png").is_file():
        draw_medium(static / "medium.png")


def draw_medium(path: Path) -> None:
    """Draw the bundled record being read."""
    from retrotone.figures.base import png
    from retrotone.figures.medium import reading_figure
    from retrotone.services.medium import read_medium
    from retrotone.utils.assets import bundled_record

    medium, readings = read_medium(bundled_record(), name="the bundled record")
    path.write_bytes(png(reading_figure(readings[0], medium)))


def make_sounds(folder: Path) -> None:
    """Write the bundled song's beginning as it was, and in three sounds."""
    import retrotone as rt
    from retrotone.services.demo import bundled

    song = bundled("demo_song.ogg", "the song").slice(0, SECONDS)
    record = bundled("demo_style.ogg", "the record")
    for name, style in zip(SOUNDS, (None, "1930s", "1980s", record), strict=True):
        sound = song if style is None else rt.StyleTransfer().stylize(song, style)
        sound.fade().save(folder / f"{name}.ogg", overwrite=True)


def reference() -> Iterator[str]:
    """Yield the lines of a page with every command, its arguments and options."""
    yield "# Commands"
    yield ""
    yield "Made from the program itself: what `retrotone COMMAND --help` says, on one page. The same is there"
    yield "{download}`as a page of man <static/retrotone.1>`."
    for name, command in commands(_app(), "retrotone"):
        yield from ["", f"## {name}", "", *command.help.splitlines(), ""]
        yield from ["```", _usage(name, command), "```", ""]
        rows = [(f"`{_cell(word)}`", text) for word, text in _arguments(command)]
        rows += [(_option(parameter), parameter.help) for parameter in _options(command)]
        if rows:
            yield from ["| | |", "|---|---|"]
        for names, text in rows:
            yield f"| {names} | {_cell(text)} |"


def manual_page() -> Iterator[str]:
    """Yield the lines of the same as a page of ``man``."""
    app = _app()
    yield f'.TH RETROTONE 1 "" "retrotone {version("retrotone")}" "User Commands"'
    yield from [".SH NAME", rf"retrotone \- {_roff(app.help.rstrip('.'))}"]
    yield from [".SH SYNOPSIS", r"\fBretrotone\fR \fICOMMAND\fR [\fIOPTIONS\fR]", ".SH COMMANDS"]
    for name, command in commands(app, "retrotone"):
        yield from [f'.SS "{_roff(_usage(name, command))}"', _roff(command.help)]
        rows = [(rf"\fI{_roff(word)}\fR", text) for word, text in _arguments(command)]
        for parameter in _options(command):
            kind = "" if parameter.is_flag else rf" \fI{_roff(parameter.metavar or '')}\fR"
            rows.append((rf"\fB{_roff(', '.join(parameter.opts))}\fR{kind}", parameter.help))
        for names, text in rows:
            yield from [".TP", names, _roff(text)]
    yield from [".SH EXIT STATUS", *EXIT_CODES]


def _app() -> Any:
    import typer

    from retrotone.cli.main import parser

    return typer.main.get_command(parser())


def _usage(name: str, command: Any) -> str:
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    many = [f"{word} …" if p.nargs == -1 else word for p, (word, _) in zip(arguments, _arguments(command), strict=True)]
    return " ".join([name, *many, "[OPTIONS]"])


def _arguments(command: Any) -> list[tuple[str, str]]:
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    return [(p.metavar or p.name.upper(), p.help) for p in arguments]


def _options(command: Any) -> list[Any]:
    return [p for p in command.params if p.param_type_name == "option" and not p.hidden]


def _roff(text: str | None) -> str:
    """Return text on one line, safe in a page of ``man``."""
    line = (
        " ".join((text or "").split())
        .replace("\\", "\\e")
        .replace("-", r"\-")
        .replace('"', r"\(dq")
        .replace("…", "...")
    )
    return rf"\&{line}" if line.startswith((".", "'")) else line


def commands(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Yield all commands that do something, by their full names."""
    children = getattr(command, "commands", None)
    if children is None:
        yield name, command
        return
    for part, child in children.items():
        yield from commands(child, f"{name} {part}")


def licences() -> Iterator[str]:
    """Yield the lines of a page with every package that is installed with retrotone, and every weight inside."""
    yield "# Licences"
    yield ""
    yield "retrotone is MIT. What it brings along:"
    yield from ["", "| inside | from | licence |", "|---|---|---|"]
    yield "| `musicnn_msd.safetensors` | musicnn 0.1 (PyPI), converted by `tools/convert_musicnn.py` | ISC |"
    yield "| `parlour.safetensors` | trained here, see [its card](../model-parlour.md) | MIT |"
    yield "| `parlour.bank` | rendered here from public-domain scores, see [its card](../bank.md) | MIT |"
    learned = "trained here on published features, see [the card](../model-genre.md)"
    yield f"| `genre/classifier.safetensors`, `library/similarity.safetensors` | {learned} | MIT |"
    yield "| `tempo_and_key.json` | learned here on published annotations by `tools/train_tempo_and_key.py` | MIT |"
    yield "| `gtzan.csv` | names, splits and checksums: facts about [GTZAN](../data-gtzan.md) | none needed |"
    yield "| `demo_song.ogg`, `demo_style.ogg` | our renderings of scores in the public domain | MIT |"
    yield from [
        "",
        "What pip installs beside it, as each package states it, in the versions that this page was made with:",
    ]
    yield from ["", "| package | version | licence | for |", "|---|---|---|---|"]
    for name, extras in sorted(required().items()):
        facts = metadata(name)
        yield f"| {facts['Name']} | {facts['Version']} | {_licence(facts)} | {', '.join(sorted(extras)) or 'all'} |"


def required() -> dict[str, set[str]]:
    """Return every package that retrotone needs, or that another one does, with the extras it is for; none: for all."""
    found: dict[str, set[str]] = {}

    def walk(name: str, extras: frozenset[str], serves: str) -> None:
        for line in requires(name) or []:
            need = Requirement(line)
            wanted = need.marker is None or any(need.marker.evaluate({"extra": e}) for e in extras or {""})
            key = canonicalize_name(need.name)
            if not wanted or (key in found and (not found[key] or serves in found[key])) or not _is_here(key):
                continue
            found[key] = found.get(key, set()) | {serves} if serves else set()
            walk(key, frozenset(need.extras), serves)

    walk("retrotone", frozenset(), "")
    for extra in metadata("retrotone").get_all("Provides-Extra") or []:
        walk("retrotone", frozenset({extra}), extra)
    return found


def _is_here(name: str) -> bool:
    try:
        metadata(name)
    except PackageNotFoundError:
        return False
    return True


def _licence(facts: Any) -> str:
    stated = facts.get("License-Expression") or facts.get("License") or ""
    named = [line.rpartition(" :: ")[2] for line in facts.get_all("Classifier") or [] if "License ::" in line]
    return _cell(stated if 0 < len(stated) < 60 else ", ".join(named)) or "see the package"


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
