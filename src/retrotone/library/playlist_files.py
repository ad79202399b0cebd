"""Playlist files: M3U8, whose lines are paths relative to it, M3U for MPD, and XSPF, whose locations are URIs."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from itertools import takewhile
from pathlib import Path, PurePath
from xml.etree import ElementTree

from retrotone.library.records import Track

# In a line of an M3U8 players take these for a comment, the rest of an address, an escape or another separator.
# Measured with VLC 3.0.24, mpv 0.35 and Strawberry 1.0.14.
SPECIAL = frozenset("#?%:\\")
# https://xspf.org/spec, and what VLC adds to it
XSPF, VLC = "http://xspf.org/ns/0/", "http://www.videolan.org/vlc/playlist/"


def m3u8(tracks: Sequence[Track], folder: str | None, for_mpd: bool = False) -> bytes:
    """Return a playlist as M3U8, in UTF-8.

    Parameters
    ----------
    tracks : sequence of Track
    folder : str or None
        Where the playlist will lie, without links: paths are relative to it. None for absolute paths.
    for_mpd : bool
        Write paths as their bytes are, as MPD decodes no URI; it knows no files with line feeds in their names.
    """
    lines = ["#EXTM3U"]
    for track in tracks:
        path = Path(track.path)
        if folder:
            # resolved first: ".." in a folder reached by a link is not the folder that holds the link
            path = Path(os.path.realpath(path.parent), path.name)
        line = relative(path, folder) if for_mpd else line_of(path, folder)
        if "\n" in line:
            continue
        # bytes of a path that are not text stay as they are, a title has escapes for them
        name = " ".join(track.name.split()).encode("utf-8", "backslashreplace").decode()
        # understood by VLC and players that follow it; for others a comment
        options = [f"#EXTVLCOPT:{option}" for option in _section(track)]
        lines += [f"#EXTINF:{round(track.duration or -1)},{name}", *options, line]
    return ("\n".join(lines) + "\n").encode("utf-8", "surrogateescape")


def line_of(path: PurePath, folder: str | None) -> str:
    """Return the line of a file in an M3U8: its path, or a URI where players would take the path for something else.

    >>> from pathlib import PurePosixPath
    >>> line_of(PurePosixPath("/music/a b.ogg"), "/music/lists"), line_of(PurePosixPath("/music/a#b.ogg"), "/music")
    ('../a b.ogg', 'file:///music/a%23b.ogg')
    """
    line = relative(path, folder)
    is_plain = line.isprintable() and line == line.strip() and SPECIAL.isdisjoint(line)
    # two slashes begin an address, as of a share on Windows
    return line if is_plain and not line.startswith("//") else path.as_uri()


def relative(path: PurePath, folder: str | None) -> str:
    r"""Return a path as seen from a folder, with "/" on all systems; the whole path on another drive or without folder.

    >>> from pathlib import PureWindowsPath
    >>> relative(PureWindowsPath(r"C:\Music\a.ogg"), r"C:\Lists"), relative(PureWindowsPath(r"D:\a.ogg"), r"C:\Lists")
    ('../Music/a.ogg', 'D:/a.ogg')
    """
    base = type(path)(folder or "")
    if path.anchor != base.anchor:
        return path.as_posix()
    shared = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(path.parts, base.parts, strict=False)))
    return "/".join([*[".."] * (len(base.parts) - shared), *path.parts[shared:]])


def xspf(tracks: Sequence[Track]) -> bytes:
    """Return a playlist as XSPF; each location is an absolute URI, as not every player resolves relative ones."""
    root = ElementTree.Element("playlist", {"version": "1", "xmlns": XSPF, "xmlns:vlc": f"{VLC}ns/0/"})
    listed = ElementTree.SubElement(root, "trackList")
    for track in tracks:
        entry = ElementTree.SubElement(listed, "track")
        fields = {
            "location": Path(track.path).as_uri(),
            "title": track.title or Path(track.path).stem,
            "creator": track.artist,
            "album": track.album,
            "duration": str(round(1000 * track.duration)) if track.duration else "",
        }
        for name, text in fields.items():
            if text:
                # XML holds no control characters, and no bytes that are not text
                ElementTree.SubElement(entry, name).text = "".join(c if c.isprintable() else " " for c in text)
        if options := list(_section(track)):
            extension = ElementTree.SubElement(entry, "extension", application=f"{VLC}0")
            for option in options:
                ElementTree.SubElement(extension, "vlc:option").text = option
    ElementTree.indent(root, " ")
    data: bytes = ElementTree.tostring(root, "utf-8", xml_declaration=True)
    return data


def _section(track: Track) -> Iterator[str]:
    """Yield the options of VLC that tell where a cue sheet's track lies in its file."""
    for option, seconds in (("start-time", track.start), ("stop-time", track.end)):
        if seconds is not None:
            yield f"{option}={seconds:.3f}"
