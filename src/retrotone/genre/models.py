"""Open the genre models that ``retrotone genre train`` wrote, of either kind."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from retrotone.errors import ModelError
from retrotone.genre.base import FACTS, WEIGHTS
from retrotone.genre.classifier import GenreClassifier
from retrotone.utils.files import is_file

if TYPE_CHECKING:
    from retrotone.genre.networks import GenreNetwork


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
    folder = Path(path)
    if folder.name in (WEIGHTS, FACTS):
        folder = folder.parent
    if is_file(folder / WEIGHTS):
        # here, because it imports torch
        from retrotone.genre import networks

        return networks.load(folder)
    return GenreClassifier.from_pretrained(folder)


def learned_from(path: str | os.PathLike[str]) -> set[str]:
    """Return the `LabelledTrack.key` of what a classifier has learned from; empty where its folder does not say."""
    model = Path(path)
    facts = (model if model.is_dir() else model.parent) / FACTS
    try:
        return set(json.loads(facts.read_text("utf-8")).get("learned_from", []))
    except FileNotFoundError:
        return set()
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise ModelError(f"{facts} is damaged: train the model again") from error
