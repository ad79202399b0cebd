"""What the library knows, written into the tags of files and taken back."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from places import Places

import retrotone as rt
from retrotone.cli.main import run
from retrotone.library.library import Filter, Library

pytestmark = [pytest.mark.usefixtures("analysing_here"), pytest.mark.parametrize("places", ["sqlite"], indirect=True)]


@pytest.fixture
def library(scanned: str, places: Places, made_music: Path, tmp_path: Path) -> Library:
    """Two songs: one with tempo, key and mood, and a genre that the classifier is sure of; one with a genre."""
    music = tmp_path / "music"
    music.mkdir()
    for name in ("Ada", "Bix"):
        shutil.copy(made_music / f"organ/{name}.flac", music / f"{name}.flac")
    library = Library(places.copy(scanned))
    assert library.scan([music], workers=1).copied == 2
    library._catalogue().database.query(
        "UPDATE descriptions SET tempo = 119.6, key = 'F# minor', genre = 'jazz', sure = TRUE, tags = ?",
        (json.dumps({"happy": 0.5, "guitar": 0.4, "Mellow": 0.1}),),
    )
    return library


def test_tags_are_written_when_asked_and_taken_back(
    library: Library, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ada, bix = (tmp_path / f"music/{name}.flac" for name in ("Ada", "Bix"))
    before = {path: (path.read_bytes(), rt.read_tags(path).values, rt.load(path).samples) for path in (ada, bix)}
    here = ["--exclude", "*/made*", "--library", str(library.file)]
    assert run(["library", "tag", "--write", "bpm,key,genre,mood", *here]) == 0
    dry = capsys.readouterr().out.splitlines()
    assert dry[:2] == [
        f"{ada}: bpm 120, initialkey F#m, mood happy; mellow",
        f"{bix}: bpm 120, initialkey F#m, genre jazz, mood happy; mellow",
    ]
    assert dry[2] == "2 files to be written: add --apply"
    assert all(path.read_bytes() == before[path][0] for path in before)

    assert run(["library", "tag", "--write", "bpm,key,genre,mood", "--apply", *here]) == 0
    assert "2 files written" in capsys.readouterr().out
    assert rt.read_tags(bix)["genre"] == ("jazz",)
    for path, (_, values, samples) in before.items():
        tags = rt.read_tags(path)
        assert {**values, "bpm": ("120",), "initialkey": ("F#m",)}.items() <= dict(tags.values).items()
        assert tags["mood"] == ("happy", "mellow")
        assert (rt.load(path).samples == samples).all()
    # neither is anything left to write, nor need the files be analysed again
    assert library.tag(["bpm", "genre"], Filter(exclude=["*/made*"])).changes == []
    assert library.scan([tmp_path / "music"]).unchanged == 2
    assert library.find(bix).genre == "jazz"

    undo = f"{library.file}.undo-1.json"
    rt.audio.tag_editing.edit_tags(ada, {"bpm": ["60"]})
    assert run(["library", "tag", "--undo", undo, "--library", str(library.file)]) == 0
    assert capsys.readouterr().out == (
        f"{ada}: initialkey F#m, mood happy; mellow\n"
        f"{bix}: bpm 120, initialkey F#m, genre jazz, mood happy; mellow\n"
        "taken back from 2 files\n"
    )
    assert rt.read_tags(bix).values == before[bix][1]
    # somebody has changed that since
    assert rt.read_tags(ada).values == {**before[ada][1], "bpm": ("60",)}
    assert library.find(bix).genre == ""


def test_files_that_changed_or_are_gone_are_left_alone(library: Library, tmp_path: Path) -> None:
    ada, bix = (tmp_path / f"music/{name}.flac" for name in ("Ada", "Bix"))
    ada.unlink()
    bix.touch()
    report = library.tag(["bpm"], Filter(exclude=["*/made*"]), apply=True)
    assert (report.changes, report.undo) == ([], None)
    assert dict(report.skipped) == {str(ada): "it is not there", str(bix): "it has changed: scan it first"}
    for names, reason in ((["tempo"], "'tempo' cannot be written: use bpm, key"),):
        with pytest.raises(rt.LibraryError, match=reason):
            library.tag(names)
    with pytest.raises(rt.LibraryError, match="is no undo file"):
        library.untag(bix)
    with pytest.raises(rt.LibraryError, match=r"Ada\.flac does not exist"):
        library.untag(ada)
