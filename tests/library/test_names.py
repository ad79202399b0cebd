"""Names as people write them: one artist in many spellings, and what is no name."""

from __future__ import annotations

import pytest

from retrotone.library.names import artist_key, genre_name, year_name


@pytest.mark.parametrize(
    "spellings",
    [
        ["The Artist", "the artist ", "THE  ARTIST", "The Artist; Guest", "The Artist feat. Guest", "Artist, The"],
        [
            "Ａｒｔｉｓｔ",
            "Artist (ft. Guest & Co.)",
            "Artist [featuring X]",
            "Artist ft.X",
            "Artist vs. Other",
            "artist with B",
        ],
        ["AC/DC", "AC-DC", "ac dc", "AC/DC / Guest"],
        ["Guns N’ Roses", "Guns N' Roses", "guns n roses"],
        ["The The", "the the"],
        ["!!!"],
        ["Beyoncé", "Beyonce\u0301"],
    ],
)
def test_spellings_of_one_artist_are_one(spellings: list[str]) -> None:
    assert len({artist_key(name) for name in spellings}) == 1
    assert artist_key(spellings[0])


def test_different_artists_stay_apart() -> None:
    names = [
        "Artist",
        "Other Artist",
        "AC/DC",
        "Earth, Wind & Fire",
        "Earth",
        "Theory",
        "Defeater",
        "The Withers",
        "!!!",
    ]
    assert len({artist_key(name) for name in names}) == len(names)


@pytest.mark.parametrize(
    "name",
    ["Various Artists", "various", "VA", "V.A.", "V/A", "Unknown Artist", "<unknown>", "[Unknown]", "N/A", "", " "],
)
def test_placeholders_are_no_artists(name: str) -> None:
    assert artist_key(name) == ""


def test_placeholders_are_no_genres() -> None:
    for name in ("Other", "OTHER", "Unknown", "Misc", "(12)", "12", "genre", "<Unknown>", "-", ""):
        assert genre_name(name) == ""
    for name in ("Jazz", "R&B", "Other Worlds", "Hip-Hop; Jazz"):
        assert genre_name(name) == name
    assert genre_name("Other; Jazz") == "Jazz"


def test_a_year_has_four_digits() -> None:
    for date in ("1971", "1971-04-23T07:00:00Z", "19710423", "23.04.1971", "1971/1999"):
        assert year_name(date) == "1971"
    for date in ("0000-00-00", "0000", "N/A", "71", "12345", ""):
        assert year_name(date) == ""
    assert year_name("1973-03-01", "2011-09-26") == "1973"
    assert year_name("0000", "2011") == "2011"
