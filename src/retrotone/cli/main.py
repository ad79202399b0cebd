"""The command line: it parses, calls and prints. Results go to stdout, all else to stderr."""

from __future__ import annotations

import atexit
import io
import logging
import os
import shlex
import signal
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from retrotone import __version__
from retrotone.cli import compare, demo, eras, generate, genre, medium, models, study, style, tags, web
from retrotone.cli import desktop as window
from retrotone.cli.console import ALL_FAILED, SOME_FAILED, LogHandler, complain
from retrotone.cli.library.app import app as library
from retrotone.errors import RetrotoneError
from retrotone.utils.files import takes_files
from retrotone.utils.logs import log
from retrotone.utils.signals import ending_signals

# exit code: 128 + SIGINT
INTERRUPTED = 130

# --help lists them in this order
COMMANDS: dict[str, Callable[..., None]] = {
    "style": style.style_songs,
    "medium": medium.read_records,
    "generate": generate.generate,
    "eras": eras.list_eras,
    "compare": compare.compare_files,
    "tags": tags.show_tags,
    "demo": demo.run_demo,
    "app": window.open_window,
    "web": web.serve_page,
}
GROUPS = {"genre": genre.app, "library": library, "models": models.app, "study": study.app}
# what other programs, the window and the page call options, and what to say instead, with the value that was given
MEANT = {
    **dict.fromkeys(("--era", "--decade", "--preset", "--record", "--reference", "--target"), "--style {}"),
    **dict.fromkeys(("--output", "--output-dir", "--out-dir", "--outdir", "--outfile", "--to"), "--out {}"),
    "--format": "--out NAME.{}",
    **dict.fromkeys(("--amount", "--intensity"), "--strength {}"),
    **dict.fromkeys(("--parts", "--part"), "--only {}"),
    **dict.fromkeys(("--length", "--duration"), "--seconds {}"),
    "--tempo": "--bpm {}",
    "--force": "--overwrite",
}


def main() -> NoReturn:
    """Run the command line as a process of its own."""
    # before NumPy is loaded: with more threads a product's last bits depend on their number
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    _own_streams()
    _own_cache()
    if not sys.warnoptions:
        # of other libraries; retrotone's own warnings come through its log
        warnings.simplefilter("ignore")
        logging.lastResort = logging.NullHandler()
    # sys.exit unwinds the stack, so that no half-written file stays
    for ending in ending_signals():
        signal.signal(ending, lambda number, _: sys.exit(128 + number))
    try:
        code = run()
        sys.stdout.flush()
    except KeyboardInterrupt:
        code = INTERRUPTED
    except OSError as error:
        # mostly of stdout, whose buffer must not fail again at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        code = ALL_FAILED
        # an unforeseen error of another file
        if error.filename is not None:
            complain(f"{error.filename} cannot be used ({error.strerror}): check the path and its permissions")
        elif isinstance(error, BrokenPipeError):
            # the reader has closed the pipe
            code = SOME_FAILED
        elif isinstance(error, FileNotFoundError):
            complain("no folder takes temporary files: name one that does in the environment variable TMPDIR")
        else:
            complain(
                f"the results cannot be printed, or temporary files not be written ({error.strerror}): "
                "send standard output elsewhere, or name another folder in the environment variable TMPDIR"
            )
    sys.exit(code)


def _own_streams() -> None:
    """Make both streams writable, whatever the caller closed, and keep stderr for Python alone.

    Decoders print on file descriptor 2, which would break the progress bar.
    """
    nowhere = os.open(os.devnull, os.O_WRONLY)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    else:
        sys.stdout = os.fdopen(nowhere, "w")
    kept = nowhere if sys.stderr is None else os.dup(2)
    sys.stderr = os.fdopen(kept, "w", buffering=1, errors="backslashreplace", closefd=False)
    os.dup2(nowhere, 2)


def _own_cache() -> None:
    """Give matplotlib a temporary folder for its cache where the home folder cannot be written to."""
    homes = (os.environ.get("XDG_CACHE_HOME") or "~/.cache", os.environ.get("XDG_CONFIG_HOME") or "~/.config")
    if sys.platform == "win32" or all(takes_files(Path(home).expanduser()) for home in homes):
        return
    from retrotone.utils.temporary import TemporaryFolder

    scratch = TemporaryFolder("retrotone-caches-")
    atexit.register(scratch.remove)
    os.environ.setdefault("MPLCONFIGDIR", str(scratch.path))


def run(arguments: Sequence[str] | None = None) -> int:
    """Parse, call, print; return the exit code.

    Parameters
    ----------
    arguments : sequence of str, optional
        By default the process's own.

    Returns
    -------
    int
        0: all went well. 1: some of many songs failed, or a check found something. 2: nothing was done, by bad input or
        usage.
    """
    words = sys.argv[1:] if arguments is None else list(arguments)
    handler = LogHandler()
    log.addHandler(handler)
    try:
        return parser(words)(args=words, prog_name="retrotone", standalone_mode=False) or 0
    except RetrotoneError as error:
        complain(str(error))
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        complain("this needs PyTorch: pip install 'retrotone[rave]'")
    except typer.TyperException as error:
        context = getattr(error, "ctx", None)
        if context and error.format_message() == context.get_help():
            # a group of commands was named, and none of them
            typer.echo(context.get_help(), err=True)
        elif meant := _meant(error, words):
            complain(f"No such option: {getattr(error, 'option_name', '')}: say {meant}")
        elif message := " ".join(error.format_message().split()).rstrip("."):
            file = next((word for word in words if word.startswith("-") and os.path.lexists(word)), None)
            help_ = f"see {context.command_path if context else 'retrotone'} --help"
            complain(f"{message}: {f'call the file ./{file}' if file else help_}")
    finally:
        log.removeHandler(handler)
    return ALL_FAILED


def _meant(error: typer.TyperException, words: Sequence[str]) -> str:
    """Return what to say in place of an option that the command has by another name; empty if there is none."""
    option, context = getattr(error, "option_name", ""), getattr(error, "ctx", None)
    meant = MEANT.get(option, "")
    if not meant or not context or not any(meant.split()[0] in each.opts for each in context.command.params):
        return ""
    given = [part for word in words for part in word.split("=", 1)] + ["VALUE"]
    return meant.format(shlex.quote(given[given.index(option) + 1]))


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"retrotone {__version__}")
        raise typer.Exit


def _retrotone(
    version: Annotated[
        bool, typer.Option("--version", "-V", help="Show the version.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """Give any recording the sound of another era."""


def parser(words: Sequence[str] = ()) -> typer.Typer:
    """Return the parser of a command line: of the command that its first word names, otherwise of all commands.

    Typer reads the signature of every command before it parses, which takes longer than many commands do.
    """
    # plain help: Rich takes half as long again as all else before it
    app = typer.Typer(
        pretty_exceptions_enable=False,
        no_args_is_help=True,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
    )
    app.callback()(_retrotone)
    named = words[0] if words and words[0] in (*COMMANDS, *GROUPS) else None
    for name, command in COMMANDS.items():
        if named in (None, name):
            app.command(name)(command)
    for name, group in GROUPS.items():
        if named in (None, name):
            app.add_typer(group, name=name)
    return app
