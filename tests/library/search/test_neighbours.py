"""Large libraries: an index finds what comparing with all would find, whatever becomes of it or of the library."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest
from places import Places, add_synthetic, groups, synthetic_description

from retrotone.library.catalogue import sqlite
from retrotone.library.catalogue.catalogue import Catalogue
from retrotone.library.library import Filter, Library
from retrotone.library.search.neighbours import Indexed, Neighbours

# PostgreSQL maintains its own index
ON_SQLITE = pytest.mark.parametrize("places", ["sqlite"], indirect=True)
COUNT, QUERIES, K = 2000, 30, 5


@pytest.fixture(scope="module")
def filled(places: Places) -> str:
    place = places.new()
    with Catalogue(place, create=True) as catalogue:
        add_synthetic(catalogue, groups(COUNT))
    return place


@pytest.fixture
def library(filled: str, places: Places, monkeypatch: pytest.MonkeyPatch) -> Iterator[Library]:
    """A library that is a large one by a threshold made small."""
    monkeypatch.setattr(sqlite, "EXACT", 500)
    with Library(places.copy(filled)) as library:
        if library.file is None:
            # with so few rows, the server would not use the index
            library._catalogue().database.query("SET enable_seqscan = off")
        yield library


def recall(library: Library) -> float:
    """Return how much is found of what comparing with all finds."""
    near, exact = library._session.neighbours(), Neighbours(*library._catalogue().vectors())
    assert isinstance(near, Indexed)
    hits = 0
    for query in groups(QUERIES, seed=1):
        found, true = (dict(islice(each.ranked(query), K)) for each in (near, exact))
        assert list(found.values()) == sorted(found.values(), reverse=True)
        hits += len(found.keys() & true.keys())
    return hits / (QUERIES * K)


def test_an_index_finds_what_comparing_with_all_finds(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    assert recall(library) >= 0.99
    seed = library.tracks()[77]
    varied = library.similar(seed, k=20, per_artist=1)
    assert len(varied) == 20
    assert max(Counter(match.track.artist for match in varied).values()) == 1
    genre = library.similar(seed, k=3, only=Filter(genre="genre 07"))
    assert {match.track.genre for match in genre} == {"genre 07"}
    few = library.similar(seed, k=COUNT, only=Filter(exclude=["000*", "0010*", "0011*", "0012*", "0013*"]))
    assert len(few) == 601
    glide, hour = library.path(seed, library.tracks()[1900], length=5), library.playlist(seed)
    if library.file is None:
        library._catalogue().database.query("SELECT pg_stat_force_next_flush()")
        [(searches,)] = library._catalogue().database.query(
            "SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = 'descriptions_by_vector'"
        )
        assert searches > QUERIES
        return
    # the library counts as small again
    monkeypatch.undo()
    library.close()
    assert isinstance(library._session.neighbours(), Neighbours)
    assert library.similar(seed, k=20, per_artist=1) == varied
    assert library.similar(seed, k=3, only=Filter(genre="genre 07")) == genre
    assert library.similar(seed, k=COUNT, only=Filter(exclude=["000*", "0010*", "0011*", "0012*", "0013*"])) == few
    assert library.path(seed, library.tracks()[1900], length=5) == glide
    assert library.playlist(seed) == hour


def test_what_comes_goes_or_changes_is_seen_at_once(library: Library) -> None:
    def nearest(of: int) -> int:
        return next(library._session.neighbours().ranked(strangers[of]))[0]

    # unlike all tracks of the library
    strangers = groups(4, seed=2)[:, ::-1].copy()
    catalogue = library._catalogue()
    assert recall(library) >= 0.99
    add_synthetic(catalogue, strangers[:3], first=COUNT + 1)
    assert [nearest(k) for k in range(3)] == [COUNT + 1, COUNT + 2, COUNT + 3]
    catalogue.mark([COUNT + 1], present=False)
    catalogue.database.query("DELETE FROM tracks WHERE id = ?", (COUNT + 2,))
    for number in (COUNT + 3, 1):
        catalogue.describe(number, synthetic_description(strangers[3]))
    assert {COUNT + 1, COUNT + 2, COUNT + 3}.isdisjoint({nearest(0), nearest(1), nearest(2)})
    ranked = library._session.neighbours().ranked(strangers[3])
    assert sorted(number for number, _ in islice(ranked, 2)) == [1, COUNT + 3]
    catalogue.mark([COUNT + 1], present=True)
    assert nearest(0) == COUNT + 1
    assert recall(library) >= 0.99


@ON_SQLITE
def test_an_index_lasts_until_much_has_changed(library: Library, places: Places) -> None:
    def report(fraction: float, message: str) -> None:
        messages.append(message)

    messages: list[str] = []
    catalogue, file = library._catalogue(), Path(f"{library.file}.usearch")
    library.similar(library.tracks()[0], progress=report)
    assert messages[-1] == f"{COUNT}/{COUNT} tracks indexed"
    made = file.read_bytes()
    add_synthetic(catalogue, groups(30, seed=3), first=COUNT + 1)
    assert recall(library) >= 0.99
    assert file.read_bytes() == made
    add_synthetic(catalogue, groups(30, seed=4), first=COUNT + 31)
    messages.clear()
    library.similar(library.tracks()[0], progress=report)
    # only the new tracks
    assert messages[-1] == "60/60 tracks indexed"
    assert recall(library) >= 0.99
    older = places.copy(str(library.file))
    shutil.copy(file, f"{older}.usearch")
    catalogue.database.query("DELETE FROM tracks WHERE id % 3 = 0")
    messages.clear()
    library.similar(library.tracks()[0], progress=report)
    assert messages[-1].endswith(f"{library._catalogue().count()} tracks indexed")
    assert recall(library) >= 0.99
    # as when a library is restored from a backup, but not its index
    shutil.copy(file, f"{older}.usearch")
    with Library(older) as restored:
        assert recall(restored) >= 0.99


@ON_SQLITE
def test_a_damaged_or_foreign_index_is_made_anew(library: Library, filled: str, places: Places) -> None:
    file = Path(f"{library.file}.usearch")
    assert recall(library) >= 0.99
    whole = file.read_bytes()
    torn = bytearray(whole)
    torn[len(torn) // 3 : len(torn) // 2] = bytes(len(torn) // 2 - len(torn) // 3)
    for damaged in (b"", b"text" * 1000, whole[:-100], bytes(torn)):
        library.close()
        file.write_bytes(damaged)
        assert recall(library) >= 0.99
        assert len(file.read_bytes()) == len(whole)
    with Library(places.copy(filled)) as other:
        add_synthetic(other._catalogue(), groups(1000, seed=5), first=COUNT + 1)
        shutil.copy(file, f"{other.file}.usearch")
        assert recall(other) >= 0.99
    library.close()
    file.unlink()
    # where no index can be written
    file.mkdir()
    assert recall(library) >= 0.99
    assert [each.name for each in file.parent.glob(f"{file.name}.*")] == []
