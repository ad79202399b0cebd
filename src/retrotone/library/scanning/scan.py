"""Scan: bring the catalogue up to date with folders of music at the least cost.

A file whose size and time have not changed costs one call of stat. A new file whose content is known has moved or is a
copy; it is not analysed again. Of new files with the same content only one is analysed. All others are analysed by
workers, and this process alone writes the results to the catalogue, one file at a time.
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
from retrotone.library.files import FoundFile, content_hash
from retrotone.library.records import NewTrack
from retrotone.library.scanning.disk_list import DiskList
from retrotone.library.scanning.walk import walk
from retrotone.progress import Progress, silent
from retrotone.utils.text import clock

if TYPE_CHECKING:
    from retrotone.library.catalogue.catalogue import Catalogue
    from retrotone.library.records import Known
    from retrotone.library.scanning.workers import Analysed, Failed

AnalyseAll = Callable[[Iterable[str], int], Generator["Analysed | Failed", None, None]]
"""Analyses files: takes paths and a number of workers, yields the outcome for each path, in any order. It takes a path
only when a worker is free, and stops its workers when it is closed."""

# Share of the progress at which analysis starts; files are counted before that.
ANALYSIS_STARTS = 0.02
# Files that are looked at from one report of progress to the next.
REPORT_EVERY = 100


@dataclass
class ScanReport:
    """What a scan did, or would do.

    Attributes
    ----------
    unchanged, analysed, moved, copied, gone : int
        Numbers of tracks; those `gone` are no longer there, and stay in the catalogue.
    broken : list of (str, str)
        Path and reason of each file that cannot be analysed, including those known from earlier scans.
    unreadable : list of (str, str)
        Folders, links and files that could not be read; what the catalogue holds of them stays.
    seconds : float
        Duration of the scan.
    dry : bool
        Nothing was analysed or changed: `analysed` counts the files that a scan would analyse.
    """

    unchanged: int = 0
    analysed: int = 0
    moved: int = 0
    copied: int = 0
    gone: int = 0
    broken: list[tuple[str, str]] = field(default_factory=list)
    unreadable: list[tuple[str, str]] = field(default_factory=list)
    seconds: float = 0.0
    dry: bool = False

    @property
    def summary(self) -> str:
        """The numbers above that are not zero, in one line."""
        counts = {
            "to analyse" if self.dry else "analysed": self.analysed,
            "unchanged": self.unchanged,
            "moved": self.moved,
            "known from a copy": self.copied,
            "gone": self.gone,
            "broken": len(self.broken),
        }
        return ", ".join(f"{count} {what}" for what, count in counts.items() if count) or "no music found"

    @property
    def reasons(self) -> list[str]:
        """Why each file or folder could not be read or analysed, one line each."""
        unreadable = [reason if path in reason else f"{path}: {reason}" for path, reason in self.unreadable]
        return unreadable + [reason for _, reason in self.broken]


def scan(
    catalogue: Catalogue,
    folders: Sequence[str | os.PathLike[str]],
    exclude: Sequence[str] = (),
    dry_run: bool = False,
    workers: int | None = None,
    progress: Progress = silent,
    analyse_all: AnalyseAll | None = None,
) -> ScanReport:
    """Bring a catalogue up to date with folders.

    Parameters
    ----------
    catalogue : Catalogue
    folders : sequence of path-like
        Tracks in other folders are left unchanged.
    exclude : sequence of str
        Patterns, see `walk.is_excluded`; matching files count as gone.
    dry_run : bool
        Only compare: analyse nothing and change nothing.
    workers : int, optional
        Number of processes that analyse; by default one for each core.
    progress : Progress
        Receives the rate and the time left.
    analyse_all : callable, optional
        By default `workers.analyse_all`, processes on this machine; else that of a cluster.

    Raises
    ------
    LibraryError
        No such folder, fewer than one worker, or a catalogue that cannot be written to.
    """
    if workers is not None and workers < 1:
        raise LibraryError(f"{workers} workers analyse nothing: use 1 or more")
    began = time.monotonic()
    this = _Scan(catalogue, ScanReport(dry=dry_run), progress)
    todo = this.recognise(this.compare(folders, exclude))
    report = this.report
    if dry_run:
        report.analysed = len(todo)
    elif todo:
        from retrotone.library.scanning import workers as pool

        this.analyse(todo, analyse_all or pool.analyse_all, min(workers or _cores(), len(todo)))
    report.broken.sort(key=lambda each: os.fsencode(each[0]))
    report.seconds = time.monotonic() - began
    return report


class _Scan:
    """The steps of one scan: `compare`, then `recognise`, then `analyse`.

    Parameters
    ----------
    catalogue : Catalogue
    report : ScanReport
        Filled by the steps; where it is `dry`, they leave the catalogue unchanged.
    progress : Progress
    """

    def __init__(self, catalogue: Catalogue, report: ScanReport, progress: Progress) -> None:
        self._catalogue, self.report, self._progress = catalogue, report, progress
        self._gone: set[int] = set()
        self._moved: set[int] = set()
        # Files given to workers, by path, and the number of files that are finished.
        self._in_progress: dict[str, tuple[FoundFile, bytes]] = {}
        self._done = 0

    def compare(self, folders: Sequence[str | os.PathLike[str]], exclude: Sequence[str]) -> DiskList[FoundFile]:
        """Compare files with the catalogue by path, size and time, and return those that are new or changed."""
        here: set[int] = set()
        returned: list[int] = []
        new = DiskList[FoundFile]()
        for count, each in enumerate(walk(folders, exclude), start=1):
            if count % REPORT_EVERY == 0:
                self._progress(0.0, f"{count} files looked at")
            if not isinstance(each, FoundFile):
                self.report.unreadable.append((each.path, each.reason))
                continue
            known = self._catalogue.lookup(each.path)
            if known is not None:
                here.add(known.id)
            if known is None or not _is_current(known, each):
                new.append(each)
                continue
            if not known.present:
                returned.append(known.id)
            if known.reason is None:
                self.report.unchanged += 1
            else:
                self.report.broken.append((known.path, known.reason))
        self._gone = self._missing(folders, here)
        for ids, present in ((returned, True), (self._gone, False)):
            if ids and not self.report.dry:
                self._catalogue.mark(ids, present)
        return new

    def recognise(self, new: DiskList[FoundFile]) -> DiskList[tuple[FoundFile, bytes]]:
        """Recognise moved and copied files by their content; return the others with their content hashes."""
        todo = DiskList[tuple[FoundFile, bytes]]()
        for index, found in enumerate(new):
            if index % REPORT_EVERY == 0:
                self._progress(ANALYSIS_STARTS * index / len(new), f"{index}/{len(new)} new files read")
            try:
                content = content_hash(found)
            except FileNotFoundError:
                continue
            except OSError as error:
                self.report.unreadable.append((found.path, error.strerror or str(error)))
                continue
            if not self._is_recognised(found, content):
                todo.append((found, content))
        self.report.gone = len(self._gone)
        return todo

    def analyse(self, todo: DiskList[tuple[FoundFile, bytes]], analyse_all: AnalyseAll, workers: int) -> None:
        """Analyse files and store each result as it comes."""
        began = time.monotonic()
        self._progress(ANALYSIS_STARTS, f"0/{len(todo)} analysed")
        with closing(analyse_all(self._paths(todo), workers)) as outcomes:
            for outcome in outcomes:
                self._done += 1
                self._store(*self._in_progress.pop(outcome.path), outcome)
                rate = self._done / max(time.monotonic() - began, 1e-3)
                left = clock((len(todo) - self._done) / rate)
                self._progress(
                    ANALYSIS_STARTS + (1 - ANALYSIS_STARTS) * self._done / len(todo),
                    f"{self._done}/{len(todo)} analysed, {rate:.1f} a second, {left} left: "
                    f"{os.path.basename(outcome.path)}",
                )

    def _missing(self, folders: Sequence[str | os.PathLike[str]], here: set[int]) -> set[int]:
        """Return the tracks that were in the folders and are gone, without those in what could not be read."""
        unreadable = [path for path, _ in self.report.unreadable]
        closed = tuple(os.path.join(path, "") for path in unreadable)
        return {
            number
            for folder in folders
            for number, path in self._catalogue.present_under(os.path.abspath(folder))
            if number not in here and path not in unreadable and not path.startswith(closed)
        }

    def _is_recognised(self, found: FoundFile, content: bytes) -> bool:
        """Store a file whose content is known as unchanged, moved or copied; return False if it must be analysed."""
        same = self._same_content(found, content)
        if same is None:
            return False
        # Only the time of the file changed, or it moved.
        if same.path == found.path:
            self.report.unchanged += 1
        elif same.id not in self._moved and not os.path.lexists(same.path):
            self.report.moved += 1
            self._moved.add(same.id)
            self._gone.discard(same.id)
        elif self.report.dry or self._catalogue.copy(same.id, found, content):
            self.report.copied += 1
            return True
        else:
            return False
        if not self.report.dry:
            self._catalogue.move(same.id, found)
        return True

    def _same_content(self, found: FoundFile, content: bytes) -> Known | None:
        """Return a track of the same content: the file itself, else one whose file is gone, else any other."""
        same = [track for track in self._catalogue.with_content_hash(content, found.path) if track.version == VERSION]
        return min(
            same, key=lambda track: (track.path != found.path, os.path.lexists(track.path), track.id), default=None
        )

    def _paths(self, todo: DiskList[tuple[FoundFile, bytes]]) -> Iterator[str]:
        """Yield the files that still need analysis: a file of the same content may have been analysed meanwhile."""
        for found, content in todo:
            same = self._same_content(found, content)
            if same is not None and self._catalogue.copy(same.id, found, content):
                self.report.copied += 1
                self._done += 1
                continue
            self._in_progress[found.path] = found, content
            yield found.path

    def _store(self, found: FoundFile, content: bytes, outcome: Analysed | Failed) -> None:
        """Store the outcome of an analysis in the catalogue and in the report."""
        from retrotone.library.scanning.workers import Analysed

        if isinstance(outcome, Analysed):
            analysis = outcome.analysis
            self._catalogue.add_track(
                NewTrack(found, content, outcome.tags, analysis.duration, outcome.description, analysis)
            )
            self.report.analysed += 1
        elif not os.path.exists(outcome.path):
            self.report.unreadable.append((outcome.path, "it went away during the scan"))
        elif outcome.lasting:
            self._catalogue.add_broken(found, content, outcome.reason)
            self.report.broken.append((outcome.path, outcome.reason))
        else:
            self.report.unreadable.append((outcome.path, outcome.reason))


def _is_current(known: Known, found: FoundFile) -> bool:
    """Tell whether a file is unchanged, and was analysed by this version of analysis or could not be analysed."""
    same = (known.size, known.mtime_ns) == (found.size, found.mtime_ns)
    return same and (known.reason is not None or known.version == VERSION)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
