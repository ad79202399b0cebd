"""A medium as an object and as a file."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from types import NoneType, UnionType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrotone.audio.audio import Audio
from retrotone.errors import OutputError, StyleError
from retrotone.style.eras import ERAS
from retrotone.style.media.dynamics import Compression
from retrotone.style.media.filters import Highpass, Lowpass, Peak
from retrotone.style.media.noise import Crackle, Noise
from retrotone.style.media.spectrum import NoiseSpectrum
from retrotone.style.medium import PARTS, Medium

RATE = 44_100
LINE = st.text(st.characters(exclude_categories=("C", "Z"), include_characters=" "), max_size=30)
SPECTRA = st.lists(st.tuples(st.floats(1, 20_000), st.floats(-200, 60)), min_size=1, unique_by=lambda at: at[0]).map(
    lambda points: NoiseSpectrum(*(tuple(values) for values in zip(*sorted(points), strict=True)))
)


def values(hint: Any) -> st.SearchStrategy[Any]:
    """Any value that a field of a medium can have."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        between = arguments[1]
        if arguments[0] is int:
            return st.integers(int(between.low), int(between.high))
        return st.floats(between.low, between.high)
    if origin in (typing.Union, UnionType):
        return st.one_of([st.none() if each is NoneType else values(each) for each in arguments])
    if origin is tuple:
        return st.lists(values(arguments[0]), max_size=3).map(tuple)
    if origin is Mapping:
        return st.dictionaries(st.sampled_from(list(PARTS)), values(arguments[1]), max_size=3)
    if hint is NoiseSpectrum:
        return SPECTRA
    if is_dataclass(hint):
        hints = typing.get_type_hints(hint, include_extras=True)
        return st.builds(hint, **{each.name: values(hints[each.name]) for each in fields(hint)})
    return st.booleans() if hint is bool else LINE


HINTS = typing.get_type_hints(Medium, include_extras=True) | {"name": str}
NAMES = LINE.filter(lambda name: name.strip() and not set(name) & set("/\\"))
MEDIA = st.builds(Medium, **{key: values(hint) for key, hint in HINTS.items()} | {"name": NAMES})


@pytest.mark.parametrize("era", ERAS)
def test_an_era_comes_back_from_its_file(era: str, tmp_path: Path) -> None:
    path = ERAS[era].save(tmp_path / f"{era}.toml")
    assert Medium.load(path) == ERAS[era]


