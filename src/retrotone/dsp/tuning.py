"""How far a recording is from A4 = 440 Hz."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from retrotone.dsp.filterbanks import A4_HZ, N_CHROMA
from retrotone.dsp.stft import STUDY_N_FFT, STUDY_RATE

# Hz; the least height of a peak beside the strongest bin of its frame; parts of a step
PEAK_HZ, PEAK_THRESHOLD, PARTS = (150.0, 4000.0), 0.1, 100


def estimate_tuning(spectrum: NDArray[np.float32], bins_per_octave: int = N_CHROMA) -> float:
    """Return the offset from A4 = 440 Hz most common among the louder half of spectral peaks, as librosa estimates it.

    Parameters
    ----------
    spectrum : ndarray, shape (frames, 1025)
        `stft.magnitudes` at 22.05 kHz, or their squares, of which librosa reads its chroma of an STFT.
    bins_per_octave : int
        12 counts the offset in semitones.

    Returns
    -------
    float
        In steps of 1 / `bins_per_octave` octaves, [-0.5, 0.5).
    """
    low, high = (round(edge * STUDY_N_FFT / STUDY_RATE) for edge in PEAK_HZ)
    here = spectrum[:, low:high]
    before, after = spectrum[:, low - 1 : high - 1], spectrum[:, low + 1 : high + 1]
    loud = here > PEAK_THRESHOLD * spectrum.max(axis=1, keepdims=True)
    frame, peak = np.divmod(np.flatnonzero(loud & (here > before) & (here >= after)), high - low)
    if not len(peak):
        return 0.0
    slope = (after[frame, peak] - before[frame, peak]) / 2
    # the vertex of the parabola through a peak and its neighbours
    curvature = after[frame, peak] + before[frame, peak] - 2 * here[frame, peak]
    shift = np.divide(-slope, curvature, out=np.zeros_like(slope), where=np.abs(slope) < np.abs(curvature))
    height = here[frame, peak] + slope * shift / 2
    hertz = (low + peak + shift)[height >= np.median(height)] * (STUDY_RATE / STUDY_N_FFT)
    offset = np.mod(bins_per_octave * np.log2(hertz / A4_HZ) + 0.5, 1.0) - 0.5
    votes, edges = np.histogram(offset, PARTS, (-0.5, 0.5))
    return float(edges[votes.argmax()])
