"""The dials of the page, more or less of each part of a medium, as text; and some seconds of a song in a sound."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from retrotone.audio.audio import Audio
from retrotone.audio.files import AudioFile
from retrotone.errors import StyleError
from retrotone.services.preview import LEAD_IN_SECONDS, Preview
from retrotone.style.amounts import MOST, with_amounts
from retrotone.style.choices import StyleChoice, amounts_text
from retrotone.style.eras import ERAS
from retrotone.style.medium import PARTS, Medium
from retrotone.style.transfer import Restyler

PREVIEW_SECONDS = 9.0


def read_amounts(text: str) -> dict[str, float]:
    """Return how much of each part a text such as ``noise:0.5,crackle:0`` asks for.

    Raises
    ------
    StyleError
        It names no part of a medium, or no amount from 0 to 2.
    """
    amounts = {}
    for setting in filter(None, text.split(",")):
        part, _, amount = setting.partition(":")
        try:
            amounts[part.strip()] = float(amount)
        except ValueError as error:
            raise StyleError(f"'{setting}' sets no part of a medium: write noise:0.5,crackle:0") from error
    unknown = [part for part in amounts if part not in PARTS]
    if unknown or not all(0 <= amount <= MOST for amount in amounts.values()):
        raise StyleError(f"'{text}' sets no parts of a medium: use {', '.join(PARTS)}, each from 0 to {MOST:g}")
    return amounts


def parts_of(choice: StyleChoice) -> tuple[str, ...]:
    """Return the parts of an era, which have dials; a model has none."""
    return tuple(ERAS[choice.name].parts) if choice.kind == "era" else ()


def adjusted(choice: StyleChoice, medium: Medium, amounts: Mapping[str, float]) -> StyleChoice:
    """Return a style with its medium, of which some parts are turned up or down."""
    turned = {part: amount for part, amount in amounts.items() if part in medium.parts}
    return replace(choice, title=choice.title + amounts_text(turned), medium=with_amounts(medium, turned))


def preview(song: AudioFile, choice: StyleChoice, start: float, strength: float) -> Audio:
    """Return some seconds of a song in a style, as loud as the song is there.

    Parameters
    ----------
    song : AudioFile
    choice : StyleChoice
        An era, a model, or a recording that was read, see `adjusted`.
    start : float
        In seconds; the excerpt begins earlier where the song ends too soon.
    strength : float
    """
    start = max(0.0, min(start, song.duration - PREVIEW_SECONDS))
    lead_in = min(start, LEAD_IN_SECONDS)
    stretch = Audio(song.excerpt(start - lead_in, lead_in + PREVIEW_SECONDS), song.sample_rate)
    style = choice.open()
    assert isinstance(style, Medium | Restyler)
    return Preview(stretch).render(style, lead_in, PREVIEW_SECONDS, strength)
