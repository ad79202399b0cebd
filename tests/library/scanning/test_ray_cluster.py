"""Scans on a real Ray cluster of two nodes, parts of which fail."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import retrotone as rt
from retrotone.library.catalogue.catalogue import Catalogue
from retrotone.library.files import FoundFile
from retrotone.library.library import Library
from retrotone.library.scanning import ray_cluster as cluster_
from retrotone.library.scanning.ray_cluster import SETTINGS, RayActor, Unshared
from retrotone.library.scanning.scan import scan
from retrotone.library.scanning.track import Failed, analyse_file

PATIENCE_SECONDS = 60.0


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Two nodes with a core each, on this machine."""
    with pytest.MonkeyPatch.context() as patch:
        # Before Ray is imported. Beside busy programs its workers, which give way to all, would not run for minutes.
        for name, value in {**SETTINGS, "RAY_worker_niceness": "0"}.items():
            patch.setenv(name, value)
        pytest.importorskip("ray", reason="needs the cluster extra")
        from ray.cluster_utils import Cluster

        node = {"num_cpus": 1, "object_store_memory": 80 << 20, "include_dashboard": False}
        cluster = Cluster(initialize_head=True, head_node_args=node)
        try:
            cluster.add_node(**node)
            yield cluster
        finally:
            cluster.shutdown()


def actors(node: Any) -> list[int]:
    """Return the processes of a node that analyse files."""
    [raylet] = node.all_processes["raylet"]
    children = Path(f"/proc/{raylet.process.pid}/task/{raylet.process.pid}/children").read_text().split()
    return [
        int(child) for child in children if Path(f"/proc/{child}/cmdline").read_bytes().startswith(b"ray::RayActor")
    ]


def wait_until(what: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not what():
        assert time.monotonic() < end, "waited for too long"
        time.sleep(0.1)


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's list of child processes")
def test_a_worker_and_a_node_that_die_cost_no_track_and_double_none(
    cluster: Any, made_music: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    music = Path(shutil.copytree(made_music, tmp_path / "music"))
    (music / "not music.wav").write_text("text")
    strange = os.fsdecode(b"\xff\xfe bytes.flac")
    (music / "organ/Ada.flac").rename(music / "organ" / strange)
    head, other = cluster.head_node, next(n for n in cluster.list_all_nodes() if n is not cluster.head_node)

    def disturb(fraction: float, message: str) -> None:
        if message.startswith("3/"):
            os.kill(actors(head)[0], signal.SIGKILL)
        if message.startswith("7/"):
            cluster.remove_node(other)

    with Library(tmp_path / "cluster.db") as library:
        report = library.scan([music], progress=disturb, cluster=cluster.address)
        cluster.add_node(num_cpus=1, object_store_memory=80 << 20)
        # Standard output is for results, whatever Ray reports.
        assert capfd.readouterr().out == ""
        assert (report.analysed, report.unreadable) == (12, [])
        assert report.broken == library.broken()
        assert [path for path, _ in report.broken] == [str(music / "not music.wav")]
        assert library.check() == []
        tracks = library.tracks()
        with Catalogue(tmp_path / "local.db", create=True) as local:
            scan(local, [music], analyse_all=lambda files, workers: (analyse_file(file) for file in files))
            assert [track.path for track in tracks] == [track.path for track in local.tracks()]
            for ours, theirs in zip(tracks, local.tracks(), strict=True):
                assert (ours.name, ours.genre, ours.heard_genre) == (theirs.name, theirs.genre, theirs.heard_genre)
            np.testing.assert_allclose(library._catalogue().vectors()[1], local.vectors()[1], atol=1e-4)


def test_a_scan_that_is_stopped_frees_the_cluster(cluster: Any, made_music: Path, tmp_path: Path) -> None:
    import ray

    def stop(fraction: float, message: str) -> None:
        if message.startswith("2/"):
            raise rt.Cancelled("enough")

    ray.init(cluster.address, log_to_driver=False)
    try:
        wait_until(lambda: ray.available_resources().get("CPU") == 2)
        with Library(tmp_path / "music.db") as library:
            with pytest.raises(rt.Cancelled):
                library.scan([made_music / "organ"], workers=1, progress=stop, cluster="auto")
            assert len(library) == 2
            # The connection of this process stays open.
            wait_until(lambda: ray.available_resources().get("CPU") == 2)
    finally:
        ray.shutdown()


class Unloadable:
    """An object that the nodes cannot load."""

    def __reduce__(self) -> tuple[type[int], tuple[str]]:
        return int, ("no number",)


def test_nodes_with_another_retrotone_are_one_line(
    cluster: Any, made_music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_, "_versions", lambda: (Unloadable(),))
    with pytest.raises(rt.LibraryError, match=r"cannot run a worker \(.*\): install the same retrotone") as caught:
        Library(tmp_path / "music.db").scan([made_music], cluster=cluster.address)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("address", ["nonsense", "127.0.0.1:1"])
def test_a_wrong_address_is_one_line_and_nothing_else(address: str, made_music: Path, tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="needs the cluster extra")
    command = [sys.executable, "-m", "retrotone", "library", "scan", str(made_music), "--cluster", address]
    command += ["--library", str(tmp_path / "music.db")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=2 * PATIENCE_SECONDS)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"retrotone: there is no Ray cluster at {address}, or it does not answer (")
    assert done.stderr.count("\n") == 1


def test_without_ray_one_line_names_the_extra(
    made_music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(rt.MissingExtraError, match=r"pip install 'retrotone\[cluster\]'"):
        Library(tmp_path / "music.db").scan([made_music], cluster="auto")


def test_a_node_tells_what_it_does_not_see_and_that_it_has_another_retrotone(tmp_path: Path) -> None:
    missing = RayActor().analyse_file(FoundFile(str(tmp_path / "missing.wav"), 1, 1))
    unshared = RayActor().analyse_file(FoundFile(str(tmp_path / "music" / "missing.wav"), 1, 1))
    assert isinstance(missing, Failed)
    assert not missing.lasting
    assert isinstance(unshared, Unshared)
    assert f"does not see {tmp_path / 'music'}: share it" in unshared.reason
    reason = RayActor().prepare(("another", "version"))
    assert reason is not None
    assert "install the same one" in reason
