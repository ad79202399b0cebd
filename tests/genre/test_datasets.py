"""Data sets: folders of music, checked before anything is learnt from them, and split by artist."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile

from retrotone.errors import AudioError, GenreError
from retrotone.genre.datasets import (
    GTZAN_GENRES,
    Collection,
    Gtzan,
    LabelledTrack,
    folds,
    gtzan_index,
    gtzan_split,
    open_folder,
    segments,
)

RATE = 8_000


def write(path: Path, seconds: float = 1.0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.random.default_rng(0).uniform(-0.1, 0.1, round(seconds * RATE)), RATE)


def gtzan(folder: Path, suffix: str = ".wav", seconds: float = 30.0) -> Path:
    for genre in GTZAN_GENRES:
        write(folder / genre / f"{genre}.00054{suffix}", seconds)
    return folder


def test_the_published_split_keeps_artists_and_faults_apart() -> None:
    parts = {split: gtzan_split(split) for split in ("train", "valid", "test")}
    assert {split: len(tracks) for split, tracks in parts.items()} == {"train": 443, "valid": 197, "test": 290}
    assert len({track.name for tracks in parts.values() for track in tracks}) == 930
    left_out = [entry for entry in gtzan_index().values() if entry.split is None]
    assert all(entry.fault for entry in left_out)
    repeated = [entry.fault.removeprefix("repeats ") for entry in left_out if entry.fault.startswith("repeats")]
    assert set(repeated) <= set(gtzan_index())


@pytest.mark.parametrize(("root", "suffix"), [("", ".flac"), ("genres", ".au"), ("Data/genres_original", ".wav")])
def test_gtzan_is_found_in_its_usual_shapes(tmp_path: Path, root: str, suffix: str) -> None:
    gtzan(tmp_path / root, suffix)
    copy = Gtzan(tmp_path)
    assert [track.genre for track in copy.tracks] == list(GTZAN_GENRES)
    assert all(track.path and track.path.suffix == suffix for track in copy.tracks)
    assert [track.name for track in copy.split("train")] == [
        f"{genre}.00054" for genre in GTZAN_GENRES if gtzan_index()[f"{genre}.00054"].split == "train"
    ]
    assert copy.problems == [f"{copy.folder} holds 10 of GTZAN's 1000 clips"]


def test_the_corrupt_clip_is_named_and_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    damaged = gtzan(tmp_path) / "jazz" / "jazz.00054.wav"
    damaged.write_bytes(bytes(10_000))
    copy = Gtzan(tmp_path)
    assert "jazz.00054" not in {track.name for track in copy.tracks}
    assert [record.message for record in caplog.records if "jazz.00054" in record.message] == [
        f"{damaged} is corrupt, as it is in most copies: left out"
    ]
    (tmp_path / "rock" / "rock.00054.wav").write_bytes(bytes(10_000))
    with pytest.raises(AudioError, match=r"rock\.00054\.wav"):
        Gtzan(tmp_path)


def test_a_clip_cut_short_is_named(tmp_path: Path) -> None:
    write(gtzan(tmp_path) / "pop" / "pop.00054.wav", 12.0)
    assert any("pop.00054.wav lasts 12.0 s and not 30.0 s" in problem for problem in Gtzan(tmp_path).problems)


def test_gtzan_has_ten_genres_and_its_own_clips(tmp_path: Path) -> None:
    write(gtzan(tmp_path, seconds=1.0) / "schlager" / "schlager.00000.wav")
    with pytest.raises(GenreError, match="holds 11 genres: schlager is none of GTZAN's ten"):
        Gtzan(tmp_path)
    (tmp_path / "schlager").rename(tmp_path / ".schlager")
    write(tmp_path / "rock" / "pop.00001.wav")
    with pytest.raises(GenreError, match=r"pop\.00001\.wav is no clip of GTZAN's rock"):
        Gtzan(tmp_path)


def test_a_part_of_gtzan_is_known_by_the_names_of_its_clips(tmp_path: Path) -> None:
    for name in ("jazz/jazz.00000.au", "jazz/jazz.00054.wav", "rock/rock.00000.wav"):
        write(tmp_path / name, 30.0)
    part = open_folder(tmp_path)
    assert isinstance(part, Gtzan)
    assert part.genres == ("jazz", "rock")
    assert part.problems == [
        f"{tmp_path} holds 3 of GTZAN's 1000 clips, "
        "none of blues, classical, country, disco, hiphop, metal, pop, reggae"
    ]
    assert [track.artist for track in part.tracks] == [gtzan_index()[track.name].track.artist for track in part.tracks]
    write(tmp_path / "rock" / "mine.wav")
    with pytest.raises(GenreError, match=r"mine\.wav is no clip of GTZAN's rock"):
        open_folder(tmp_path)
    for number in range(4):
        write(tmp_path / "rock" / f"song {number}.wav")
    assert isinstance(open_folder(tmp_path), Collection)


def test_a_collection_knows_its_genres_and_artists(tmp_path: Path) -> None:
    for name in ("tango/canaro/one.wav", "tango/canaro/two.ogg", "waltz/three.flac", "waltz/four.wav"):
        write(tmp_path / name)
    (tmp_path / "waltz" / "cover.jpg").touch()
    (tmp_path / "waltz" / "._four.wav").touch()
    collection = Collection(tmp_path)
    assert collection.genres == ("tango", "waltz")
    assert {(track.name, track.artist) for track in collection.tracks} == {
        ("one", "canaro"),
        ("two", "canaro"),
        ("three", None),
        ("four", None),
    }


def test_genres_and_artists_may_be_links(tmp_path: Path) -> None:
    for name in ("a/tango/canaro/one.wav", "a/tango/two.wav", "b/waltz/three.wav", "b/waltz/four.wav"):
        write(tmp_path / name)
    (tmp_path / "picked" / "waltz").mkdir(parents=True)
    (tmp_path / "picked" / "tango").symlink_to(tmp_path / "a" / "tango")
    (tmp_path / "picked" / "waltz" / "strauss").symlink_to(tmp_path / "b" / "waltz")
    # a link to a parent folder is not followed for ever
    (tmp_path / "a" / "tango" / "all").symlink_to(tmp_path / "a")
    tracks = Collection(tmp_path / "picked").tracks
    assert [track.key for track in tracks] == [
        "tango/canaro/one",
        "tango/two",
        "waltz/strauss/four",
        "waltz/strauss/three",
    ]


def test_a_folder_that_cannot_be_learnt_from_is_refused_in_one_line(tmp_path: Path) -> None:
    write(tmp_path / "lonely" / "tango" / "one.wav")
    write(tmp_path / "text" / "tango" / "one.wav")
    (tmp_path / "text" / "tango" / "two.wav").write_text("not a sound")
    (tmp_path / "empty" / "tango").mkdir(parents=True)
    for folder, error, says in (
        ("nowhere", AudioError, "is no folder"),
        ("empty", AudioError, "holds no recordings"),
        ("lonely/tango", GenreError, "holds no folder with recordings"),
        ("lonely", GenreError, "tango holds 1 track"),
        ("text", AudioError, "two.wav is not a sound file"),
    ):
        with pytest.raises(error, match=says) as caught:
            Collection(tmp_path / folder)
        assert "\n" not in str(caught.value)


def test_folds_keep_artists_apart_and_genres_balanced() -> None:
    tracks = gtzan_split("train")
    fold = folds(tracks, 5, seed=3)
    by_artist = [(track.artist, number) for track, number in zip(tracks, fold, strict=True) if track.artist]
    assert len(set(by_artist)) == len({artist for artist, _ in by_artist})
    assert np.bincount(fold).min() > len(tracks) / 5 / 1.5
    disco = Counter(number for track, number in zip(tracks, fold, strict=True) if track.genre == "disco")
    # 42 tracks by 26 artists
    assert min(disco.values()) >= 7
    np.testing.assert_array_equal(fold, folds(tracks, 5, seed=3))
    assert (fold != folds(tracks, 5, seed=4)).any()


def test_unknown_artists_are_each_on_their_own() -> None:
    tracks = [LabelledTrack(f"{genre}{n}", genre) for genre in "ab" for n in range(6)]
    fold = folds(tracks, 3)
    assert np.bincount(fold).tolist() == [4, 4, 4]
    with pytest.raises(GenreError, match="take 2 to 6"):
        folds(tracks, 7)


def test_pieces_are_cut_from_a_track(tmp_path: Path) -> None:
    write(tmp_path / "long.wav", 10.0)
    long = LabelledTrack("long", "noise", path=tmp_path / "long.wav")
    assert [piece.duration for piece in segments(long, 3.0)] == [3.0, 3.0, 3.0]
    pieces = list(segments(long, 4.0, hop_seconds=2.0))
    assert len(pieces) == 4
    np.testing.assert_array_equal(pieces[0].samples[:, 2 * RATE :], pieces[1].samples[:, : 2 * RATE])
    assert [piece.duration for piece in segments(long, 30.0)] == [10.0]
    with pytest.raises(GenreError, match="no audio"):
        next(segments(gtzan_split("test")[0], 3.0))


def test_the_real_excerpts_fit_the_split(shared_music: Path) -> None:
    folder = shared_music.parent / "gtzan" / "audio"
    if not folder.is_dir():
        pytest.skip(f"needs {folder}")
    copy = Gtzan(folder)
    assert [len(copy.split(split)) for split in ("train", "valid", "test")] == [163, 94, 0]
    assert copy.problems == [f"{folder} holds 257 of GTZAN's 1000 clips"]
