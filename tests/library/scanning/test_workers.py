"""Worker processes that hang or cannot start, and scripts that scan without a guard."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import retrotone as rt
from retrotone.library.files import FoundFile
from retrotone.library.library import Library
from retrotone.library.scanning import workers
from retrotone.library.scanning.track import Analysed, Failed
from retrotone.library.scanning.workers import analyse_all


def test_a_decoder_that_does_not_come_back_costs_only_its_file(
    made_music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "LIMIT_SECONDS", 8.0)
    endless, clip = tmp_path / "endless.ogg", made_music / "organ/Ada.flac"
    rt.load(clip).save(endless)
    # A hole of 1 TB, in which the decoder looks for the last page.
    os.truncate(endless, 1 << 40)
    files = [FoundFile.at(str(endless)), FoundFile.at(str(clip))]
    outcomes = {outcome.file.path: outcome for outcome in analyse_all(files, 1)}
    assert outcomes.keys() == {str(endless), str(clip)}
    failed = outcomes[str(endless)]
    assert isinstance(failed, Failed)
    assert failed.lasting
    assert failed.reason == f"{endless} keeps the decoder busy for over 8 s: export it again"
    assert isinstance(outcomes[str(clip)], Analysed)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs a pipe with a name")
def test_a_link_to_what_is_no_file_is_passed_over(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link.wav").symlink_to("pipe")
    (tmp_path / "zero.wav").symlink_to("/dev/zero")
    report = Library(tmp_path / "music.db").scan([tmp_path])
    assert (report.analysed, report.broken, report.unreadable) == (0, [], [])


def test_a_script_need_not_guard_itself_against_its_workers(made_music: Path, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import retrotone\n"
        f"library = retrotone.Library({str(tmp_path / 'music.db')!r})\n"
        f"report = library.scan([{str(made_music / 'organ')!r}], exclude=['B*', 'C*'], workers=1)\n"
        "print(report.analysed, report.broken)\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    assert done.stdout == "1 []\n"


def test_workers_that_cannot_start_are_no_fault_of_the_files(
    made_music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A broken installation.
    (tmp_path / "threadpoolctl.py").write_text("raise SystemExit\n")
    monkeypatch.syspath_prepend(tmp_path)
    library = Library(tmp_path / "music.db")
    with pytest.raises(rt.LibraryError, match="die as they start"):
        library.scan([made_music], workers=1)
    assert library.broken() == []
