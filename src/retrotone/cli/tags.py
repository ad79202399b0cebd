"""``retrotone tags``: what listeners would call a song."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from retrotone.cli.console import Recursive, Strict, print_each
from retrotone.progress import Progress
from retrotone.utils.text import printable

TAGS_SHOWN = 5


def show_tags(
    songs: Annotated[
        list[str], typer.Argument(metavar="SONG|FOLDER", help="Recordings of any length; folders with --recursive.")
    ],
    recursive: Recursive = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a song, with all fifty tags.")] = False,
    strict: Strict = False,
) -> None:
    """Tag songs with what listeners would call them: genres, moods, decades, voices."""
    from retrotone.services.songs import find_songs

    paths = [song.path for song in find_songs(songs, recursive)]

    def tag(index: int, progress: Progress) -> str:
        from retrotone.audio.files import AudioFile
        from retrotone.features.analysis import analyse
        from retrotone.features.tags import ranked_tags

        song = AudioFile(paths[index], strict)
        taggram = analyse(song, progress).taggram
        assert taggram is not None
        tags = ranked_tags(taggram)
        if as_json:
            shown = {name: round(p, 4) for name, p in tags.items()}
            return json.dumps({"file": paths[index], "tags": shown, "damage": song.damage})
        top = [f"{name} {p:.2f}" for name, p in list(tags.items())[:TAGS_SHOWN]]
        return printable(f"{paths[index]}: {', '.join(top)}")

    print_each(paths, tag, "answered")
