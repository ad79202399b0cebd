"""Wow and flutter of a record: the movement that all its partials share.

Partials are followed from frame to frame by their instantaneous frequency (the phase vocoder's: Flanagan and Golden,
1966). The logarithm of each is the note's own pitch plus the speed, so both follow by least squares, robustly, over all
partials. Two halves of the partials give two estimates of the speed; what they have in common is the medium, what they
have not is the reading's error.

Singers and strings glide, too, but what accompanies them does not: where too many partials stand still, the movement
is the players'. A disc wavers once a turn, and for minutes in the same phase: a line in the spectrum of the speed, far
above what is around it, which no player makes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d
from scipy.signal import butter, sosfiltfilt

from retrotone.style.reading.spectrum import n_fft_for, power, spectrogram
from retrotone.types import Block

FRAME_SECONDS, HOP_SECONDS, LAG_SECONDS = 0.093, 0.023, 0.003
LOWEST_HZ, HIGHEST_HZ = 150.0, 5000.0
# Power of a partial relative to the mean of 41 bins around, and to the loudest in its frame: 40 dB below.
PROMINENCE, SMOOTHING_BINS, RANGE = 4.0, 41, 1e-4
# A partial moves by no more than this share from frame to frame, and is followed for this many frames at least.
LARGEST_STEP, SHORTEST_TRACK = 0.012, 8
# More than the logarithm of any frequency in Hz.
FRAME_APART = 20.0
# Passes of the least squares; after each of the marked ones, outliers count less.
PASSES, REWEIGHTED = 40, (8, 16, 24, 32)
# Rates of wow and flutter in Hz, by bands, and the centre at which each is played back.
BANDS_HZ = ((0.3, 1.0), (1.0, 2.0), (2.0, 4.0), (4.0, 12.0))
CENTRES_HZ = tuple(float(np.sqrt(low * high)) for low, high in BANDS_HZ)
# Bands of wow. A machine that has none there has none at all: what moves faster alone is the players' or an effect's.
SLOW = 2
# Correlation of both halves below which a band shows nothing, and the least depth that counts, as a share.
COMMON, LEAST_DEPTH = 0.35, 0.001
# A partial of so many frames stands still where it follows the others by less than FOLLOWS of their movement, known to
# within FOLLOWS_SD; this share of such is too much, and so few partials tell nothing.
STILL_FRAMES, FOLLOWS, FOLLOWS_SD, MOST_STILL, FEWEST_PARTIALS = 12, 0.3, 0.35, 0.28, 20
# Turns a second of discs, and the share by which players differ; a line stands this many times above the mean power at
# so many Hz to both sides, and is no shallower than this share.
TURNS_HZ, TURNS_TOLERANCE, AROUND_HZ = (78 / 60, 45 / 60, 100 / 180), 0.006, (0.09, 0.3)
LINE_POWER, LEAST_LINE = 7.5, 0.0005
# Players' vibrato lies in the last band: there, no more than this share of the depth below is the medium's.
FLUTTER_SHARE = 0.7
# Share of the frames in which partials must be heard.
LEAST_HEARD = 0.05
# Seconds of the record that are read.
READ_SECONDS = 30.0


@dataclass(frozen=True)
class Speed:
    """How the speed of a record wavers.

    Attributes
    ----------
    depths : ndarray, shape (len(BANDS_HZ),)
        Root-mean-square deviation of the speed in each band, as a share.
    curve : ndarray, shape (frames,)
        The deviation over time.
    frame_rate : float
        Of the curve, in Hz.
    confidence : float
    turns_hz : float
        Turns per second of a disc that wavers with them, which is all that its band shows; 0 where none shows.
    """

    depths: NDArray[np.float64]
    curve: NDArray[np.float64]
    frame_rate: float
    confidence: float
    turns_hz: float = 0.0

    @property
    def depth(self) -> float:
        """Root-mean-square deviation over all bands."""
        return float(np.sqrt(np.square(self.depths).sum()))


def read_speed(pieces: Sequence[Block], sample_rate: int) -> Speed | None:
    """Find wow and flutter.

    Parameters
    ----------
    pieces : sequence of ndarray, shape (channels, n)
        Of the record.
    sample_rate : int
        In Hz.

    Returns
    -------
    Speed or None
        None where too few partials are heard, or do not move together.
    """
    budget = int(READ_SECONDS * sample_rate)
    partials, start, groups = [], 0, 0
    for piece in pieces:
        if budget <= 0 or piece.shape[1] < 2 * sample_rate:
            continue
        found = _partials(piece.mean(axis=0)[:budget], sample_rate)
        budget -= piece.shape[1]
        partials.append((found.frame + start, found.track + groups, found.log_hz))
        start, groups = start + found.frames, groups + found.tracks
    if not partials:
        return None
    frame, track, log_hz = (np.concatenate(column) for column in zip(*partials, strict=True))
    half = np.random.default_rng(0).random(groups) < 0.5
    if half.all() or not half.any():
        return None
    frame_rate = 1 / HOP_SECONDS
    curves, heard = [], np.ones(start, bool)
    for chosen in (half[track], ~half[track]):
        curve, weight = _common(frame[chosen], track[chosen], log_hz[chosen], start)
        curves.append(curve)
        heard &= weight > 1
    if heard.mean() < LEAST_HEARD:
        return None
    depths = np.array([_shared(curves, heard, frame_rate, *band) for band in BANDS_HZ])
    turns_hz, turn_depth = _turns(curves, heard, frame_rate)
    still = [
        _still(frame[chosen], track[chosen], log_hz[chosen], other, heard)
        for chosen, other in ((half[track], curves[1]), (~half[track], curves[0]))
    ]
    if np.concatenate(still).size < FEWEST_PARTIALS or np.concatenate(still).mean() > MOST_STILL:
        depths[:] = 0.0
    depths[-1] = min(depths[-1], FLUTTER_SHARE * np.sqrt(np.square(depths[:-1]).sum()))
    if not depths[:SLOW].any() or np.sqrt(np.square(depths).sum()) < LEAST_DEPTH:
        depths[:] = 0.0
    depths[[low <= turns_hz < high for low, high in BANDS_HZ]] = turn_depth
    if not depths.any():
        return None
    confidence = float(np.clip(2 * heard.mean(), 0.1, 0.9))
    return Speed(depths, (curves[0] + curves[1]) / 2, frame_rate, confidence, turns_hz)


@dataclass(frozen=True)
class _Partials:
    """Points of partials: frame, partial and log frequency of each, and how many frames and partials there are."""

    frame: NDArray[np.intp]
    track: NDArray[np.intp]
    log_hz: NDArray[np.float64]
    frames: int
    tracks: int


def _partials(samples: NDArray[np.float32], sample_rate: int) -> _Partials:
    """Follow the partials of a piece."""
    n_fft = n_fft_for(sample_rate, FRAME_SECONDS)
    hop, lag = round(HOP_SECONDS * sample_rate), round(LAG_SECONDS * sample_rate)
    window = np.hanning(n_fft).astype(np.float32)
    low, high = int(LOWEST_HZ * n_fft / sample_rate), int(min(HIGHEST_HZ, 0.45 * sample_rate) * n_fft / sample_rate)
    now, later = (
        spectrogram(part[None], window, hop)[0, :, low:high] for part in (samples[: len(samples) - lag], samples[lag:])
    )
    strength = power(now)
    peaks = np.zeros(strength.shape, bool)
    middle = strength[:, 2:-2]
    peaks[:, 2:-2] = (middle > strength[:, 1:-3]) & (middle >= strength[:, 3:-1])
    peaks[:, 2:-2] &= (middle > strength[:, :-4]) & (middle > strength[:, 4:])
    peaks &= strength > PROMINENCE * uniform_filter1d(strength, SMOOTHING_BINS, axis=1)
    peaks &= strength > RANGE * strength.max(axis=1, keepdims=True)
    frame, at = np.nonzero(peaks)
    bins = at + low
    turn = np.angle(later[peaks] * now[peaks].conj() * np.exp(-2j * np.pi * bins * lag / n_fft))
    hertz = np.maximum((bins / n_fft + turn / (2 * np.pi * lag)) * sample_rate, 1.0)
    return _linked(frame, np.log(hertz), strength[peaks], len(peaks))


def _linked(
    frame: NDArray[np.intp], log_hz: NDArray[np.float64], powers: NDArray[np.float32], frames: int
) -> _Partials:
    """Join peaks, shape (n,), of neighbouring frames that lie close together."""
    # ascending by frame, then by pitch: two frames lie farther apart than any two pitches
    key = frame * FRAME_APART + log_hz
    order = key.argsort()
    # the same pitch one frame before, and the peaks to both sides of it, shape (2, n)
    before = key - FRAME_APART
    above = np.searchsorted(key, before, sorter=order)
    sides = order[np.clip([above - 1, above], 0, len(key) - 1)]
    distances = np.abs(key[sides] - before)
    nearest = np.where(distances[0] <= distances[1], *sides)
    # an attack begins a new note
    same = (distances.min(axis=0) < LARGEST_STEP) & (powers < 4 * powers[nearest])
    first = np.where(same, nearest, np.arange(len(key)))
    # from each peak to the first of its partial, in steps that double
    while (first != first[first]).any():
        first = first[first]
    long = np.bincount(first, minlength=1)[first] >= SHORTEST_TRACK
    _, track = np.unique(first[long], return_inverse=True)
    return _Partials(frame[long], track, log_hz[long], frames, int(track.max(initial=-1)) + 1)


def _common(
    frame: NDArray[np.intp], track: NDArray[np.intp], log_hz: NDArray[np.float64], frames: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the common movement, shape (frames,), and the weight of the partials behind each frame."""
    # the precision of a partial's log frequency grows with its frequency
    own = np.minimum(np.exp(log_hz) / 1000, 2.0)
    weight = own
    speed: NDArray[np.float64] = np.zeros(frames)
    behind: NDArray[np.float64] = np.zeros(frames)
    for turn in range(PASSES):
        count = np.maximum(np.bincount(track, weight), 1e-9)
        pitch = np.bincount(track, weight * (log_hz - speed[frame])) / count
        rest = log_hz - pitch[track]
        behind = np.bincount(frame, weight, frames).astype(np.float64)
        speed = np.bincount(frame, weight * rest, frames) / np.maximum(behind, 1e-9)
        if turn in REWEIGHTED:
            error = np.abs(rest - speed[frame])
            weight = own / (1 + np.square(error / (1.5 * np.median(error) + 1e-9)))
    return speed, behind


