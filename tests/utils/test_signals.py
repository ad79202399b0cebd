"""What ends a process."""

from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = "from retrotone.utils.signals import ending_signals; print(*(each.name for each in ending_signals()))"


@pytest.mark.skipif(sys.platform == "win32", reason="needs nohup")
@pytest.mark.parametrize(("before", "names"), [((), "SIGTERM SIGHUP"), (("nohup",), "SIGTERM")])
def test_a_command_outlives_its_terminal_by_nohup_alone(before: tuple[str, ...], names: str) -> None:
    said = subprocess.run([*before, sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True).stdout
    assert said.strip() == names
