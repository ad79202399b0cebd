"""Names as people write them in tags: which artists are one, and what is no name at all."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

# What programs and people write where they know nothing, as `_letters` leaves it.
NO_ARTISTS = frozenset({
    "various", "variousartists", "variousartist", "va", "diverse", "verschiedene", "verschiedeneinterpreten", "divers",
    "artistesdivers", "variosartistas", "variosinterpretes", "variartisti", "artistivari", "unknown", "unknownartist",
    "unbekannt", "unbekannterinterpret", "artistainconnu", "artisteinconnu", "noartist", "na", "none", "null",
})  # fmt: skip
# Genre 12 of ID3v1 is Other, the default of many programs; 255 is none.
NO_GENRES = frozenset({
    "", "other", "others", "unknown", "unknowngenre", "misc", "miscellaneous", "genre", "nogenre", "default",
    "undefined", "unclassifiable", "unclassified", "unbekannt", "sonstige", "andere", "autre", "otros", "na", "none",
    "null", "12", "255",
})  # fmt: skip

# Values of one tag: a slash divides only between blanks, as in "A / B", not in AC/DC.
VALUES = re.compile(r"\s*[;\0]\s*|\s+/\s+")
GUEST = re.compile(r"(?:\s|\s*[(\[])\s*(?:feat(?:uring)?|ft|with|vs|versus)(?:\.\s*|\s+)(?=\S)", re.IGNORECASE)
# Letters that Unicode does not divide into a letter and an accent.
LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th"})
# What tells versions of one song apart: a performance, a master, a cut or an edition of it, or its guests.
VERSION = re.compile(
    r"\b(?:live|re-?master(?:ed|ing)?|mono|stereo|demo|take \d+|acoustic|unplugged|session|bonus|deluxe|expanded"
    r"|anniversary|explicit|clean|(?:single|album|radio|short|long|extended|original|full|\d+) (?:version|edit|mix)"
    r"|version|edit|feat(?:uring)?|ft|(?:19|20)\d\d)\b",
    re.IGNORECASE,
)
FEATURED = re.compile(r"\s+(?:feat(?:uring)?|ft)\b.*", re.IGNORECASE)
WORD = re.compile(r"[^\W_]+")
BRACKET = re.compile(r"\s*(?:\(([^()]*)\)|\[([^\[\]]*)\])")
ARTICLE = re.compile(r"^the\s+(?=\S)|,\s*the$")
# Four digits, or the first four of a date such as 19710423.
YEAR = re.compile(r"(?<!\d)(?:1\d|20)\d\d(?=(?:(?:0\d|1[0-2])[0-3]\d)?(?!\d))")


@lru_cache(maxsize=1 << 14)
def artist_key(artist: str) -> str:
    """Return what is equal for all spellings of an artist's name, and empty for what is no name.

    It is the first of several artists without guests, article, blanks, punctuation and capitals.

    Parameters
    ----------
    artist : str
        As the tag has it; several values with ";" between them.

    Examples
    --------
    >>> {artist_key(name) for name in ("The Artist", "the  artist ", "Artist, The; Guest", "The Artist (feat. Guest)")}
    {'artist'}
    >>> artist_key("AC/DC"), artist_key("Various Artists"), artist_key("<unknown>"), artist_key("!!!")
    ('acdc', '', '', '!!!')
    """
    name = unicodedata.normalize("NFKC", artist).strip()
    first = GUEST.split(VALUES.split(name)[0])[0].casefold()
    letters = _letters(ARTICLE.sub("", first)) or _letters(first)
    return "" if letters in NO_ARTISTS else letters or first


def folded(text: str) -> str:
    """Return the words of a text without accents, capitals and punctuation.

    >>> folded("Björk – Jóga (Live)"), folded("Ärzte, Die")
    ('bjork joga live', 'arzte die')
    """
    if not text.isascii():
        text = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
        text = text.casefold().translate(LETTERS)
    return " ".join(WORD.findall(text.casefold()))


@lru_cache(maxsize=1 << 14)
def song_key(title: str) -> str:
    """Return what is equal for the titles of all versions of a song: live, remastered, with guests, of an edition.

    Parameters
    ----------
    title : str
        As the tag has it.

    Examples
    --------
    >>> {song_key(f"Jóga{end}") for end in ("", " (Live at Union Chapel)", " - Remastered 2011", " [feat. Guest]")}
    {'joga'}
    >>> song_key("Live and Let Die"), song_key("Dancing with Myself"), song_key("Jóga (Remix)")
    ('live and let die', 'dancing with myself', 'joga remix')
    """
    kept = BRACKET.sub(lambda match: "" if VERSION.search(match[1] or match[2] or "") else match[0], title)
    first, *rest = kept.split(" - ")
    kept = " ".join([first, *(part for part in rest if not VERSION.search(part))])
    return folded(FEATURED.sub("", kept)) or folded(title) or title.strip()


def genre_name(genre: str) -> str:
    """Return the genre that a tag names, empty for what stands for none, such as "Other" or "(12)".

    >>> genre_name("Other"), genre_name("(12)"), genre_name("Unknown; Jazz"), genre_name("Hip-Hop")
    ('', '', 'Jazz', 'Hip-Hop')
    """
    names = (name.strip() for name in genre.split(";"))
    return "; ".join(name for name in names if _letters(name.casefold()) not in NO_GENRES)


def year_name(*dates: str) -> str:
    """Return the four digits of the first date that has a year, empty if none has.

    >>> year_name("", "1971-04-23T07:00:00Z"), year_name("0000-00-00"), year_name("N/A")
    ('1971', '', '')
    """
    found = (YEAR.search(date) for date in dates)
    return next((match[0] for match in found if match), "")


def _letters(text: str) -> str:
    return "".join(c for c in text if c.isalnum())
