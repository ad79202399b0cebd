"""Settings in the page's address, for sharing: ``?tab=retro&style=1930s&strength=0.6``. Files are never in it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from retrotone.errors import StyleError
from retrotone.services.generate import WALKS
from retrotone.utils.pretrained import DEFAULT_MODEL
from retrotone.web.dials import read_amounts
from retrotone.web.handlers import MAX_CLIP_SECONDS, MAX_SEED
from retrotone.web.live import RECORD, styles

TABS = ("retro", "genre", "similar", "compare", "generate", "study")


@dataclass(frozen=True)
class Setting:
    """A setting that the address may hold: its default, and the function that reads it from text (ValueError)."""

    default: Any
    read: Callable[[str], Any]


def _one_of(*names: str) -> Callable[[str], str]:
    def checked(text: str) -> str:
        if text not in names:
            raise ValueError(text)
        return text

    return checked


def _within(low: float, high: float) -> Callable[[str], float]:
    def checked(text: str) -> float:
        # NaN is outside as well
        if not low <= float(text) <= high:
            raise ValueError(text)
        return float(text)

    return checked


def _count(text: str) -> int:
    if not 0 <= int(text) <= MAX_SEED:
        raise ValueError(text)
    return int(text)


def _dials(text: str) -> str:
    try:
        read_amounts(text)
    except StyleError as error:
        raise ValueError(text) from error
    return text


def settings() -> dict[str, Setting]:
    """Return the settings by their names in the address."""
    known = styles()
    models = [choice.name for choice in known.values() if choice.kind == "rave"]
    return {
        "tab": Setting("retro", _one_of(*TABS)),
        "style": Setting("1930s", _one_of(*known, RECORD)),
        "strength": Setting(1.0, _within(0, 1)),
        "dials": Setting("", _dials),
        "model": Setting(DEFAULT_MODEL, _one_of(*models)),
        "walk": Setting("records", _one_of(*WALKS)),
        "seconds": Setting(10.0, _within(1, MAX_CLIP_SECONDS)),
        "seed": Setting(0, _count),
        "temperature": Setting(1.0, _within(0, 3)),
    }


def read(query: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """Return the settings that an address gives, and the names of those with an invalid value."""
    found, wrong = {}, []
    for name, setting in settings().items():
        if name in query:
            try:
                found[name] = setting.read(query[name])
            except ValueError:
                wrong.append(name)
    return found, wrong


# JavaScript that runs once the settings are read: only then are changes written into the address
WAS_READ = "() => { window.addressIsRead = true; }"


def writer(name: str, value: Any = None) -> str:
    """Return JavaScript that writes a setting, or a fixed value, into the address where it is not the default."""
    known = json.dumps([name, settings()[name].default, value])
    return f"""
    (given) => {{
        if (!window.addressIsRead) return;
        const [name, usual, fixed] = {known}, value = fixed ?? given, address = new URL(window.location);
        if (value === usual || value === null) address.searchParams.delete(name);
        else address.searchParams.set(name, value);
        window.history.replaceState(window.history.state, "", address);
    }}"""
