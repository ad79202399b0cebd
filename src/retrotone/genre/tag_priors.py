"""Prior weights of the genre classifier: which of musicnn's tags speak for which genre.

Four hundred tracks by a hundred artists are too few to generalise to new artists. The classifier therefore starts from
this table, which follows from the meaning of the tags, and adds what it learns. There is no tag for classical, disco or
reggae.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from retrotone.features.musicnn import LABELS

# In standard deviations of a tag's log-odds: 2 is the genre itself, 0.5 a hint.
SPEAKS_FOR: dict[str, dict[str, float]] = {
    "blues": {"blues": 2, "guitar": 0.5, "classic rock": 0.3, "electronic": -0.5, "pop": -0.5},
    "classical": {"instrumental": 1, "ambient": 0.7, "beautiful": 0.6, "rock": -1, "male vocalists": -0.6, "pop": -0.5},
    "country": {"country": 2, "folk": 0.5, "acoustic": 0.4},
    "disco": {"funk": 1, "dance": 0.8, "soul": 0.7, "party": 0.6, "70s": 0.5, "80s": 0.5, "catchy": 0.3},
    "hiphop": {"Hip-Hop": 2, "rnb": 0.5},
    "jazz": {"jazz": 2, "instrumental": 0.5},
    "metal": {"heavy metal": 1.2, "metal": 1, "hard rock": 0.8},
    "pop": {"pop": 1.2, "catchy": 0.6, "female vocalists": 0.5, "00s": 0.5, "dance": 0.4, "sexy": 0.3},
    "reggae": {"Hip-Hop": 0.5, "chill": 0.4, "soul": 0.4, "funk": 0.4, "happy": 0.3, "Mellow": 0.2, "oldies": 0.2},
    "rock": {"rock": 1, "classic rock": 1, "alternative rock": 0.6, "hard rock": 0.4, "90s": 0.2},
}


def prior_weights(genres: Sequence[str]) -> NDArray[np.float64]:
    """Return how much each tag speaks for each genre, shape (genres, 50); zeros for a genre not in the table."""
    table = [[SPEAKS_FOR.get(genre, {}).get(tag, 0.0) for tag in LABELS] for genre in genres]
    return np.array(table, float)
