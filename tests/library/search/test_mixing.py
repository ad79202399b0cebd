"""Playlists and paths in which keys go together and the tempo changes little from track to track."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from places import groups, synthetic_description

from retrotone.library.catalogue.catalogue import Catalogue
from retrotone.library.files import FoundFile
from retrotone.library.library import Library, Track
from retrotone.library.records import NewTrack
from retrotone.library.search.mixing import key_fit, tempo_fit

KEYS = ("C major", "F# minor", "A minor", "Bb minor")
COUNT = 24


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    """Tracks that hardly differ but by key and tempo, of which no two neighbours go together; and a stranger."""
    rng = np.random.default_rng(0)
    alike = groups(1) + 0.005 * rng.standard_normal((COUNT, 128)).astype(np.float32)
    vectors = np.vstack([alike, groups(1, seed=1)])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    with Catalogue(tmp_path / "music.db", create=True) as catalogue:
        for number, vector in enumerate(vectors):
            sound = replace(
                synthetic_description(vector), key=KEYS[number % 4], tempo=(64, 130, 90, 92)[number // 2 % 4]
            )
            file = FoundFile(f"/{number:02}.ogg", 1, 1)
            catalogue.add_track(NewTrack(file, b"", {"title": f"title {number}"}, 100 + 4 * number, sound))
    with Library(tmp_path / "music.db") as library:
        yield library


def mixing_share(tracks: list[Track]) -> float:
    """Return the share of keys and tempi, of all that follow on each other, that go together."""
    return float(np.mean([[key_fit(a.key, b.key), tempo_fit(a.tempo, b.tempo) > 0] for a, b in pairwise(tracks)]))


def test_of_similar_tracks_those_follow_that_mix(library: Library) -> None:
    first = library.tracks()[0]
    mixed, plain = (library.playlist(first, minutes=40, mix=mix) for mix in (True, False))
    assert mixed[0] == plain[0] == first
    # the order differs, the tracks do not
    assert {track.id for track in mixed} == {track.id for track in plain}
    assert mixing_share(mixed) > 0.8
    assert mixing_share(plain) < 0.5
    ends = first, library.tracks()[2]
    mixed, plain = (library.path(*ends, length=6, mix=mix) for mix in (True, False))
    assert mixing_share(mixed) == 1
    assert mixing_share(plain) < 0.8


def test_what_sounds_otherwise_does_not_come_first_because_it_mixes(library: Library) -> None:
    tracks = library.tracks()
    stranger = next(track for track in tracks if track.title == f"title {COUNT}")
    assert key_fit(stranger.key, tracks[0].key) == 1
    assert stranger not in library.path(tracks[0], tracks[2], length=8)
    assert library.playlist(tracks[0], minutes=90)[-1] == stranger
