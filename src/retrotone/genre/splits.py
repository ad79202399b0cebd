"""Which tracks a classifier learns from, and which it is validated on."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence

from retrotone.errors import GenreError
from retrotone.genre.datasets import Gtzan, LabelledTrack, folds, open_folder
from retrotone.utils.logs import log
from retrotone.utils.text import counted

# One fold in so many is validated on, where the collection has no split of its own.
FOLDS = 5


def sides(recordings: str | os.PathLike[str]) -> tuple[list[LabelledTrack], list[LabelledTrack]]:
    """Return the tracks to learn from and those to validate on, an artist's all on one side.

    Parameters
    ----------
    recordings : path-like
        GTZAN, whole or in part: the published train and validation tracks, never the test tracks. Anything else is a
        `Collection`, of which about a fifth is validated on.

    Raises
    ------
    GenreError
        See `Gtzan` and `Collection`; or fewer than two genres on both sides. A genre that is on one side only is left
        out, with a line in the log.
    AudioError
        A file that cannot be read.
    """
    folder = open_folder(recordings)
    if isinstance(folder, Gtzan):
        learnt_from, checked_on = folder.split("train"), folder.split("valid")
    else:
        learnt_from, checked_on = split(folder.tracks)
    kept = _genres(learnt_from) & _genres(checked_on)
    if len(kept) < 2:
        here = "in both parts of GTZAN's split" if isinstance(folder, Gtzan) else "by two artists or more"
        raise GenreError(f"{recordings} has {counted(len(kept), 'genre')} {here}: it needs two such genres to train")
    if left_out := (_genres(learnt_from) | _genres(checked_on)) - kept:
        log.warning("%s: left out, as all tracks are on one side of the split", ", ".join(sorted(left_out)))
    return (
        [track for track in learnt_from if track.genre in kept],
        [track for track in checked_on if track.genre in kept],
    )


def split(tracks: Sequence[LabelledTrack]) -> tuple[list[LabelledTrack], list[LabelledTrack]]:
    """Split a collection: the fold of about a fifth, or more, in which most genres can be validated."""
    best: tuple[list[LabelledTrack], list[LabelledTrack]] = [], []
    most = 0
    largest = max(Counter(track.genre for track in tracks).values())
    for count in range(min(FOLDS, largest), 1, -1):
        fold = folds(tracks, count)
        for number in range(count):
            inside = [track for track, own in zip(tracks, fold, strict=True) if own != number]
            outside = [track for track, own in zip(tracks, fold, strict=True) if own == number]
            shared = len(_genres(inside) & _genres(outside))
            if shared > most:
                best, most = (inside, outside), shared
    return best


def _genres(tracks: Sequence[LabelledTrack]) -> set[str]:
    return {track.genre for track in tracks}
