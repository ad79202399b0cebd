"""Classifiers of one's own, whatever kind they are: what ``retrotone genre train`` wrote into a folder."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from retrotone.errors import ModelError
from retrotone.genre.classifier import GenreClassifier

if TYPE_CHECKING:
    from retrotone.genre.networks import GenreNetwork

WEIGHTS, FACTS = "model.safetensors", "model.json"  # of a network, and what is known of any model


def open_model(path: str | os.PathLike[str]) -> GenreClassifier | GenreNetwork:
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
    if place.name in (WEIGHTS, FACTS):
        place = place.parent
    if (place / WEIGHTS).is_file():
        from retrotone.genre import networks  # torch: only where it is needed

        return networks.load(place)
    return GenreClassifier.from_pretrained(place)


def learned_from(path: str | os.PathLike[str]) -> set[str]:
    """Return the `Track.key` of what a classifier has learned from, as far as is noted beside it."""
    place = Path(path)
    facts = (place if place.is_dir() else place.parent) / FACTS
    try:
        return set(json.loads(facts.read_text("utf-8")).get("learned_from", []))
    except FileNotFoundError:
        return set()
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise ModelError(f"{facts} is damaged: train the model again") from error
