"""Scan: bring the catalogue up to date with folders of music at the least cost.

A file whose size and time have not changed costs one call of stat. A new file whose content is known has moved or is a
copy; it is not analysed again. Of new files with the same content only one is analysed. All others are analysed by
workers, and this process alone writes the results to the catalogue, one file at a time.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from retrotone.errors import LibraryError
from retrotone.features.analysis import VERSION
from retrotone.library.files import FoundFile, Place, content_hash
from retrotone.library.records import NewTrack
from retrotone.library.scanning.cue_sheets import embedded_parts
from retrotone.library.scanning.disk_list import DiskList
from retrotone.library.scanning.walk import PassedOver, Unreadable, walk
from retrotone.progress import Progress, silent
from retrotone.utils.text import clock, counted

if TYPE_CHECKING:
    from retrotone.library.catalogue.catalogue import Catalogue
    from retrotone.library.records import Known
    from retrotone.library.scanning.track import Analysed, Failed

AnalyseAll = Callable[[Iterable[FoundFile], int], Generator["Analysed | Failed", None, None]]
"""Analyses files: takes files and a number of workers, yields the outcome for each file, in any order. It takes a file
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
        Name and reason of each track that cannot be analysed, including those known from earlier scans.
    damaged : list of (str, str)
        Path and damage of each file that was analysed although it is damaged, including those known from earlier scans.
    passed_over : dict of str to int
        How many files of sound and video there are of each suffix that retrotone does not read.
    unreadable : list of (str, str)
        Folders, links, files and cue sheets that could not be read; what the catalogue holds of them stays.
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
    damaged: list[tuple[str, str]] = field(default_factory=list)
    passed_over: dict[str, int] = field(default_factory=dict)
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
            "could not be analysed": len(self.broken),
            "damaged": len(self.damaged),
        }
        return ", ".join(f"{count} {what}" for what, count in counts.items() if count) or "no music found"

    @property
    def reasons(self) -> list[str]:
        """What was not read or analysed as a whole, and why, one line each."""
        unreadable = [reason if path in reason else f"{path}: {reason}" for path, reason in self.unreadable]
        damaged = [f"{path} {damage}" for path, damage in self.damaged]
        # all tracks of a cue sheet may have one reason
        return list(dict.fromkeys(unreadable + damaged + [reason for _, reason in self.broken])) + self._passed_over

    @property
    def _passed_over(self) -> list[str]:
        """How many files were passed over and why, in one line, or none."""
        counts = [f"{count} {suffix}" for suffix, count in sorted(self.passed_over.items())]
        why = [f"{', '.join(counts)} (formats that retrotone does not read)"] if counts else []
        why += [f"{len(self.unreadable)} that could not be read"] if self.unreadable else []
        return [f"passed over: {'; '.join(why)}"] if why else []


