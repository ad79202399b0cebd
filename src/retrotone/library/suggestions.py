"""Genres for tracks whose tags name none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from retrotone.library.records import Track


@dataclass(frozen=True)
class Suggestion:
    """A genre for a track whose tags name none; `sure` where the classifier is."""

    track: Track
    genre: str
    confidence: float
    sure: bool


def suggest_genres(tracks: Sequence[Track]) -> list[Suggestion]:
    """Return what the classifier answered for those tracks that have no genre."""
    return [
        Suggestion(track, track.heard_genre, track.confidence, track.sure)
        for track in tracks
        if track.heard_genre and not track.genre
    ]
