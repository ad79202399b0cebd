"""Content and style pairs: two that need nothing but retrotone, and twelve of real music where the checkout has it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import retrotone as rt
from retrotone.utils.assets import bundled_record, bundled_song

SECONDS = 30.0
MUSIC = Path(__file__).resolve().parents[2] / "shared" / "music"
GTZAN = MUSIC.parent / "gtzan" / "audio"

# content, where its excerpt begins (s), style: another recording, or another recording aged by an era
REAL = (
    ("Hungarian_Dance", 5, "ragtime", "1930s"),
    ("sweet-waltz", 5, "Hungarian_Dance", "1910s"),
    ("Sugar_Plum", 10, "sweet-waltz", "1940s"),
    ("Vibe_Ace", 5, "ragtime", None),
    ("Lets_Go_Fishin", 30, "Vibe_Ace", "1930s"),
    ("ragtime", 10, "Lets_Go_Fishin", "1950s"),
    ("Choice", 0, "Sugar_Plum", "1900s"),
    ("Vibe_Ace", 30, "Hungarian_Dance", "1930s"),
    ("Lets_Go_Fishin", 90, "ragtime", "1970s"),
    ("sweet-waltz", 15, "Choice", "1980s"),
    ("ragtime", 40, "sweet-waltz", "1940s"),
    ("Hungarian_Dance", 15, "Lets_Go_Fishin", None),
)


@dataclass(frozen=True)
class Pair:
    """A song, and a recording that it is to sound like; if an era aged this, which one, and what it was before."""

    name: str
    content: rt.Audio
    style: rt.Audio
    era: str | None = None
    before: rt.Audio | None = None


def bundled(seconds: float | None = None) -> Pair:
    """Return the demo's song and record, or so much of them."""
    song, record = (rt.load(path, seconds) for path in (bundled_song(), bundled_record()))
    return Pair("demo song to demo record", song, record)


def played(seconds: float = SECONDS) -> Pair:
    """Return the demo's song and a clip that the bundled RAVE made up: what the study took its style from."""
    clip = rt.RaveModel.from_pretrained().generate(seconds, path="slerp", seed=0)
    return Pair("demo song to a clip by parlour", bundled(seconds).content, clip)


def real(seconds: float = SECONDS) -> Iterator[Pair]:
    """Yield pairs of real music; nothing without the developers' recordings."""

    def excerpt(name: str, begin: float) -> rt.Audio:
        (path,) = (path for path in MUSIC.glob("*.ogg") if name in path.name)
        return rt.load(path).slice(begin, begin + seconds)

    if MUSIC.is_dir():
        for content, begin, style, era in REAL:
            record = excerpt(style, 0)
            title = f"{content} to {style}" + (f" aged by the {era}" if era else "")
            name = title.replace("_", " ")
            song = excerpt(content, begin)
            yield Pair(name, song, rt.age(record, era), era, record) if era else Pair(name, song, record)
