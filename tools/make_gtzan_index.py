"""Make ``src/retrotone/assets/gtzan.csv``: the metadata of GTZAN's 1000 clips, one line each.

::

    .venv/bin/python tools/make_gtzan_index.py

It combines three published sources, which are expected beside the repository in ``../shared/gtzan``:

- the fault-filtered, artist-separated split of Kereliuk, Sturm and Larsen (2015): ``split``, empty for the 70 clips it
  leaves out;
- the Kaggle table ``features_30_sec.csv``: ``frames``, a clip's length at 22,050 Hz;
- Sturm's index of artists and titles (2012): ``artist``, empty where unknown. Joint recordings go to the artist of the
  group who has the most clips, so that all clips with the same person share one name.

``fault`` says why a clip was left out, as far as these sources say: ``repeats X`` where X has the same 57 columns, or
in Sturm's index the same artist and title (the same recording, or another take of it).
"""

from __future__ import annotations

import csv
import re
from collections import Counter, defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ROOT.parent / "shared" / "gtzan"
TARGET = ROOT / "src" / "retrotone" / "assets" / "gtzan.csv"
JOINT = re.compile(r" and | & |, ", re.IGNORECASE)
# Sturm 2012 reports one clip of which distortion leaves only 5 s useful. It is this one: its columns resemble those of
# no other clip, and it repeats none
DISTORTED = "reggae.00086"


def main() -> None:
    """Read the sources, write the index."""
    with (SOURCES / "features_30_sec.csv").open(newline="") as file:
        table = {row.pop("filename")[:-4]: row for row in csv.DictReader(file)}
    split = {
        line.strip().rsplit("/", 1)[1][:-4]: name
        for name in ("train", "valid", "test")
        for line in (SOURCES / f"{name}_filtered.txt").read_text().splitlines()
    }
    artists, titles = read_index()
    groups = joined(artists)
    with TARGET.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["track", "split", "frames", "artist", "fault"])
        for track, row in sorted(table.items()):
            fault = "" if track in split else fault_of(track, table, artists, titles, split)
            writer.writerow([track, split.get(track, ""), row["length"], groups.get(artists[track], ""), fault])


def read_index() -> tuple[dict[str, str], dict[str, str]]:
    """Return artist and title by track, empty where unknown."""
    artists, titles = {}, {}
    for line in (SOURCES / "sturm_artist_index.txt").read_text().splitlines():
        if ":::" in line:
            name, artist, title = (part.strip() for part in f"{line} ::: ".split(":::")[:3])
            artists[name[:-4]], titles[name[:-4]] = artist, title
    return artists, titles


def joined(artists: dict[str, str]) -> dict[str, str]:
    """Return the name of each credit's group: credits that share an act are one group."""
    clips = Counter(filter(None, artists.values()))
    group = {credit: {credit} for credit in clips}
    by_act = defaultdict(set)
    for credit in clips:
        for act in JOINT.split(credit):
            by_act[act.strip().lower()].add(credit)
    for credits in by_act.values():
        together = set().union(*(group[credit] for credit in credits))
        for credit in together:
            group[credit] = together
    return {credit: max(sorted(group[credit]), key=clips.__getitem__) for credit in clips}


def fault_of(
    track: str, table: dict[str, dict[str, str]], artists: dict[str, str], titles: dict[str, str], split: dict[str, str]
) -> str:
    """Return why a clip is in no part of the split, see the docstring of this module."""

    def columns(name: str) -> list[str]:
        return [value for key, value in table[name].items() if key != "label"]

    def work(name: str) -> tuple[str, str]:
        return artists[name].lower(), re.sub(r"\W", "", titles[name].lower())

    # kept clips first
    others = sorted(set(table) - {track}, key=lambda name: (name not in split, name))
    for other in others:
        if columns(other) == columns(track):
            return f"repeats {other}"
    for other in others:
        if all(work(track)) and work(other) == work(track):
            return f"repeats {other}"
    return "distorted" if track == DISTORTED else "left out"


if __name__ == "__main__":
    main()
