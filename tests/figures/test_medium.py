"""The picture of a record being read says what was found and what was not, for any medium."""

from __future__ import annotations

import io
from itertools import combinations

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread
from matplotlib.text import Text

from retrotone.audio.audio import Audio
from retrotone.figures.base import png
from retrotone.figures.dials import SCALES, dials, other_parts
from retrotone.figures.medium import reading_figure
from retrotone.style.eras import ERAS
from retrotone.style.media.filters import Highpass, Lowpass, Peak
from retrotone.style.media.noise import Crackle, Hum
from retrotone.style.media.spectrum import NoiseSpectrum
from retrotone.style.media.wow import Wobble
from retrotone.style.medium import Medium
from retrotone.style.reading.band import Edge
from retrotone.style.reading.channels import Channels
from retrotone.style.reading.clicks import Clicks
from retrotone.style.reading.floor import Floor
from retrotone.style.reading.hum import Tone
from retrotone.style.reading.reading import Reading
from retrotone.style.reading.spectrum import HZ, average_music
from retrotone.style.reading.speed import Speed
from retrotone.utils.assets import bundled_record

FULL = Medium(
    name="full",
    delay_s=-2e-4,
    recording=(Highpass(140.0, 3), Peak(900.0, 3.0, 2.0), Lowpass(3700.0, 6)),
    wobbles=(Wobble(1.3, 0.004, random=True),),
    noises=(NoiseSpectrum((100.0, 1000.0), (-60.0, -50.0)),),
    hums=(Hum(50.0, -50.0), Hum(100.0, -60.0)),
    crackle=Crackle(12.0, -40.0, 2500.0, 0.0002),
    confidence={"band": 0.8, "wow": 0.9, "noise": 0.4, "hum": 0.8, "crackle": 0.1, "delay": 0.6},
)


def reading(full: bool) -> Reading:
    """A record that shows everything, or nothing."""
    rng = np.random.default_rng(0)
    level, sure = np.full(len(HZ), -80.0 if full else -200.0), np.full(len(HZ), full)
    times = np.sort(rng.uniform(0, 20, 60))
    clicks = Clicks(12.0, -36.0, 2500.0, 5000.0, 0.0002, 0.5, times, rng.uniform(-40, -20, 60), 0.1)
    speed = Speed(np.array([0.001, 0.002, 0.0, 0.0]), 0.003 * rng.standard_normal(900), 43.0, 0.9)
    low, high = Edge(140.0, 3, 0.3, 15.0), Edge(3700.0, 6, 0.1, 30.0)
    return Reading(
        "folder/$a <b>&.wav",
        average_music(),
        Floor(level, sure),
        low if full else None,
        high if full else None,
        Channels(-8.0, -1.0, -2e-4 if full else 0.0),
        clicks if full else None,
        speed if full else None,
        [Tone(50.0, -50.0), Tone(100.0, -60.0)] if full else [],
    )


def texts(figure: Figure) -> list[Text]:
    """Return what is drawn: a tick beyond the end of its axis is not."""
    beyond = set()
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            ticks = (tick for tick in axis.get_major_ticks() if not low <= tick.get_loc() <= high)
            beyond |= {label for tick in ticks for label in (tick.label1, tick.label2)}
    shown = (text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip())
    return [text for text in shown if text not in beyond]


def said(figure: Figure) -> str:
    return " | ".join(text.get_text() for text in texts(figure))


def test_a_full_medium_shows_every_part_with_its_value_and_how_sure_it_is() -> None:
    words = said(reading_figure(reading(full=True), FULL))
    for value in ("3.7 kHz, 36 dB per octave", "140 Hz, 18 dB per octave", "12 a second", "0.28%", "200 µs, left late"):
        assert value in words
    for value in ("−50 dB, 50 Hz and 1 more", "a guess, 10%", "not very sure, 40%", "sure, 90%", "and colour"):
        assert value in words
    for panel in ("begins at 140 Hz", "ends at 3.7 kHz (3.5 kHz to 4 kHz)", "Clicks: 12 a second", "Speed: wavers by"):
        assert panel in words
    assert "noise, seen" in words
    assert "none found" not in words


def test_an_empty_medium_says_what_is_not_there() -> None:
    words = said(reading_figure(reading(full=False), Medium(name="empty")))
    for sentence in ("no crackle found", "no wow found", "noise: none seen", "as the song"):
        assert sentence in words
    assert words.count("| none") == 7
    assert "begins at" not in words


@pytest.mark.parametrize("full", [True, False])
def test_no_text_overlaps_another_or_leaves_the_picture(full: bool) -> None:
    figure = reading_figure(reading(full), FULL if full else Medium(name="empty"))
    picture = imread(io.BytesIO(png(figure)))
    assert 1150 <= picture.shape[1] <= 1250
    boxes = [(text.get_text(), text.get_window_extent()) for text in texts(figure)]
    for _, box in boxes:
        assert box.x0 >= 0
        assert box.x1 <= picture.shape[1]
    for (one, first), (other, second) in combinations(boxes, 2):
        # a pixel of rounding
        apart = first.x1 <= second.x0 + 1 or second.x1 <= first.x0 + 1 or first.y1 <= second.y0 + 1
        assert apart or second.y1 <= first.y0 + 1, f"{one!r} lies over {other!r}"


def test_the_bundled_record_draws_the_same_bytes_again() -> None:
    from retrotone.services.medium import read_medium

    medium, (found,) = read_medium(bundled_record())
    assert png(reading_figure(found, medium)) == png(reading_figure(found, medium))


@pytest.mark.parametrize("era", ERAS)
def test_every_era_has_all_dials(era: str) -> None:
    shown = dials(ERAS[era])
    assert [dial.name for dial in shown] == list(SCALES)
    assert all(0 <= dial.share <= 1 and dial.sentence.endswith(".") for dial in shown)
    assert {dial.part for dial in shown if dial.value} | set(other_parts(ERAS[era])) == set(ERAS[era].parts)


def test_a_dial_of_noise_says_the_level_that_is_heard() -> None:
    loud = Medium(name="x", noises=(NoiseSpectrum((200.0, 400.0, 800.0, 1600.0), (-50.0, -50.0, -50.0, -50.0)),))
    quiet = loud.apply(Audio(np.zeros((2, 10 * 44_100)), 44_100))
    level_db = 20 * np.log10(np.sqrt(np.mean(np.square(quiet.samples))))
    dial = next(dial for dial in dials(loud) if dial.name == "noise")
    assert float(dial.value.replace("−", "-").removesuffix(" dB")) == pytest.approx(level_db, abs=1)
