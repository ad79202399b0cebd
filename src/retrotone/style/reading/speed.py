"""Wow and flutter of a record: the movement that all its partials share.

Partials are followed from frame to frame by their instantaneous frequency (the phase vocoder's: Flanagan and Golden,
1966). The logarithm of each is the note's own pitch plus the speed. The movement that they share is fitted in the
frequency domain, by the lower half of the partials and by the upper: what both halves have in common is the medium.

Singers and strings glide, too, but what accompanies them does not: a medium moves every partial, so the steadiest
partials count most, and those of each half follow the movement of the other. Notes glide slowly; transports also
flutter. A disc wavers once a turn, and for minutes in the same phase: a line in the spectrum of the speed, far above
what is around it, which no player makes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

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
# Rates of wow and flutter in Hz, by bands, and the centre at which each is played back.
BANDS_HZ = ((0.3, 1.0), (1.0, 2.0), (2.0, 4.0), (4.0, 12.0))
CENTRES_HZ = tuple(float(np.sqrt(low * high)) for low, high in BANDS_HZ)
# A partial counts by 1 / (its variance + the square of one of these), both as shares of its frequency. By the first,
# the steadiest partials decide whether there is any movement; the second measures it.
DECIDING_SD, MEASURING_SD = 0.0005, 0.001
# A record of which fewer partials count shows no speed.
FEWEST_PARTIALS = 40
# The log odds that a record wavers are ODDS times 1, the logarithm of its flutter in thousandths (with FLUTTER_ADDED
# to it), and the correlation of partials with the movement of the other half. Fitted to 72 pieces of music from games,
# aged by machines that waver but do not turn, 59 aged by steady ones, and 183 untouched ones.
ODDS, FLUTTER_ADDED = (0.3, 1.8, 7.4), 0.05
# A record wavers if they exceed the first, as 3 % of the untouched ones do; or the second, if it is noisy and so from a
# machine that is likely to waver: of those that do 72 % are found, and 2 of the 59 steady ones.
LEAST_ODDS, LEAST_ODDS_NOISY = 1.1, 0.4
# Frames over which that movement is smoothed, and the shortest partials that are compared with it.
SMOOTHED_FRAMES, SHORTEST_COMPARED = 9, 20
# So many partials make it certain.
CERTAIN_PARTIALS = 250
# Turns a second of discs, and the share by which players differ; a line stands this many times above the mean power at
# so many Hz to both sides, and is no shallower than this share. Of 69 records that do not turn, none came above 2.8.
TURNS_HZ, TURNS_TOLERANCE, AROUND_HZ = (78 / 60, 45 / 60, 100 / 180), 0.006, (0.09, 0.3)
LINE_POWER, LEAST_LINE = 4.0, 0.0005
# Passes of the least squares for the curve.
PASSES = 20
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
        return _total(self.depths)


def read_speed(pieces: Sequence[Block], sample_rate: int, noisy: bool = False) -> Speed | None:
    """Find wow and flutter.

    Parameters
    ----------
    pieces : sequence of ndarray, shape (channels, n)
        Of the record.
    sample_rate : int
        In Hz.
    noisy : bool
        Whether the record has a medium's noise: then less is asked of its wow.

    Returns
    -------
    Speed or None
        None where too few partials are heard, or do not move together.
    """
    budget = int(READ_SECONDS * sample_rate)
    found, frames, count = [], 0, 0
    for piece in pieces:
        if budget <= 0 or piece.shape[1] < 2 * sample_rate:
            continue
        partials = _partials(piece.mean(axis=0)[:budget], sample_rate)
        budget -= piece.shape[1]
        found.append((partials.frame + frames, partials.track + count, partials.log_hz))
        frames, count = frames + partials.frames, count + partials.tracks
    if count < 2:
        return None
    frame, track, log_hz = (np.concatenate(column) for column in zip(*found, strict=True))
    partials = _Partials(frame, track, log_hz, frames, count)
    weights = partials.weights(DECIDING_SD)
    effective = _effective(partials, weights)
    if effective < FEWEST_PARTIALS:
        return None
    turns_hz, line = _turns(partials)
    rest = partials if line == 0 else partials.without(_sine(partials, line, turns_hz))
    depths = _depths(rest, LEAST_ODDS_NOISY if noisy else LEAST_ODDS)
    depths[[low <= turns_hz < high for low, high in BANDS_HZ]] = abs(line) / 2**0.5
    if not depths.any():
        return None
    confidence = float(np.clip(effective / CERTAIN_PARTIALS, 0.1, 0.9))
    return Speed(depths, _curve(partials, weights), 1 / HOP_SECONDS, confidence, turns_hz)


@dataclass(frozen=True)
class _Partials:
    """Points of partials: frame, partial and log frequency of each, and how many frames and partials there are."""

    frame: NDArray[np.intp]
    track: NDArray[np.intp]
    log_hz: NDArray[np.float64]
    frames: int
    tracks: int

    @cached_property
    def points(self) -> NDArray[np.intp]:
        """Of each partial."""
        return np.bincount(self.track, minlength=self.tracks)

    @cached_property
    def pitch(self) -> NDArray[np.float64]:
        """Mean log frequency of each partial."""
        return self._mean(self.log_hz)

    @cached_property
    def moved(self) -> NDArray[np.float64]:
        """By how much each point differs from its partial's pitch."""
        return self.log_hz - self.pitch[self.track]

    def weights(self, sd: float, without: NDArray[np.float64] | float = 0.0) -> NDArray[np.float64]:
        """Return how much each partial counts, given its movement without that of a speed at each point."""
        rest = self.moved - without
        rest = rest - self._mean(rest)[self.track]
        return 1 / (self._mean(np.square(rest)) + sd**2)

    def without(self, speed: NDArray[np.float64]) -> _Partials:
        """Return the partials less a speed at each point."""
        return replace(self, log_hz=self.log_hz - speed)

    def _mean(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(np.bincount(self.track, values, self.tracks) / self.points)


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


def _spectra(
    partials: _Partials, weights: NDArray[np.float64], hertz: NDArray[np.float64]
) -> tuple[NDArray[np.complex128], NDArray[np.complex128]]:
    """Return the complex amplitudes of the common speed at some rates, by the lower and the upper half of the partials.

    Each is a least-squares fit of one sine to all partials, of which every one has a pitch of its own.
    """
    information, upper = weights * partials.points, _upper(partials, weights)
    waves = np.exp(-2j * np.pi * np.outer(np.arange(partials.frames) * HOP_SECONDS, hertz))
    # what is left of a sine once its mean over a partial is taken away (that mean: Dirichlet's kernel)
    step = np.pi * HOP_SECONDS * hertz
    mean = np.sin(np.outer(partials.points, step)) / np.outer(partials.points, np.sin(step))
    left = information[:, None] * (1 - np.square(mean))
    halves = []
    for half in (~upper, upper):
        moved = (weights * half)[partials.track] * partials.moved
        total = np.bincount(partials.frame, moved, partials.frames)
        halves.append(2 * (total @ waves) / np.maximum(left[half].sum(axis=0), 1e-9))
    return halves[0], halves[1]


def _upper(partials: _Partials, weights: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which partials are in the upper half, which tells as much of the speed as the lower, shape (tracks,)."""
    information, order = weights * partials.points, partials.pitch.argsort()
    upper = np.empty(partials.tracks, bool)
    upper[order] = np.cumsum(information[order]) > information.sum() / 2
    return upper


def _turns(partials: _Partials) -> tuple[float, complex]:
    """Return the turns per second of a disc that wavers with them, and its amplitude; zeros where none shows."""
    weights, strongest, turns_hz = partials.weights(MEASURING_SD), LINE_POWER, 0.0
    for usual_hz in TURNS_HZ:
        rates = usual_hz * (1 + np.linspace(-TURNS_TOLERANCE, TURNS_TOLERANCE, 13))
        aside = np.linspace(*AROUND_HZ, 15)
        lower, upper = _spectra(partials, weights, np.concatenate([rates, usual_hz - aside, usual_hz + aside]))
        line = (lower * upper.conj()).real[: len(rates)]
        around = float((np.square(np.abs(lower)) + np.square(np.abs(upper)))[len(rates) :].mean() / 2)
        if line.max() > strongest * around:
            strongest, turns_hz = float(line.max() / around), float(rates[line.argmax()])
    if turns_hz == 0:
        return 0.0, 0j
    amplitude = _amplitude(partials, weights, turns_hz)
    # the partials that move least have the most weight: they are weighed once more without the movement that is known
    known = _sine(partials, amplitude, turns_hz)
    amplitude = _amplitude(partials, partials.weights(MEASURING_SD, known), turns_hz)
    return (turns_hz, amplitude) if abs(amplitude) > LEAST_LINE * 2**0.5 else (0.0, 0j)


def _amplitude(partials: _Partials, weights: NDArray[np.float64], hertz: float) -> complex:
    """Return the complex amplitude of the common speed at one rate."""
    lower, upper = _spectra(partials, weights, np.array([hertz]))
    return complex(lower[0] + upper[0]) / 2


def _sine(partials: _Partials, amplitude: complex, hertz: float) -> NDArray[np.float64]:
    """Return a sine at each point of the partials."""
    return np.asarray((amplitude * np.exp(2j * np.pi * hertz * HOP_SECONDS * partials.frame)).real)


def _depths(partials: _Partials, least_odds: float) -> NDArray[np.float64]:
    """Return the deviation of the speed in each band, shape (len(BANDS_HZ),); zeros where it is not likely enough."""
    flutter = _shared(partials, partials.weights(DECIDING_SD), *BANDS_HZ[-1])
    log_odds = np.dot(ODDS, (1, np.log(1000 * flutter + FLUTTER_ADDED), _correlation(partials)))
    if log_odds < least_odds:
        return np.zeros(len(BANDS_HZ))
    weights = partials.weights(MEASURING_SD)
    return np.array([_shared(partials, weights, *band) for band in BANDS_HZ])


def _correlation(partials: _Partials) -> float:
    """Return the mean correlation of each partial, by its length, with the movement of the other half."""
    compared = partials.points >= SHORTEST_COMPARED
    if not compared.any():
        return 0.0
    weights = partials.weights(DECIDING_SD)
    upper = _upper(partials, weights)
    curves = [uniform_filter1d(_curve(partials, weights * half), SMOOTHED_FRAMES) for half in (~upper, upper)]
    others = replace(partials, log_hz=np.where(upper[partials.track], *(curve[partials.frame] for curve in curves)))
    common, own, other = (
        np.bincount(partials.track, product, partials.tracks)
        for product in (partials.moved * others.moved, np.square(partials.moved), np.square(others.moved))
    )
    correlation = common / np.sqrt(np.maximum(own * other, 1e-30))
    return float(np.average(correlation[compared], weights=partials.points[compared]))


def _shared(partials: _Partials, weights: NDArray[np.float64], low_hz: float, high_hz: float) -> float:
    """Return the deviation of the speed that both halves share in a band."""
    seconds = partials.frames * HOP_SECONDS
    hertz = np.arange(low_hz, high_hz, 1 / seconds)
    lower, upper = _spectra(partials, weights, hertz)
    # a frame holds the mean speed under its window, which is lower the faster it wavers (a Hann window's spectrum)
    cycles = FRAME_SECONDS * hertz
    heard = np.sinc(cycles) / (1 - np.square(cycles))
    common = float(((lower * upper.conj()).real / np.square(heard)).mean())
    return float(np.sqrt(max(common, 0.0) * seconds / 2 * (high_hz - low_hz)))


def _effective(partials: _Partials, weights: NDArray[np.float64]) -> float:
    """Return how many partials count, those of small weight less than others."""
    information = weights * partials.points
    return float(np.square(information.sum()) / np.square(information).sum())


def _total(depths: NDArray[np.float64]) -> float:
    """Return the deviation over several bands."""
    return float(np.sqrt(np.square(depths).sum()))


def _curve(partials: _Partials, weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the common movement, shape (frames,): least squares over all partials, each with a pitch of its own."""
    weight = weights[partials.track]
    behind = np.maximum(np.bincount(partials.frame, weight, partials.frames), 1e-9)
    speed: NDArray[np.float64] = np.zeros(partials.frames)
    for _ in range(PASSES):
        moved = partials.without(speed[partials.frame]).moved + speed[partials.frame]
        speed = np.bincount(partials.frame, weight * moved, partials.frames) / behind
    return speed
