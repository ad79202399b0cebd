"""Finding the recordings in a folder."""

from __future__ import annotations

from pathlib import Path

from retrotone.audio.folders import recordings_in


def test_a_folder_holds_what_looks_like_a_recording_and_is_not_hidden(tmp_path: Path) -> None:
    names = ["b/side.OGG", "b/song.wav", "a.flac", "._a.flac", ".trash/old.wav", "__MACOSX/b/._song.wav", "cover.jpg"]
    for name in [*names, "results/a.wav"]:
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).touch()
    (tmp_path / "disc.wav").mkdir()
    found = recordings_in(tmp_path, skip=tmp_path / "b" / ".." / "results")
    assert [path.relative_to(tmp_path).as_posix() for path in found] == ["a.flac", "b/side.OGG", "b/song.wav"]


def test_links_are_followed_once(tmp_path: Path) -> None:
    for name in ("here/one.wav", "there/two.wav"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    # each leads to the other, and to itself
    for name in ("here", "there"):
        for target in ("here", "there"):
            (tmp_path / name / f"a link to {target}").symlink_to(tmp_path / target)
    names = ["here/a link to there/two.wav", "here/one.wav"]
    assert recordings_in(tmp_path / "here") == [tmp_path / name for name in names]
    assert [path.name for path in recordings_in(tmp_path)] == ["one.wav", "two.wav"]
