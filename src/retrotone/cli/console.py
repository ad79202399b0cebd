"""What the command line shows: tables on stdout; one progress bar and one-line messages on stderr."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from retrotone.errors import ModelError, RetrotoneError
from retrotone.progress import Progress
from retrotone.utils.text import printable

if TYPE_CHECKING:
    from rich.console import Console

# width of a table where no terminal limits it
PIPE_COLUMNS = 200
Strict = Annotated[
    bool, typer.Option("--strict", help="Refuse a damaged recording, instead of using what can be read of it.")
]


class Bar:
    """A progress bar over `total` items on stderr; nothing where stderr is not a terminal."""

    def __init__(self, total: int = 1) -> None:
        from rich import progress
        from rich.table import Column

        message = Column(ratio=1, no_wrap=True, overflow="ellipsis")
        self._bar = progress.Progress(
            progress.TextColumn("{task.description}", markup=False, table_column=message),
            progress.BarColumn(),
            progress.TaskProgressColumn(),
            progress.TimeRemainingColumn(),
            console=_stderr(),
            transient=True,
            expand=True,
            # stdout belongs to the results, wherever they go
            redirect_stdout=False,
            redirect_stderr=False,
            disable=not (sys.stderr.isatty() and _stderr().is_interactive),
        )
        self._total, self._task = total, self._bar.add_task("starting", total=total)

    def __enter__(self) -> Bar:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def item(self, index: int = 0) -> Progress:
        """Return the callback of one item."""

        def progress(fraction: float, message: str) -> None:
            if self._total > 1:
                message = f"{index + 1}/{self._total} {message} ({fraction:.0%})"
            self._bar.update(self._task, completed=index + fraction, description=printable(message))

        return progress

    def print(self, line: str) -> None:
        """Print a result on stdout; the bar is hidden meanwhile, as both may share a terminal."""
        self._bar.stop()
        typer.echo(line)
        self._bar.start()


class LogHandler(logging.Handler):
    """Shows warnings, a line each."""

    def emit(self, record: logging.LogRecord) -> None:
        complain(record.getMessage())


def complain(message: str) -> None:
    """Print one line on stderr, above the progress bar if there is one."""
    line = f"retrotone: {printable(message)}"
    _stderr().print(line, markup=False, highlight=False, emoji=False, soft_wrap=True)


def print_each(songs: Sequence[str], work: Callable[[int, Progress], str], failure_code: int = 1) -> None:
    """Print a line for each song under one progress bar; where one of many fails, go on with the others.

    Parameters
    ----------
    songs : sequence of str
        Their paths.
    work : callable
        Takes the number of a song and its progress callback, and returns the line to print.
    failure_code : int
        Exit code where songs failed.
    """
    failures = []
    with Bar(len(songs)) as bar:
        for index, song in enumerate(songs):
            try:
                line = work(index, bar.item(index))
            except Exception as error:
                if len(songs) == 1:
                    raise
                failures.append(failure(song, error))
            else:
                bar.print(line)
    report_failures(failures, len(songs), failure_code)


def failure(song: str, error: Exception) -> str:
    """Say in one line why one of many songs failed."""
    reason = str(error) if isinstance(error, RetrotoneError) else repr(error)
    return reason if song in reason else f"{song}: {reason}"


def report_failures(failures: Sequence[str], songs: int, code: int = 1) -> None:
    """Print which of so many songs failed, and exit with a code; do nothing if none did."""
    if failures:
        for line in failures:
            complain(line)
        complain(f"{len(failures)} of {songs} songs failed")
        raise typer.Exit(code)


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table on stdout, wide enough for a line a row where it goes to a file or pipe."""
    from rich import box
    from rich.console import Console
    from rich.table import Column, Table
    from rich.text import Text

    # long cells are folded: a shortened path could not be used
    table = Table(*(Column(name, overflow="fold") for name in columns), box=box.SIMPLE)
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    Console(width=None if sys.stdout.isatty() else PIPE_COLUMNS).print(table)


@cache
def _stderr() -> Console:
    from rich.console import Console

    return Console(stderr=True)


def check_resume(folder: Path, begun: bool, resume: bool) -> None:
    """Refuse to start where a training exists, and to resume where none does."""
    if begun and not resume:
        raise ModelError(f"{folder} holds a training: go on with --resume, or delete that folder")
    if resume and not begun:
        raise ModelError(f"{folder} holds no checkpoint: start without --resume")
