"""The beets plugin ``retrotone``: tempo, key, genre, mood and decade by the sound; similar songs and playlists."""

from __future__ import annotations

import optparse
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from beets import ui
from beets.dbcore import types
from beets.dbcore.query import PathQuery
from beets.exceptions import UserError
from beets.plugins import BeetsPlugin

if TYPE_CHECKING:
    from beets.library import Item
    from beets.library import Library as BeetsLibrary

    from retrotone.library.library import Library, Track

# Of the tags that musicnn was trained on.
MOODS = ("beautiful", "catchy", "chill", "chillout", "easy listening", "happy", "Mellow", "party", "sad", "sexy")


class RetrotonePlugin(BeetsPlugin):
    """Analyses songs after an import, and on request; the analyses stay in a library of retrotone's own."""

    item_types = {"mood": types.STRING, "era": types.STRING}  # noqa: RUF012

    def __init__(self) -> None:
        super().__init__()
        self.config.add({"auto": True, "library": ""})
        self._imported: list[Item] = []
        if self.config["auto"].get(bool):
            self.register_listener("import_task_files", self._remember)
            self.register_listener("import", self._analyse_imported)

    def commands(self) -> list[ui.Subcommand]:
        """Return the commands of ``beet``."""
        analyse = ui.Subcommand("retrotone", help="analyse songs, and set bpm, initial_key, genres, mood and era")
        analyse.parser.add_option("-f", "--force", action="store_true", help="replace what is set already")
        analyse.func = self._analyse_command

        similar = ui.Subcommand("similar", help="list the songs that sound most like those of a query")
        similar.parser.add_option("-k", type="int", default=5, help="how many [%default]")
        similar.func = self._similar_command

        playlist = ui.Subcommand("playlist", help="list songs that go on from those of a query")
        playlist.parser.add_option("-m", "--minutes", type="float", default=60.0, help="how long [%default]")
        playlist.parser.add_option(
            "-o", "--out", metavar="FILE", help="also write it as .m3u8, .m3u, .xspf, .csv or .json"
        )
        playlist.parser.add_option("--overwrite", action="store_true", help="replace that file if it exists")
        playlist.func = self._playlist_command
        for command in (similar, playlist):
            command.parser.add_path_option()
            command.parser.add_format_option()
        return [analyse, similar, playlist]

    def _remember(self, session: Any, task: Any) -> None:
        self._imported += task.imported_items()

    def _analyse_imported(self, lib: BeetsLibrary, paths: Sequence[bytes]) -> None:
        """Analyse what an import brought, once all files lie where they stay."""
        items, self._imported = self._imported, []
        try:
            self._analyse(items, force=False)
        except UserError as error:
            # the import itself went well
            self._log.warning("{}", error)

    def _analyse_command(self, lib: BeetsLibrary, opts: optparse.Values, args: list[str]) -> None:
        self._analyse(self._found(lib, args), bool(opts.force))

    def _similar_command(self, lib: BeetsLibrary, opts: optparse.Values, args: list[str]) -> None:
        seeds = self._found(lib, args)
        with self._library() as library:
            found = library.similar([_path(item) for item in seeds], opts.k)
        self._show(lib, [match.track for match in found])

    def _playlist_command(self, lib: BeetsLibrary, opts: optparse.Values, args: list[str]) -> None:
        seeds = self._found(lib, args)
        from retrotone.utils.files import check_outputs

        with self._library() as library:
            check_outputs([opts.out] if opts.out else [], overwrite=bool(opts.overwrite))
            tracks = library.playlist([_path(item) for item in seeds], opts.minutes)
            if opts.out:
                library.export(opts.out, tracks)
        self._show(lib, tracks)

    def _analyse(self, items: Sequence[Item], force: bool) -> None:
        """Bring retrotone's library up to date with the folders of some songs, and set the fields of the songs."""
        folders = {Path(_path(item)).parent for item in items}
        with self._library() as library:
            report = library.scan(sorted(folder for folder in folders if folder.is_dir()))
            for reason in report.reasons:
                self._log.warning("{}", reason)
            self._log.info("{}", report.summary)
            for item in items:
                if track := library.find(_path(item)):
                    item.update({name: value for name, value in _fields(track).items() if force or not item.get(name)})
                    item.store()

    def _found(self, lib: BeetsLibrary, query: Sequence[str]) -> list[Item]:
        items = list(lib.items(query))
        if not items:
            raise UserError("no song matches that query")
        return items

    @contextmanager
    def _library(self) -> Iterator[Library]:
        # not at the top, as every call of beet loads every plugin
        from retrotone.errors import RetrotoneError
        from retrotone.library.library import Library

        path = self.config["library"].as_filename() if self.config["library"].get() else None
        try:
            with Library(path) as library:
                yield library
        except RetrotoneError as error:
            raise UserError(str(error)) from error

    def _show(self, lib: BeetsLibrary, tracks: Iterable[Track]) -> None:
        """Print those tracks that beets knows, in the user's format."""
        for track in tracks:
            for item in lib.items(PathQuery("path", os.fsencode(track.path))):
                ui.print_(format(item))


def _path(item: Item) -> str:
    return os.fsdecode(item.path)


def _fields(track: Track) -> dict[str, Any]:
    """Return the fields of beets for a track, without what is not known of it."""
    from retrotone.library.description import ERAS

    moods = [tag.lower() for tag in track.tags if tag in MOODS]
    fields = {
        "bpm": round(track.tempo or 0),
        # beets itself would shorten "F# minor" to Fm
        "initial_key": (track.key or "").replace(" minor", "m").replace(" major", ""),
        "genres": [track.best_genre] if track.best_genre else [],
        "mood": ", ".join(moods),
        "era": next((tag for tag in track.tags if tag in ERAS), ""),
    }
    return {name: value for name, value in fields.items() if value}
