"""A medium with more or less of each of its parts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from math import log10
from typing import Any, TypeAlias

from retrotone.errors import StyleError
from retrotone.style.choices import amounts_text
from retrotone.style.media.dynamics import OPEN_CEILING_DB
from retrotone.style.media.filters import Filter, Highpass, Lowpass, Peak, Shelf, corner
from retrotone.style.media.media import OPEN_HIGH_HZ, OPEN_LOW_HZ
from retrotone.style.media.spectrum import NoiseSpectrum
from retrotone.style.medium import MAX_NAME, Medium, check_words

# Given a medium and an amount above 0, the fields of the medium that change.
_Scaling: TypeAlias = Callable[[Medium, float], dict[str, Any]]

MOST = 2.0
# A band that is made narrower than the medium's own ends here at the latest, so that music is left.
HIGHEST_LOWER_EDGE_HZ, LOWEST_UPPER_EDGE_HZ = 500.0, 1_500.0
# What the parameters of a medium can be at most.
MOST_SLOPE, MOST_DEPTH, MOST_GAIN_DB, OPEN_BITS = 0.99, 0.1, 60.0, 24.0


def with_amounts(medium: Medium, amounts: Mapping[str, float]) -> Medium:
    """Return a medium with more or less of some parts.

    Each part scales with its own physical quantity: a band with its corners in octaves, noise, hum and crackle with
    their amplitude, colour with its gains, wow with its depth.

    Parameters
    ----------
    medium : Medium
    amounts : mapping of str to float
        By the words of `retrotone.style.medium.PARTS`: 0 leaves the part out, 1 keeps it as it is, 2 doubles it.

    Returns
    -------
    Medium
        Its name tells what was changed. Parts that the medium lacks stay away.

    Raises
    ------
    StyleError
        There is no such part, or an amount lies outside [0, 2].

    Examples
    --------
    >>> from retrotone.style.eras import ERAS
    >>> quiet = with_amounts(ERAS["1930s"], {"noise": 0.5, "crackle": 0.0})
    >>> quiet.name
    '1930s, noise 50%, crackle 0%'
    >>> "crackle" in quiet.parts
    False
    """
    check_words(amounts)
    for part, amount in amounts.items():
        if not 0 <= amount <= MOST:
            raise StyleError(f"{part} is {amount}: use a number from 0 (none of it) to {MOST:g} (twice as much)")
    changed = {part: amounts[part] for part in medium.parts if amounts.get(part, 1.0) != 1.0}
    result = medium.without(*(part for part, amount in changed.items() if amount == 0))
    for part, amount in changed.items():
        if amount > 0:
            result = replace(result, **_SCALES[part](result, amount))
    return replace(result, name=f"{medium.name}{amounts_text(changed)}"[:MAX_NAME])


def _level_db(amount: float) -> float:
    return 20 * log10(amount)


def _filters(kinds: tuple[type, ...], scale: Callable[[Any, float], Filter]) -> _Scaling:
    """Return the scaling of those filters that are of some kinds."""

    def scaled(medium: Medium, amount: float) -> dict[str, Any]:
        return {
            name: tuple(scale(each, amount) if isinstance(each, kinds) else each for each in getattr(medium, name))
            for name in ("recording", "playback")
        }

    return scaled


def _edge(edge: Highpass | Lowpass, amount: float) -> Filter:
    if isinstance(edge, Highpass):
        most = max(edge.hz, HIGHEST_LOWER_EDGE_HZ)
        return replace(edge, hz=min(corner(edge.hz, OPEN_LOW_HZ, amount), most))
    return replace(edge, hz=max(corner(edge.hz, OPEN_HIGH_HZ, amount), min(edge.hz, LOWEST_UPPER_EDGE_HZ)))


def _colour(colour: Peak | Shelf, amount: float) -> Filter:
    return replace(colour, gain_db=min(max(amount * colour.gain_db, -MOST_GAIN_DB), MOST_GAIN_DB))


def _width(medium: Medium, amount: float) -> dict[str, Any]:
    """Scale what the difference of the channels loses."""
    assert medium.separation_db is not None
    leak = 10 ** (-medium.separation_db / 20)
    side = max(1 - amount * (1 - (1 - leak) / (1 + leak)), 0.0)
    leak = (1 - side) / (1 + side)
    return {"separation_db": min(-_level_db(leak), 200.0)}


def _compression(medium: Medium, amount: float) -> dict[str, Any]:
    assert medium.compression is not None
    slope = min(amount * (1 - 1 / medium.compression.ratio), MOST_SLOPE)
    return {"compression": replace(medium.compression, ratio=1 / (1 - slope))}


def _saturation(medium: Medium, amount: float) -> dict[str, Any]:
    assert medium.saturation is not None
    return {"saturation": replace(medium.saturation, drive=min(amount * medium.saturation.drive, 100.0))}


def _wow(medium: Medium, amount: float) -> dict[str, Any]:
    return {"wobbles": tuple(replace(each, depth=min(amount * each.depth, MOST_DEPTH)) for each in medium.wobbles)}


def _converter(medium: Medium, amount: float) -> dict[str, Any]:
    assert medium.converter is not None
    # a bit less is twice the step
    bits = min(max(medium.converter.bits - _level_db(amount) / _level_db(2.0), 1.0), OPEN_BITS)
    return {"converter": replace(medium.converter, bits=bits)}


def _noise(medium: Medium, amount: float) -> dict[str, Any]:
    by_db = _level_db(amount)
    return {
        "noises": tuple(
            replace(each, level_db=tuple(level + by_db for level in each.level_db))
            if isinstance(each, NoiseSpectrum)
            else replace(each, level_db=each.level_db + by_db)
            for each in medium.noises
        )
    }


def _hum(medium: Medium, amount: float) -> dict[str, Any]:
    return {"hums": tuple(replace(each, level_db=each.level_db + _level_db(amount)) for each in medium.hums)}


def _crackle(medium: Medium, amount: float) -> dict[str, Any]:
    assert medium.crackle is not None
    return {"crackle": replace(medium.crackle, level_db=medium.crackle.level_db + _level_db(amount))}


def _limiter(medium: Medium, amount: float) -> dict[str, Any]:
    assert medium.limiter is not None
    by_db = amount * min(medium.limiter.ceiling_db - OPEN_CEILING_DB, 0.0)
    return {"limiter": replace(medium.limiter, ceiling_db=OPEN_CEILING_DB + by_db)}


_SCALES: dict[str, _Scaling] = {
    "width": _width,
    "delay": lambda medium, amount: {"delay_s": min(max(amount * medium.delay_s, -0.05), 0.05)},
    "band": _filters((Highpass, Lowpass), _edge),
    "colour": _filters((Peak, Shelf), _colour),
    "compression": _compression,
    "saturation": _saturation,
    "wow": _wow,
    "converter": _converter,
    "noise": _noise,
    "hum": _hum,
    "crackle": _crackle,
    "limiter": _limiter,
}
