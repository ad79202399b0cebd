"""What the command line shows: tables on stdout; one progress bar and one-line messages on stderr."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from retrotone.errors import ModelError, OutputError, RetrotoneError
from retrotone.progress import Progress
from retrotone.utils.text import counted, printable

if TYPE_CHECKING:
    from rich.console import Console

# exit codes of every command; bad usage counts as all
SOME_FAILED, ALL_FAILED = 1, 2
# between two lines of progress where nobody sees a bar
LINE_SECONDS = 60.0
# what a stopped command leaves behind, mostly
NOTHING_KEPT = "no unfinished file is left"
NO_CHECKPOINT = "there is no checkpoint yet"
# width of a table where no terminal limits it
PIPE_COLUMNS = 200
# width of each column, with its margins, that a table keeps on a narrow terminal: its lines are wrapped there
LEAST_COLUMNS = 8
Strict = Annotated[
    bool, typer.Option("--strict", help="Refuse a damaged recording, instead of using what can be read of it.")
]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace files that exist. What is read is never written over.")
]
Skip = Annotated[bool, typer.Option("--skip", help="Pass over songs whose results are there: go on after a stop.")]
Recursive = Annotated[
    bool, typer.Option("--recursive", "-r", help="Of a folder that is named, all recordings, in its folders as well.")
]


class Bar:
    """A progress bar over `total` items on stderr; a line a minute where stderr is not a terminal.

    Attributes
    ----------
    kept : str
        What to say where the user stops the work: what is kept, and how to go on.
    """

    def __init__(self, total: int = 1, kept: str = NOTHING_KEPT) -> None:
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
        self.kept, self._last_line = kept, time.monotonic()

    def __enter__(self) -> Bar:
        self._bar.start()
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._bar.stop()
        # Ctrl-C and SIGTERM
        if isinstance(error, KeyboardInterrupt | SystemExit):
            complain(f"stopped: {self.kept}")

    def item(self, index: int = 0) -> Progress:
        """Return the callback of one item."""

        def progress(fraction: float, message: str) -> None:
            if self._total > 1:
                message = f"{index + 1}/{self._total} {message} ({fraction:.0%})"
            self._bar.update(self._task, completed=index + fraction, description=printable(message))
            if self._bar.disable and time.monotonic() - self._last_line >= LINE_SECONDS:
                self._last_line = time.monotonic()
                complain(f"{(index + fraction) / self._total:.0%}: {message}")

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
    try:
        _stderr().print(line, markup=False, highlight=False, emoji=False, soft_wrap=True)
    except OSError:
        # a full disk takes no messages; that must not stop the work, nor change its exit code
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


def print_each(songs: Sequence[str], work: Callable[[int, Progress], str], kept: str, skipped: int = 0) -> None:
    """Print a line for each song under one progress bar; where one of many fails, go on with the others.

    Parameters
    ----------
    songs : sequence of str
        Their paths.
    work : callable
        Takes the number of a song and its progress callback, and returns the line to print.
    kept : str
        What to say of the songs before one at which the user stops.
    skipped : int
        How many songs more there are, whose results were there before.
    """
    total = len(songs) + skipped
    failures: list[str] = []
    with Bar(len(songs)) as bar:
        for index, song in enumerate(songs):
            try:
                line = work(index, bar.item(index))
            except Exception as error:
                if total == 1:
                    raise
                failures.append(failure(song, error))
            else:
                bar.print(line)
                bar.kept = f"{skipped + index + 1 - len(failures)} of {counted(total, 'song')} {kept}"
    report_failures(failures, total)


def numbers_to_do(outputs: Sequence[Path], skip: bool, overwrite: bool) -> list[int]:
    """Return which results are to be made: with `skip` those that are not there yet, and say how many are."""
    if skip and overwrite:
        raise OutputError("--skip keeps what --overwrite would replace: leave one of them out")
    numbers = [k for k, output in enumerate(outputs) if not (skip and output.exists())]
    if done := len(outputs) - len(numbers):
        complain(f"{done} of {counted(len(outputs), 'song')} done already and passed over")
    return numbers


def failure(song: str, error: Exception) -> str:
    """Say in one line why one of many songs failed."""
    reason = str(error) if isinstance(error, RetrotoneError) else repr(error)
    return reason if song in reason else f"{song}: {reason}"


def report_failures(failures: Sequence[str], songs: int) -> None:
    """Print which of so many songs failed, and exit with 1, or with 2 if all did; do nothing if none did."""
    if failures:
        for line in failures:
            complain(line)
        complain(f"{len(failures)} of {counted(songs, 'song')} failed")
        raise typer.Exit(ALL_FAILED if len(failures) == songs else SOME_FAILED)


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
    console = Console(width=None if sys.stdout.isatty() else PIPE_COLUMNS)
    console.width = max(console.width, LEAST_COLUMNS * len(columns))
    console.print(table)


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


def password_in(file: Path) -> str:
    """Return the first line of a file; RetrotoneError if there is none."""
    try:
        with file.open(encoding="utf-8") as lines:
            password = lines.readline().rstrip("\r\n")
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8"
        raise RetrotoneError(f"the password cannot be read from {file} ({reason}): check the path") from error
    if not password:
        raise RetrotoneError(f"{file} begins with an empty line: its first line is the password")
    return password