def _shared(
    curves: Sequence[NDArray[np.float64]], heard: NDArray[np.bool_], frame_rate: float, low_hz: float, high_hz: float
) -> float:
    """Return the deviation that two estimates of the speed share in a band."""
    band = butter(2, [low_hz, high_hz], "bandpass", fs=frame_rate, output="sos")
    if len(heard) < 60:
        return 0.0
    first, second = (sosfiltfilt(band, curve)[heard] for curve in curves)
    common = float(np.mean(first * second))
    correlation = common / np.sqrt(float(np.mean(first**2) * np.mean(second**2)) + 1e-20)
    return float(np.sqrt(common)) if correlation > COMMON else 0.0


def _still(
    frame: NDArray[np.intp],
    track: NDArray[np.intp],
    log_hz: NDArray[np.float64],
    speed: NDArray[np.float64],
    heard: NDArray[np.bool_],
) -> NDArray[np.bool_]:
    """Return for each long partial whether it stands still while the speed, shape (frames,), moves."""
    known = heard[frame]
    frame, track, log_hz = frame[known], track[known], log_hz[known]
    count = np.bincount(track)
    points = np.maximum(count, 1)
    moved, own = speed[frame], log_hz
    moved = moved - (np.bincount(track, moved) / points)[track]
    own = own - (np.bincount(track, own) / points)[track]
    power = np.maximum(np.bincount(track, moved**2), 1e-12)
    slope = np.bincount(track, moved * own) / power
    rest = np.maximum(np.bincount(track, own**2) - slope**2 * power, 1e-14)
    deviation = np.sqrt(rest / np.maximum(count - 2, 1) / power)
    return np.asarray(slope[(count >= STILL_FRAMES) & (deviation < FOLLOWS_SD)] < FOLLOWS)


