"""Content and style pairs: the bundled one, and six of real music where the checkout has it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import retrotone as rt

SECONDS = 30.0
MUSIC = Path(__file__).resolve().parents[2] / "shared" / "music"

# content, where its 30 s begin, style: another recording, or another recording aged by an era
REAL = (
    ("Hungarian_Dance", 5, "ragtime", "1930s"),
    ("sweet-waltz", 5, "Hungarian_Dance", "1910s"),
    ("Sugar_Plum", 10, "sweet-waltz", "1940s"),
    ("Vibe_Ace", 5, "ragtime", None),
    ("Lets_Go_Fishin", 30, "Vibe_Ace", "1930s"),
    ("ragtime", 10, "Lets_Go_Fishin", "1950s"),
)


@dataclass(frozen=True)
class Pair:
    """A song, and a recording that it is to sound like, both about 30 s."""

    name: str
    content: rt.Audio
    style: rt.Audio


def bundled() -> Pair:
    """Return the demo's song and record."""
    assets = resources.files("retrotone") / "assets"
    song, record = (rt.load(str(assets / f"demo_{kind}.ogg")) for kind in ("song", "style"))
    return Pair("demo song to demo record", song, record)


def real() -> Iterator[Pair]:
    """Yield pairs of real music; nothing without the developers' recordings."""

    def excerpt(name: str, begin: float) -> rt.Audio:
        (path,) = (path for path in MUSIC.glob("*.ogg") if name in path.name)
        return rt.load(path).slice(begin, begin + SECONDS)

    if MUSIC.is_dir():
        for content, begin, style, era in REAL:
            record = excerpt(style, 0)
            title = f"{content} to {style}" + (f" aged by the {era}" if era else "")
            yield Pair(
                title.replace("_", " "), excerpt(content, begin), rt.age(record, era) if era else record
            )
