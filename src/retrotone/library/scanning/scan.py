"""Scan: bring the catalogue up to date with folders of music, at the least cost.

A file whose size and time have not changed costs a stat. A new one whose content is known has moved, or is a copy, and
is not heard again, nor is one that was copied before any was heard. All else is heard by `listeners`, and noted file by
file by this one writer.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from retrotone.errors import LibraryError
from retrotone.features.analysis import VERSION
from retrotone.library.scanning.disk_list import Spool
from retrotone.library.scanning.walk import Found, fingerprint, walk
from retrotone.progress import Progress, silent
from retrotone.utils.text import clock

if TYPE_CHECKING:
    from retrotone.library.catalogue.catalogue import Catalogue
    from retrotone.library.records import Known
    from retrotone.library.scanning.workers import Failed, Heard

HearAll = Callable[[Iterable[str], int], Generator["Heard | Failed", None, None]]
"""Who listens: given paths and a number of workers, yields what came of each path, in any order. It asks for a path
when it can be heard, and ends its workers when it is closed."""

LOOKING = 0.02  # of the progress: files are counted before any is heard
TOLD_EVERY = 100  # files looked at
LEAST_SECONDS = 1.0  # of a track: musicnn listens to 3 s at a time


@dataclass
class ScanReport:
    """What a scan did, or would do.

    Attributes
    ----------
    unchanged, heard, moved, copied, gone : int
        Tracks; `gone` were known, and are kept, but no longer there.
    broken : list of (str, str)
        Path and reason of each file that cannot be heard, those known from earlier scans too.
    unreadable : list of (str, str)
        Folders, links and files that could not be looked into; what was known in them stays.
    seconds : float
        What it took.
    dry : bool
        Nothing was heard or noted: `heard` counts what would be.
    """

    unchanged: int = 0
    heard: int = 0
    moved: int = 0
    copied: int = 0
    gone: int = 0
    broken: list[tuple[str, str]] = field(default_factory=list)
    unreadable: list[tuple[str, str]] = field(default_factory=list)
    seconds: float = 0.0
    dry: bool = False

    @property
    def summary(self) -> str:
        """How many tracks it found, and what it did with them."""
        counts = {
            "to hear" if self.dry else "heard": self.heard,
            "unchanged": self.unchanged,
            "moved": self.moved,
            "known from a copy": self.copied,
            "gone": self.gone,
            "broken": len(self.broken),
        }
        return ", ".join(f"{count} {what}" for what, count in counts.items() if count) or "no music found"

    @property
    def reasons(self) -> list[str]:
        """Why each file or folder that could not be heard or looked into could not, a line each."""
        unreadable = [reason if path in reason else f"{path}: {reason}" for path, reason in self.unreadable]
        return unreadable + [reason for _, reason in self.broken]


def scan(
    catalogue: Catalogue,
    folders: Sequence[str | os.PathLike[str]],
    exclude: Sequence[str] = (),
    dry_run: bool = False,
    workers: int | None = None,
    progress: Progress = silent,
    hear_all: HearAll | None = None,
) -> ScanReport:
    """Bring a catalogue up to date with folders.

    Parameters
    ----------
    catalogue : Catalogue
    folders : sequence of path-like
        What lies in other folders is left as it is known.
    exclude : sequence of str
        See `walk.is_excluded`: such files are not in the library, as if they were gone.
    dry_run : bool
        Look, but hear and note nothing.
    workers : int, optional
        Processes that listen; by default one for each core.
    progress : Progress
        Told the rate and the time left.
    hear_all : callable, optional
        Who listens: by default `workers.hear_all`, processes on this machine; or a `cluster`'s.

    Raises
    ------
    LibraryError
        No such folder, fewer than one worker, or a catalogue that cannot be written to.
    """
    if workers is not None and workers < 1:
        raise LibraryError(f"{workers} workers hear nothing: use 1 or more")
    began = time.monotonic()
    report = ScanReport(dry=dry_run)
    todo = _look(catalogue, folders, exclude, report, dry_run, progress)
    if dry_run:
        report.heard = len(todo)
    elif todo:
        from retrotone.library.scanning import workers as pool

        _hear(
            catalogue,
            todo,
            report,
            hear_all or pool.hear_all,
            min(workers or _cores(), len(todo)),
            progress,
        )
    report.broken.sort(key=lambda each: os.fsencode(each[0]))
    report.seconds = time.monotonic() - began
    return report


def _look(
    catalogue: Catalogue,
    folders: Sequence[str | os.PathLike[str]],
    exclude: Sequence[str],
    report: ScanReport,
    dry_run: bool,
    progress: Progress,
) -> Spool[tuple[Found, bytes]]:
    """See to all that needs no listening; return the files that do, with their fingerprints."""
    here: set[int] = set()
    back: list[int] = []
    new = Spool[Found]()
    looked = 0
    for each in walk(folders, exclude):
        looked += 1
        if looked % TOLD_EVERY == 0:
            progress(0.0, f"{looked} files looked at")
        if not isinstance(each, Found):
            report.unreadable.append((each.path, each.reason))
            continue
        known = catalogue.lookup(each.path)
        if known is None or not _is_current(known, each):
            new.append(each)
            if known is not None:
                here.add(known.id)
            continue
        here.add(known.id)
        if not known.present:
            back.append(known.id)
        if known.reason is None:
            report.unchanged += 1
        else:
            report.broken.append((known.path, known.reason))
    gone = _gone(catalogue, folders, here, [path for path, _ in report.unreadable])
    if not dry_run:
        if back:
            catalogue.mark(back, present=True)
        if gone:
            catalogue.mark(gone, present=False)
    todo = Spool[tuple[Found, bytes]]()
    moved: set[int] = set()
    for index, found in enumerate(new):
        if index % TOLD_EVERY == 0:
            progress(LOOKING * index / len(new), f"{index}/{len(new)} new files looked into")
        try:
            content = fingerprint(found)
        except FileNotFoundError:
            continue
        except OSError as error:
            report.unreadable.append((found.path, error.strerror or str(error)))
            continue
        twin = _twin(catalogue, found, content)
        if twin is None:
            todo.append((found, content))
        elif twin.path == found.path:  # only its time changed
            report.unchanged += 1
            if not dry_run:
                catalogue.move(twin.id, found)
        elif twin.id not in moved and not os.path.lexists(twin.path):
            report.moved += 1
            moved.add(twin.id)
            gone.pop(twin.id, None)
            if not dry_run:
                catalogue.move(twin.id, found)
        elif dry_run or catalogue.copy(twin.id, found, content):
            report.copied += 1
        else:
            todo.append((found, content))
    report.gone = len(gone)
    return todo


def _hear(
    catalogue: Catalogue,
    todo: Spool[tuple[Found, bytes]],
    report: ScanReport,
    hear_all: HearAll,
    workers: int,
    progress: Progress,
) -> None:
    """Hear files and note each as it comes."""
    from retrotone.library.scanning.workers import Heard

    in_hand: dict[str, tuple[Found, bytes]] = {}
    done = 0

    def paths() -> Iterator[str]:
        nonlocal done
        for found, content in todo:
            twin = _twin(catalogue, found, content)
            if twin is not None and catalogue.copy(twin.id, found, content):  # heard meanwhile
                report.copied += 1
                done += 1
                continue
            in_hand[found.path] = found, content
            yield found.path

    began = time.monotonic()
    progress(LOOKING, f"0/{len(todo)} heard")
    with closing(hear_all(paths(), workers)) as outcomes:
        for outcome in map(_long_enough, outcomes):
            done += 1
            found, content = in_hand.pop(outcome.path)
            if isinstance(outcome, Heard):
                catalogue.add_heard(found, content, outcome.tags, outcome.analysis, outcome.description)
                report.heard += 1
            elif not os.path.exists(outcome.path):  # it vanished meanwhile
                report.unreadable.append((outcome.path, "it went away during the scan"))
            elif outcome.lasting:
                catalogue.add_broken(found, content, outcome.reason)
                report.broken.append((outcome.path, outcome.reason))
            else:
                report.unreadable.append((outcome.path, outcome.reason))
            rate = done / max(time.monotonic() - began, 1e-3)
            progress(
                LOOKING + (1 - LOOKING) * done / len(todo),
                f"{done}/{len(todo)} heard, {rate:.1f} a second, {clock((len(todo) - done) / rate)} left: "
                f"{os.path.basename(outcome.path)}",
            )


def _long_enough(outcome: Heard | Failed) -> Heard | Failed:
    """Return an outcome, a failure where a file is so short that it sounds like nothing."""
    from retrotone.library.scanning.workers import Failed, Heard

    seconds = outcome.analysis.duration if isinstance(outcome, Heard) else None
    if seconds is None or seconds >= LEAST_SECONDS:
        return outcome
    return Failed(outcome.path, f"{outcome.path} is {seconds:.2g} s long: too short to tell how it sounds")


def _is_current(known: Known, found: Found) -> bool:
    """Tell whether a file is as it was, and was heard as we hear now, or could not be."""
    same = (known.size, known.mtime_ns) == (found.size, found.mtime_ns)
    return same and (known.reason is not None or known.version == VERSION)


def _gone(
    catalogue: Catalogue,
    folders: Sequence[str | os.PathLike[str]],
    here: set[int],
    unreadable: Sequence[str],
) -> dict[int, str]:
    """Return the tracks that were in the folders and are no more, but for those we could not look for."""
    closed = tuple(os.path.join(path, "") for path in unreadable)
    return {
        number: path
        for folder in folders
        for number, path in catalogue.present_under(os.path.abspath(folder))
        if number not in here and path not in unreadable and not path.startswith(closed)
    }


def _twin(catalogue: Catalogue, found: Found, content: bytes) -> Known | None:
    """Return a track of the same content: the file itself, or one that is not there, or any other."""
    twins = [twin for twin in catalogue.with_fingerprint(content, found.path) if twin.version == VERSION]
    return min(
        twins, key=lambda twin: (twin.path != found.path, os.path.lexists(twin.path), twin.id), default=None
    )


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
