"""The dials of the page as text: more or less of each part of a medium."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from retrotone.errors import StyleError
from retrotone.style.amounts import MOST, with_amounts
from retrotone.style.choices import StyleChoice, amounts_text, strength_text
from retrotone.style.medium import PARTS, Medium


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


def settings_text(strength: float, dials: str) -> str:
    """Return strength and dials, to follow a style's name; wrong dials as they were written.

    >>> settings_text(0.5, "noise:1.5")
    ', noise 150%, strength 50%'
    """
    try:
        parts = amounts_text(read_amounts(dials))
    except StyleError:
        parts = f", {dials}"
    return parts + strength_text(strength)


def adjusted(choice: StyleChoice, medium: Medium, amounts: Mapping[str, float]) -> StyleChoice:
    """Return a style with its medium, of which some parts are turned up or down."""
    turned = {part: amount for part, amount in amounts.items() if part in medium.parts}
    return replace(choice, title=choice.title + amounts_text(turned), medium=with_amounts(medium, turned))