@settings(max_examples=100)
@given(medium=MEDIA)
def test_any_medium_comes_back_from_its_file(medium: Medium, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = medium.save(tmp_path_factory.getbasetemp() / "any.toml", overwrite=True)
    assert Medium.load(path) == medium


def test_a_file_says_what_it_is_and_reads_like_a_description(tmp_path: Path) -> None:
    text = ERAS["1930s"].save(tmp_path / "mine.toml").read_text("utf-8")
    assert "retrotone style SONG --style mine.toml" in text.split("\n\n")[0]
    assert '[[recording]]\nkind = "highpass"\nhz = 70.0\norder = 2\n' in text
    assert "[crackle]\nper_second = 10.0\n" in text


def test_a_file_written_by_hand_needs_only_a_name(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(
        'name = "attic"\nseparation_db = 0\n[[recording]]\nkind = "lowpass"\nhz = 4000\n'
        '[[noises]]\nkind = "spectrum"\nhz = [100, 1000]\nlevel_db = [-50, -60]\n'
    )
    medium = Medium.load(path)
    assert medium.recording == (Lowpass(4000.0),)
    assert medium.noises == (NoiseSpectrum((100.0, 1000.0), (-50.0, -60.0)),)
    assert medium.parts == ("width", "band", "noise")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("carrier = 'x'", "name is missing: give a line of text"),
        ("name = ''", "name is '': use 1 to 100 characters"),
        ("name = 'a/b'", "other than / and"),
        ("name = 3", "name is 3: use a line of text in quotes"),
        ('name = "a\\u001b[2J"', "use a line of text"),
        ("name = 'a'\nspeed = 3", "there is no key 'speed': use name, carrier"),
        ("name = 'a'\nturns_hz = 'fast'", "turns_hz is 'fast': use a number from 0 to 100 Hz"),
        ("name = 'a'\nturns_hz = true", "turns_hz is True: use a number"),
        ("name = 'a'\nturns_hz = nan", "turns_hz is nan: use a number"),
        (f"name = 'a'\nturns_hz = 1{400 * '0'}", r"turns_hz is 10+\.\.\.: use a number"),
        ("name = 'a'\nyear = 19.5", "year is 19.5: use a whole number from 1 to 9999"),
        ("name = 'a'\nrecording = 3", "recording is 3: use a list"),
        ("name = 'a'\n[recording]\nkind = 'lowpass'", r"write \[\[recording\]\] instead of \[recording\]"),
        ("name = 'a'\n[[crackle]]\nper_second = 5", r"write \[crackle\] instead of \[\[crackle\]\]"),
        ("name = 'a'\n[[recording]]\nhz = 3", "recording 1: kind is missing: use highpass or lowpass or peak or shelf"),
        ("name = 'a'\n[[recording]]\nkind = 'notch'", "recording 1: kind is 'notch': use highpass"),
        (
            "name = 'a'\n[[recording]]\nkind = 'highpass'",
            "recording 1: hz is missing: give a number from 1 to 200000 Hz",
        ),
        ("name = 'a'\n[[recording]]\nkind = 'highpass'\nhz = -3", "recording 1: hz is -3: use a number from 1 "),
        (
            "name = 'a'\n[[recording]]\nkind = 'highpass'\nhz = 9\nq = 1",
            "recording 1: there is no key 'q': use hz, order",
        ),
        ("name = 'a'\n[saturation]\nbias = 1", "saturation: drive is missing"),
        ("name = 'a'\nsaturation = 1", "saturation is 1: use a table with drive, bias"),
        (
            "name = 'a'\n[[noises]]\nkind = 'spectrum'\nhz = [9, 3]\nlevel_db = [1, 2]",
            "noises 1: hz of a spectrum does not",
        ),
        (
            "name = 'a'\n[[noises]]\nkind = 'spectrum'\nhz = [9]\nlevel_db = ['x']",
            "noises 1: level_db 1 is 'x': use a number",
        ),
        ("name = 'a'\n[confidence]\nbass = 1", "there is no part 'bass' of a medium: use width, "),
        ("name = 'a'\n[confidence]\nband = 2", "confidence: band is 2: use a number from 0 to 1"),
        ("name = ", r"is not TOML \(Invalid value"),
        ("a = " + 3000 * "[", "is not TOML"),
    ],
)
def test_a_wrong_file_gets_one_sentence_with_file_key_and_what_is_wanted(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(text)
    with pytest.raises(StyleError, match=said) as caught:
        Medium.load(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_text_or_not_there_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "sound.toml"
    path.write_bytes(b"RIFF\xff\xfe\x00WAVE")
    with pytest.raises(StyleError, match=r"sound.toml is not text"):
        Medium.load(path)
    with pytest.raises(StyleError, match=r"none.toml cannot be read \(No such file"):
        Medium.load(tmp_path / "none.toml")
    with pytest.raises(StyleError, match="cannot be read"):
        Medium.load(tmp_path)


def test_saving_leaves_the_old_file_or_the_new_one(tmp_path: Path) -> None:
    path = ERAS["1930s"].save(tmp_path / "mine.toml")
    with pytest.raises(OutputError, match="is there already"):
        Medium(name="new").save(path)
    assert Medium(name="new").save(path, overwrite=True) == path
    assert Medium.load(path) == Medium(name="new")
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(OutputError):
        ERAS["1930s"].save(tmp_path / "nowhere" / "mine.toml")


def test_a_value_out_of_range_is_refused_in_python_too() -> None:
    with pytest.raises(StyleError, match=r"recording 1: hz is -100.0: use a number from 1 "):
        Medium(name="a", recording=(Highpass(-100.0),))
    with pytest.raises(StyleError, match=r"delay_s is 2"):
        replace(ERAS["1930s"], delay_s=2)


FULL = Medium(
    name="all",
    separation_db=0.0,
    delay_s=1e-5,
    recording=(Highpass(100), Peak(500, 3, 1)),
    compression=Compression(-30, 2, 0.01, 0.1),
    noises=(Noise(-50, 100, 5000),),
    crackle=Crackle(10, -40, 2000, 0.001),
    playback=(Lowpass(5000),),
    confidence={"band": 0.9, "noise": 0.5},
)


def test_a_medium_can_be_reduced_to_some_of_its_parts() -> None:
    assert FULL.parts == ("width", "delay", "band", "colour", "compression", "noise", "crackle")
    band = FULL.only("band")
    assert (band.recording, band.playback) == ((Highpass(100),), (Lowpass(5000),))
    assert (band.parts, band.confidence) == (("band",), {"band": 0.9})
    quiet = FULL.without("noise", "crackle", "hum")
    assert quiet.parts == FULL.parts[:-2]
    assert quiet.confidence == {"band": 0.9}
    assert FULL.without() == FULL.only(*PARTS) == FULL
    assert FULL.only().parts == ()
    assert all(era.only(*era.parts) == era for era in ERAS.values())


def test_an_unknown_part_is_refused_with_the_words() -> None:
    for refused in (FULL.only, FULL.without):
        with pytest.raises(StyleError, match=r"no part 'treble' of a medium: use width, delay, band, .*limiter"):
            refused("band", "treble")


def test_a_medium_without_parts_changes_nothing() -> None:
    audio = Audio(0.1 * np.random.default_rng(1).standard_normal((2, RATE)), RATE)
    np.testing.assert_allclose(Medium(name="nothing").apply(audio).samples, audio.samples, atol=1e-6)


def test_a_part_of_a_song_sounds_as_in_the_song() -> None:
    """With the loudness of the whole, the noise of a soft passage is not turned down with it."""
    soft = Audio(0.005 * np.random.default_rng(1).standard_normal((2, 4 * RATE)), RATE)
    medium = Medium(name="hiss", noises=(Noise(-40, 2000, 9000),))
    residual = [
        (medium.apply(soft, programme_lufs=loudness).samples - soft.samples).std() for loudness in (None, -20.0)
    ]
    assert residual[1] > 3 * residual[0]
