"""How well one track follows another by key and tempo, as for a disc jockey."""

from __future__ import annotations

import math
from collections.abc import Sequence

from retrotone.library.records import Track
from retrotone.library.search.filters import parse_key

# by which a tempo may be changed without changing the music: the range of the pitch control of the SL-1200 turntable
LARGEST_CHANGE = 0.08
# what a key or tempo that is not known counts
UNKNOWN = 0.5


def mix_fit(track: Track, others: Sequence[Track]) -> float:
    """Return how well keys and tempi of a track and of those beside it go together: 1 at best, 0 at worst.

    It is the mean of `key_fit` and `tempo_fit` over the others.
    """
    fits = [key_fit(track.key, other.key) + tempo_fit(track.tempo, other.tempo) for other in others]
    return sum(fits) / (2 * len(fits))


def key_fit(a: str | None, b: str | None) -> float:
    """Return 1 for keys that go together, else 0: the same one, its relative, and those a fifth above and below.

    These are the neighbours on the circle of fifths, which disc jockeys know as the Camelot wheel.

    >>> [key_fit("A minor", other) for other in ("A minor", "C major", "E minor", "D minor", "A major", "G major")]
    [1.0, 1.0, 1.0, 1.0, 0.0, 0.0]
    """
    if a is None or b is None:
        return UNKNOWN
    (first, first_minor), (second, second_minor) = _on_circle(a), _on_circle(b)
    apart = (first - second) % 12
    return float(apart == 0 or (apart in (1, 11) and first_minor == second_minor))


def tempo_fit(a: float | None, b: float | None) -> float:
    """Return 1 for equal tempi, 0 for those `LARGEST_CHANGE` and more apart; half and double tempi are equal.

    >>> [round(tempo_fit(120, other), 2) for other in (120, 60, 124, 140)]
    [1.0, 1.0, 0.57, 0.0]
    """
    if not a or not b:
        return UNKNOWN
    octaves = math.log2(a / b)
    return max(0.0, 1 - abs(octaves - round(octaves)) / math.log2(1 + LARGEST_CHANGE))


def _on_circle(key: str) -> tuple[int, bool]:
    """Return where a key stands on the circle of fifths, C major and A minor being 0, and whether it is minor."""
    tonic, minor = parse_key(key)
    return 7 * (tonic + 3 * minor) % 12, minor
