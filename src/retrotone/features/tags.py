"""musicnn's tags of a recording, ranked."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def ranked_tags(taggram: NDArray[np.float32]) -> dict[str, float]:
    """Return the tags and their mean likelihoods over a recording, the likeliest first.

    Parameters
    ----------
    taggram : ndarray, shape (patches, 50)
        See `retrotone.features.analysis.Analysis`.
    """
    from retrotone.features.musicnn import LABELS

    means = taggram.mean(axis=0)
    return {LABELS[k]: float(means[k]) for k in np.argsort(-means, kind="stable")}
