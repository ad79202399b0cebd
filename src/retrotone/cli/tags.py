"""``retrotone tags``: what listeners would call a song."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from retrotone.cli.console import Recursive, Strict, print_each
from retrotone.progress import Progress
from retrotone.utils.text import printable

TAGS_SHOWN = 5
# least likelihood of what the second ear hears that is shown
WORTH_NAMING = 0.2


def show_tags(
    songs: Annotated[
        list[str], typer.Argument(metavar="SONG|FOLDER", help="Recordings of any length; folders with --recursive.")
    ],
    recursive: Recursive = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a song, with all tags.")] = False,
    strict: Strict = False,
) -> None:
    """Tag songs with what listeners would call them: genres, moods, decades, voices.

    After retrotone models download audioset also with the instruments, voices
    and speech that are heard in them.
    """
    from retrotone.services.songs import find_songs

    paths = [song.path for song in find_songs(songs, recursive)]

    def tag(index: int, progress: Progress) -> str:
        from retrotone.audio.files import AudioFile
        from retrotone.features.analysis import analyse
        from retrotone.features.audioset import sounds
        from retrotone.features.tags import ranked_tags

        song = AudioFile(paths[index], strict)
        analysis = analyse(song, progress)
        assert analysis.taggram is not None
        tags = ranked_tags(analysis.taggram)
        heard = {} if analysis.sounds is None else sounds(analysis.sounds)
        if as_json:
            shown, also = ({name: round(p, 4) for name, p in some.items()} for some in (tags, heard))
            return json.dumps({"file": paths[index], "tags": shown, "sounds": also, "damage": song.damage})
        top = [f"{name} {p:.2f}" for name, p in list(tags.items())[:TAGS_SHOWN]]
        named = [f"{name} {p:.2f}" for name, p in list(heard.items())[:TAGS_SHOWN] if p >= WORTH_NAMING]
        return printable("; ".join([f"{paths[index]}: {', '.join(top)}", *filter(None, [", ".join(named)])]))

    print_each(paths, tag, "answered")
