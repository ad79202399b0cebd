"""Tables of a medium's file: dataclasses of parameters read from TOML values, checked, and written as TOML."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import cache
from numbers import Integral, Real
from types import NoneType, UnionType
from typing import Any

from retrotone.errors import StyleError
from retrotone.style.media.filters import Highpass, Lowpass, Peak, Shelf
from retrotone.style.media.noise import Noise
from retrotone.style.media.spectrum import NoiseSpectrum
from retrotone.style.media.units import Between

# What the key "kind" says where a table can be one of several.
KINDS: dict[type, str] = {
    Highpass: "highpass",
    Lowpass: "lowpass",
    Peak: "peak",
    Shelf: "shelf",
    Noise: "band",
    NoiseSpectrum: "spectrum",
}
# Longest value that a message repeats.
SHOWN_CHARACTERS = 40


def read_fields(kind: type, values: Mapping[str, object], at: str = "") -> dict[str, Any]:
    """Return the arguments of a dataclass, converted and checked.

    Parameters
    ----------
    kind : type
        A dataclass whose hints tell type and range of each field.
    values : mapping of str to object
        Numbers, strings, lists and tables as in a TOML file, or the finished values.
    at : str
        Where the table is, to begin messages with.

    Raises
    ------
    StyleError
        An unknown or missing key, or a wrong value; the message names it and says what is wanted.
    """
    hints, known = _hints(kind), [each.name for each in fields(kind)]
    for key in values:
        if key not in known:
            raise StyleError(f"{at}there is no key {_shown(key)}: use {', '.join(known)}")
    for each in fields(kind):
        if each.name not in values and _is_required(each):
            raise StyleError(f"{at}{each.name} is missing: give {_wanted(hints[each.name])}")
    return {key: read(hints[key], value, f"{at}{key}") for key, value in values.items()}


def read(hint: Any, value: object, at: str) -> Any:
    """Return a value of the type that a hint asks for, or raise StyleError naming where it is."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, UnionType):
        kinds = [each for each in arguments if each is not NoneType]
        if value is None and len(kinds) < len(arguments):
            return None
        return read(kinds[0], value, at) if len(kinds) == 1 else _one_of(kinds, value, at)
    if origin is typing.Annotated:
        return _number(hint, value, at)
    if origin is tuple and isinstance(value, list | tuple):
        return tuple(read(arguments[0], each, f"{at} {number}") for number, each in enumerate(value, start=1))
    if origin is Mapping and isinstance(value, Mapping):
        return {key: read(arguments[1], each, f"{at}: {key}") for key, each in value.items()}
    if is_dataclass(hint) and isinstance(hint, type):
        return _part(hint, value, at)
    # text goes to terminals, pages and names of files
    if hint is str and isinstance(value, str) and value.isprintable():
        return value
    if hint is bool and isinstance(value, bool):
        return value
    raise _wrong(hint, value, at)


def table(part: object) -> dict[str, Any]:
    """Return a part of a medium as a table of TOML values; fields that are None are left out."""
    assert is_dataclass(part)
    kind = {"kind": KINDS[type(part)]} if type(part) in KINDS else {}
    values = {each.name: getattr(part, each.name) for each in fields(part)}
    return kind | {key: toml_value(value) for key, value in values.items() if value is not None}


def toml_value(value: object) -> Any:
    """Return a parameter as a value that TOML has."""
    if isinstance(value, tuple):
        return [toml_value(each) for each in value]
    if is_dataclass(value):
        return table(value)
    return dict(value) if isinstance(value, Mapping) else value


@cache
def _hints(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind, include_extras=True)


def _is_required(each: Field[Any]) -> bool:
    return each.default is MISSING and each.default_factory is MISSING


def _one_of(kinds: list[type], value: object, at: str) -> Any:
    """Read a table whose key "kind" says what it is."""
    if type(value) in kinds:
        return _part(type(value), value, at)
    if not isinstance(value, Mapping):
        raise StyleError(f"{at} is {_shown(value)}: make it a table with kind")
    names = {KINDS[each]: each for each in kinds}
    kind, listing = value.get("kind"), " or ".join(names)
    if not isinstance(kind, str) or kind not in names:
        problem = "kind is missing" if kind is None else f"kind is {_shown(kind)}"
        raise StyleError(f"{at}: {problem}: use {listing}")
    return _part(names[kind], {key: each for key, each in value.items() if key != "kind"}, at)


def _part(kind: type, value: object, at: str) -> Any:
    """Read a table, or check a finished part."""
    if isinstance(value, kind) and is_dataclass(value):
        value = {each.name: getattr(value, each.name) for each in fields(value)}
    if not isinstance(value, Mapping):
        raise _wrong(kind, value, at)
    arguments = read_fields(kind, value, f"{at}: ")
    try:
        return kind(**arguments)
    except StyleError as error:
        raise StyleError(f"{at}: {error}") from error


def _number(hint: Any, value: object, at: str) -> float | int:
    kind, between = typing.get_args(hint)
    wanted = Integral if kind is int else Real
    # NaN lies in no range
    if isinstance(value, bool) or not isinstance(value, wanted) or not between.low <= value <= between.high:
        raise _wrong(hint, value, at)
    return int(float(value)) if kind is int else float(value)


def _wrong(hint: Any, value: object, at: str) -> StyleError:
    # the brackets of TOML: [[crackle]] makes a list, [wobbles] a table
    if isinstance(value, Mapping) and typing.get_origin(hint) is tuple:
        return StyleError(f"{at} is a list: write [[{at}]] instead of [{at}]")
    if isinstance(value, list) and is_dataclass(hint):
        return StyleError(f"{at} is one table: write [{at}] instead of [[{at}]]")
    return StyleError(f"{at} is {_shown(value)}: use {_wanted(hint)}")


def _wanted(hint: Any) -> str:
    """Return what a hint asks for, in words."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        between: Between = arguments[1]
        return str(between).replace("a number", "a whole number") if arguments[0] is int else str(between)
    if origin is tuple:
        return "a list of numbers" if typing.get_origin(arguments[0]) is typing.Annotated else "a list"
    if hint is bool:
        return "true or false"
    if hint is str:
        return "a line of text in quotes"
    return f"a table with {', '.join(each.name for each in fields(hint))}" if is_dataclass(hint) else "a table"


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[: SHOWN_CHARACTERS - 3]}..."
