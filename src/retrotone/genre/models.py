"""Classifiers of one's own, whatever kind they are: what ``retrotone genre train`` wrote into a folder."""

from __future__ import annotations

import json
import os
from pathlib import Path

from retrotone.errors import ModelError
from retrotone.genre import networks
from retrotone.genre.classifier import GenreClassifier


def open_model(path: str | os.PathLike[str]) -> GenreClassifier | networks.GenreNetwork:
    """Load a classifier; nothing in it is executed.

    Parameters
    ----------
    path : path-like
        The folder that ``retrotone genre train`` or ``save_pretrained`` wrote to, or the model in it.

    Raises
    ------
    ModelError
        No classifier there, or damaged.
    """
    place = Path(path)
    if place.name in (networks.WEIGHTS, networks.FACTS):
        place = place.parent
    if (place / networks.WEIGHTS).is_file():
        return networks.load(place)
    return GenreClassifier.from_pretrained(place)


def learned_from(path: str | os.PathLike[str]) -> set[str]:
    """Return the `Track.key` of what a classifier has learned from, as far as is noted beside it."""
    place = Path(path)
    facts = (place if place.is_dir() else place.parent) / networks.FACTS
    try:
        return set(json.loads(facts.read_text("utf-8")).get("learned_from", []))
    except FileNotFoundError:
        return set()
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise ModelError(f"{facts} is damaged: train the model again") from error