def scan(
    catalogue: Catalogue,
    folders: Sequence[str | os.PathLike[str]],
    exclude: Sequence[str] = (),
    dry_run: bool = False,
    workers: int | None = None,
    progress: Progress = silent,
    analyse_all: AnalyseAll | None = None,
    strict: bool = False,
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
    strict : bool
        Treat a damaged file as one that cannot be analysed.

    Raises
    ------
    LibraryError
        No such folder, fewer than one worker, or a catalogue that cannot be written to.
    """
    if workers is not None and workers < 1:
        raise LibraryError(f"{workers} workers analyse nothing: use 1 or more")
    began = time.monotonic()
    this = _Scan(catalogue, ScanReport(dry=dry_run), progress, strict)
    todo = this.recognise(this.compare(folders, exclude))
    report = this.report
    if dry_run:
        report.analysed = len(todo)
    elif todo:
        from retrotone.library.scanning import workers as pool

        this.analyse(todo, analyse_all or pool.analyse_all, min(workers or _cores(), len(todo)))
    report.broken.sort(key=lambda each: os.fsencode(each[0]))
    roots = tuple(os.path.join(os.path.abspath(folder), "") for folder in folders)
    report.damaged = [each for each in catalogue.damaged() if each[0].startswith(roots)]
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
    strict : bool
        See `scan`.
    """

    def __init__(self, catalogue: Catalogue, report: ScanReport, progress: Progress, strict: bool) -> None:
        self._catalogue, self.report, self._progress, self._strict = catalogue, report, progress, strict
        self._gone: set[int] = set()
        self._moved: set[int] = set()
        # Content hashes of the files given to workers, and the number of files that are finished.
        self._in_progress: dict[Place, bytes] = {}
        self._done = 0

    def compare(self, folders: Sequence[str | os.PathLike[str]], exclude: Sequence[str]) -> DiskList[FoundFile]:
        """Compare tracks with the catalogue by place, size and time, and return those that are new or changed."""
        # asked before the walk, as another scan may store tracks during it
        missing = {number for number, _ in self._present(folders)}
        returned: list[int] = []
        new = DiskList[FoundFile]()
        passed_over = Counter[str]()
        for count, each in enumerate(walk(folders, exclude), start=1):
            if count % REPORT_EVERY == 0:
                self._progress(0.0, f"{counted(count, 'file')} looked at")
            if isinstance(each, Unreadable):
                self.report.unreadable.append((each.path, each.reason))
                continue
            if isinstance(each, PassedOver):
                passed_over[os.path.splitext(each.path)[1].lower()] += 1
                continue
            for track, known in self._tracks(each):
                if known is not None:
                    missing.discard(known.id)
                if known is None or not self._is_current(known, track):
                    new.append(track)
                    continue
                if not known.present:
                    returned.append(known.id)
                if known.reason is None:
                    self.report.unchanged += 1
                else:
                    self.report.broken.append((str(known.place), known.reason))
        self.report.passed_over = dict(passed_over)
        self._gone = self._gone_of(missing, folders)
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
        with closing(analyse_all(self._files(todo), workers)) as outcomes:
            for outcome in map(self._judged, outcomes):
                self._done += 1
                self._store(self._in_progress.pop(outcome.file.place), outcome)
                rate = self._done / max(time.monotonic() - began, 1e-3)
                left = clock(round((len(todo) - self._done) / rate))
                self._progress(
                    ANALYSIS_STARTS + (1 - ANALYSIS_STARTS) * self._done / len(todo),
                    f"{self._done}/{len(todo)} analysed, {rate:.1f} a second, {left} left: "
                    f"{os.path.basename(str(outcome.file.place))}",
                )

    def _tracks(self, found: FoundFile) -> Iterator[tuple[FoundFile, Known | None]]:
        """Yield a file, or the tracks of the cue sheet in its tags, with what is known of each."""
        known = self._catalogue.lookup(found.place)
        if found.part or (known is not None and self._is_current(known, found)):
            yield found, known
            return
        tracks = [replace(found, part=part) for part in embedded_parts(found.path)]
        yield from ((track, self._catalogue.lookup(track.place)) for track in tracks)
        if not tracks:
            yield found, known

    def _is_current(self, known: Known, found: FoundFile) -> bool:
        """Tell whether a file is unchanged, and this version of analysis would come to the same outcome."""
        if (known.size, known.mtime_ns) != (found.size, found.mtime_ns) or not self._is_treated_alike(known):
            return False
        return known.reason is not None or known.version == VERSION

    def _is_treated_alike(self, known: Known) -> bool:
        """Tell whether a damaged file was analysed, or listed as broken, as this scan would have it."""
        return known.damage is None or self._strict == (known.reason is not None)

    def _present(self, folders: Sequence[str | os.PathLike[str]]) -> Iterator[tuple[int, str]]:
        """Yield the id and path of each track that is in the folders as far as the catalogue knows."""
        for folder in folders:
            yield from self._catalogue.present_under(os.path.abspath(folder))

    def _gone_of(self, missing: set[int], folders: Sequence[str | os.PathLike[str]]) -> set[int]:
        """Return those of the missing tracks that do not lie in what could not be read."""
        # mostly, and the catalogue may be large
        if not missing:
            return set()
        unreadable = [path for path, _ in self.report.unreadable]
        closed = tuple(os.path.join(path, "") for path in unreadable)
        return {
            number
            for number, path in self._present(folders)
            if number in missing and path not in unreadable and not path.startswith(closed)
        }

    def _is_recognised(self, found: FoundFile, content: bytes) -> bool:
        """Store a file whose content is known as unchanged, moved or copied; return False if it must be analysed."""
        same = self._same_content(found, content)
        if same is None:
            return False
        # Only the time of the file changed, or it moved.
        if same.place == found.place:
            self.report.unchanged += 1
        elif same.id not in self._moved and not os.path.lexists(same.place.path):
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
        same = [
            track
            for track in self._catalogue.with_content_hash(content, found.place)
            if track.version == VERSION and self._is_treated_alike(track)
        ]
        return min(
            same,
            key=lambda track: (track.place != found.place, os.path.lexists(track.place.path), track.id),
            default=None,
        )

    def _files(self, todo: DiskList[tuple[FoundFile, bytes]]) -> Iterator[FoundFile]:
        """Yield the files that still need analysis: a file of the same content may have been analysed meanwhile."""
        for found, content in todo:
            same = self._same_content(found, content)
            if same is not None and self._catalogue.copy(same.id, found, content):
                self.report.copied += 1
                self._done += 1
                continue
            self._in_progress[found.place] = content
            yield found

    def _judged(self, outcome: Analysed | Failed) -> Analysed | Failed:
        """Return an outcome, replaced by a failure if the track is damaged and that is not allowed."""
        from retrotone.library.scanning.track import Analysed, Failed

        if self._strict and isinstance(outcome, Analysed) and outcome.damage is not None:
            return Failed(outcome.file, f"{outcome.file.path} {outcome.damage}", damage=outcome.damage)
        return outcome

    def _store(self, content: bytes, outcome: Analysed | Failed) -> None:
        """Store the outcome of an analysis in the catalogue and in the report."""
        from retrotone.library.scanning.track import Analysed

        found, name = outcome.file, str(outcome.file.place)
        if isinstance(outcome, Analysed):
            analysis = outcome.analysis
            self._catalogue.add_track(
                NewTrack(found, content, outcome.tags, analysis.duration, outcome.description, analysis, outcome.damage)
            )
            self.report.analysed += 1
        elif not os.path.exists(found.path):
            self.report.unreadable.append((name, "it went away during the scan"))
        elif outcome.lasting:
            self._catalogue.add_broken(found, content, outcome.reason, outcome.damage)
            self.report.broken.append((name, outcome.reason))
        else:
            self.report.unreadable.append((name, outcome.reason))


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