def _turns(curves: Sequence[NDArray[np.float64]], heard: NDArray[np.bool_], frame_rate: float) -> tuple[float, float]:
    """Return the turns per second of a disc that wavers with them, and its deviation; zeros where none shows."""
    if len(heard) < 60:
        return 0.0, 0.0
    band = butter(2, [BANDS_HZ[0][0], BANDS_HZ[SLOW][1]], "bandpass", fs=frame_rate, output="sos")
    moved = np.stack([sosfiltfilt(band, curve)[heard] for curve in curves])
    times = np.flatnonzero(heard) / frame_rate
    found, strongest = (0.0, 0.0), LINE_POWER
    for turns_hz in TURNS_HZ:
        rates = turns_hz * (1 + np.linspace(-TURNS_TOLERANCE, TURNS_TOLERANCE, 13))
        aside = np.linspace(*AROUND_HZ, 15)
        hertz = np.concatenate([rates, turns_hz - aside, turns_hz + aside])
        # (2, rates): the complex amplitude of a sine at each rate, by both halves of the partials
        first, second = 2 * moved @ np.exp(-2j * np.pi * np.outer(times, hertz)) / len(times)
        line = (first * second.conj()).real[: len(rates)]
        around = float(np.square((np.abs(first) + np.abs(second)) / 2)[len(rates) :].mean())
        best = int(line.argmax())
        depth = float(np.sqrt(max(line[best] - around / 2, 0.0) / 2))
        if line[best] > strongest * around and depth > LEAST_LINE:
            found, strongest = (float(rates[best]), depth), float(line[best] / around)
    return found
