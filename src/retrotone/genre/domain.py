"""Where known music lies: what is no music gets a genre, too, but its columns lie farther out than music's do."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from retrotone.genre.evidence import Rows

STRANGE = 0.02  # share of known music that may be called strange


@dataclass(frozen=True)
class Domain:
    """Where known music lies: `centre` and `spread` (numbers,) of its columns."""

    centre: Rows
    spread: Rows

    def distance(self, rows: Rows) -> float:
        """Mean over the columns of how many standard deviations a track lies from the centre."""
        return float(np.abs((rows[0] - self.centre) / self.spread).mean())


def known_music(columns: Rows) -> Domain:
    """Return where columns, shape (tracks, numbers), lie, in units that put the outermost ones beyond 1."""
    centre, spread = columns.mean(axis=0), np.maximum(columns.std(axis=0), 1e-9)
    distances = np.abs((columns - centre) / spread).mean(axis=1)
    return Domain(centre, spread * np.quantile(distances, 1 - STRANGE))
