"""Prior weights of the genre classifier: which of musicnn's tags and AudioSet's classes speak for which genre.

Four hundred tracks by a hundred artists are too few to generalise to new artists. The classifier therefore starts from
these tables, which follow from the meaning of the words, and adds what it learns. musicnn has no tag for classical,
disco or reggae.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from retrotone.features.audioset import MUSIC_LABELS
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

# In standard deviations of a class's log-odds, as above.
SOUNDS_FOR: dict[str, dict[str, float]] = {
    "blues": {"Blues": 2, "Harmonica": 0.5, "Steel guitar, slide guitar": 0.3, "Guitar": 0.3},
    "classical": {
        "Classical music": 2,
        "Orchestra": 0.7,
        "Opera": 0.5,
        "Bowed string instrument": 0.5,
        "Drum kit": -0.5,
    },
    "country": {"Country": 2, "Bluegrass": 0.5, "Steel guitar, slide guitar": 0.5, "Banjo": 0.3, "Folk music": 0.3},
    "disco": {"Disco": 2, "Funk": 0.7, "Dance music": 0.5, "Soul music": 0.3},
    "hiphop": {"Hip hop music": 2, "Beatboxing": 0.5, "Scratching (performance technique)": 0.5, "Drum machine": 0.3},
    "jazz": {"Jazz": 2, "Swing music": 0.7, "Saxophone": 0.5, "Double bass": 0.3},
    "metal": {"Heavy metal": 2, "Angry music": 0.5, "Grunge": 0.3, "Punk rock": 0.3},
    "pop": {"Pop music": 2, "Electronic dance music": 0.3, "Dance music": 0.3, "Song": 0.3},
    "reggae": {"Reggae": 2, "Ska": 0.7},
    "rock": {"Rock music": 2, "Rock and roll": 0.5, "Psychedelic rock": 0.5, "Progressive rock": 0.5, "Grunge": 0.3},
}


def prior_weights(genres: Sequence[str], head: str) -> NDArray[np.float64]:
    """Return how much each number of a head speaks for each genre; zeros for a genre not in the table.

    Shape (genres, 50) for the head "patches", (genres, 146) for "sounds".
    """
    table, labels = (SOUNDS_FOR, MUSIC_LABELS) if head == "sounds" else (SPEAKS_FOR, LABELS)
    return np.array([[table.get(genre, {}).get(label, 0.0) for label in labels] for genre in genres], float)
