"""The second ear: a network that tells 527 classes of sound, from ten seconds at a time, where it was downloaded.

EfficientAT's mn04_as (Schmid, Koutini and Widmer, "Efficient Large-Scale Audio Tagging via Transformer-to-CNN Knowledge
Distillation", ICASSP 2023; MIT licence): a MobileNetV3 of 0.99 million weights, trained on AudioSet. Its weights do not
come with retrotone: ``retrotone models download audioset`` fetches them from its authors.

It runs on NumPy alone. The authors' file holds a Python pickle, which could run anything; it is therefore only opened
if it is, bit for bit, the file in the registry, and by a reader that knows arrays and nothing else.
"""

from __future__ import annotations

import pickle
import zipfile
from collections import OrderedDict
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from retrotone.audio.audio import Audio
from retrotone.audio.listening import mono_blocks
from retrotone.audio.resampling import resampled
from retrotone.errors import ModelError
from retrotone.utils import pretrained
from retrotone.utils.threads import one_thread

NAME = "audioset"
CLASSES = 527
# as AudioSet counts; music begins 146 classes of it
SPEECH, MUSIC = 0, 137
# A logit, likelihood 0.6: of GTZAN's clips, 99 % reach 0.66, and 99 % of their aged copies 0.62. Mains hum reaches
# 0.57, other noises 0.17; speech reaches 0.74, but is then likelier speech.
LEAST_MUSIC = 0.4
SAMPLE_RATE, N_FFT, WINDOW, HOP_LENGTH, N_MELS = 32_000, 1024, 800, 320, 128
# Hz: of the mel bands, as the authors evaluate it
LOWEST_HZ, HIGHEST_HZ = 0.0, 15_000.0
PREEMPHASIS = 0.97
# its input is (ln(S + OFFSET) + SHIFT) / SCALE, S the mel spectrogram
OFFSET, SHIFT, SCALE = 1e-5, 4.5, 5.0
BATCH_NORM_EPSILON = 1e-3
# Everything passes through this rate first: the classifier's examples (GTZAN) hold nothing above 11 kHz.
BAND_RATE = 22_050
# The middle ten seconds serve as well as all thirty of an excerpt: in cross-validation with artists apart, the genres
# of 315 tracks were right in 82.6 % of cases by either.
CROPS, CROP_SECONDS = 4, 2.5
# Blocks of the network: stride, and whether its activations are hard swishes (else they are rectified).
STRIDES = (1, 2, 1, 2, 1, 1, 2, 1, 1, 1, 1, 1, 2, 1, 1)
FIRST_SWISH = 6

MUSIC_LABELS = (
    "Music", "Musical instrument", "Plucked string instrument", "Guitar", "Electric guitar", "Bass guitar",
    "Acoustic guitar", "Steel guitar, slide guitar", "Tapping (guitar technique)", "Strum", "Banjo", "Sitar",
    "Mandolin", "Zither", "Ukulele", "Keyboard (musical)", "Piano", "Electric piano", "Organ", "Electronic organ",
    "Hammond organ", "Synthesizer", "Sampler", "Harpsichord", "Percussion", "Drum kit", "Drum machine", "Drum",
    "Snare drum", "Rimshot", "Drum roll", "Bass drum", "Timpani", "Tabla", "Cymbal", "Hi-hat", "Wood block",
    "Tambourine", "Rattle (instrument)", "Maraca", "Gong", "Tubular bells", "Mallet percussion", "Marimba, xylophone",
    "Glockenspiel", "Vibraphone", "Steelpan", "Orchestra", "Brass instrument", "French horn", "Trumpet", "Trombone",
    "Bowed string instrument", "String section", "Violin, fiddle", "Pizzicato", "Cello", "Double bass",
    "Wind instrument, woodwind instrument", "Flute", "Saxophone", "Clarinet", "Harp", "Bell", "Church bell",
    "Jingle bell", "Bicycle bell", "Tuning fork", "Chime", "Wind chime", "Change ringing (campanology)", "Harmonica",
    "Accordion", "Bagpipes", "Didgeridoo", "Shofar", "Theremin", "Singing bowl", "Scratching (performance technique)",
    "Pop music", "Hip hop music", "Beatboxing", "Rock music", "Heavy metal", "Punk rock", "Grunge", "Progressive rock",
    "Rock and roll", "Psychedelic rock", "Rhythm and blues", "Soul music", "Reggae", "Country", "Swing music",
    "Bluegrass", "Funk", "Folk music", "Middle Eastern music", "Jazz", "Disco", "Classical music", "Opera",
    "Electronic music", "House music", "Techno", "Dubstep", "Drum and bass", "Electronica", "Electronic dance music",
    "Ambient music", "Trance music", "Music of Latin America", "Salsa music", "Flamenco", "Blues", "Music for children",
    "New-age music", "Vocal music", "A capella", "Music of Africa", "Afrobeat", "Christian music", "Gospel music",
    "Music of Asia", "Carnatic music", "Music of Bollywood", "Ska", "Traditional music", "Independent music", "Song",
    "Background music", "Theme music", "Jingle (music)", "Soundtrack music", "Lullaby", "Video game music",
    "Christmas music", "Dance music", "Wedding music", "Happy music", "Funny music", "Sad music", "Tender music",
    "Exciting music", "Angry music", "Scary music",
)  # fmt: skip
"""The names of the classes that are music, from `MUSIC` on, in AudioSet's words."""
# what is told of a recording: voices, music, and all instruments
TOLD = {0: "speech", 27: "singing", 28: "choir", 32: "male singing", 33: "female singing", 36: "rapping"} | {
    MUSIC + index: label.lower() for index, label in enumerate(MUSIC_LABELS[:79])
}
# a synthesizer or a sampler may sound like anything
INSTRUMENTS = [number for number, name in TOLD.items() if number > MUSIC + 1 and name not in ("synthesizer", "sampler")]

Array = NDArray[np.float32]


def path() -> Path | None:
    """Return the file of the network's weights; None where it was not downloaded."""
    file = pretrained.model_path(pretrained.registry()[NAME])
    return file if file.is_file() else None


def listen(recording: Audio) -> Array:
    """Return the network's logits for four crops from the middle of a recording, shape (crops, 527).

    Parameters
    ----------
    recording : Audio
        What is heard of it (`retrotone.audio.listening`) is analysed. One under ten seconds has fewer crops.

    Raises
    ------
    ModelError
        The network was not downloaded, or its file has changed.
    """
    file = path()
    if file is None:
        raise ModelError(f"the second ear is not here: run retrotone models download {NAME}")
    network, middle, reach = _network(file), recording.duration / 2, CROPS * CROP_SECONDS / 2
    heard = (block[None] for block in mono_blocks(recording.slice(max(middle - reach, 0), middle + reach), BAND_RATE))
    samples = np.concatenate(list(resampled(heard, 1, BAND_RATE, SAMPLE_RATE)), axis=1)[0]
    size = int(CROP_SECONDS * SAMPLE_RATE)
    count = min(max(round(len(samples) / size), 1), CROPS)
    with one_thread():
        return np.stack([network(log_mel(samples[k * size : (k + 1) * size])) for k in range(count)])


def sounds(logits: NDArray[np.floating]) -> dict[str, float]:
    """Return how likely speech, voices, music and instruments are heard somewhere in a recording, the likeliest first.

    Parameters
    ----------
    logits : ndarray, shape (crops, 527)
        From `listen`.
    """
    from scipy.special import expit

    likely = expit(logits.max(axis=0).astype(float))
    found = {name: float(likely[number]) for number, name in TOLD.items()}
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def is_music(logits: NDArray[np.floating]) -> bool:
    """Tell whether logits from `listen` are of music: likely so in some crop, and likelier than speech."""
    most = logits.max(axis=0)
    return bool(most[MUSIC] > LEAST_MUSIC and most[MUSIC] > most[SPEECH])


def has_clear_instrument(logits: NDArray[np.floating]) -> bool:
    """Tell whether an acoustic or electric instrument is likely throughout, in logits from `listen`."""
    return bool(logits.astype(float).mean(axis=0)[INSTRUMENTS].max() > 0)


def log_mel(samples: Array) -> Array:
    """Return the network's input of samples at 32 kHz, shape (128, frames)."""
    from scipy.fft import rfft

    sharper = samples[1:] - np.float32(PREEMPHASIS) * samples[:-1]
    padded = np.pad(sharper, N_FFT // 2, mode="reflect")
    taper = np.pad(np.hanning(WINDOW), (N_FFT - WINDOW) // 2).astype(np.float32)
    frames = sliding_window_view(padded, N_FFT)[::HOP_LENGTH] * taper
    power = np.square(np.abs(rfft(frames)))
    result: Array = (np.log(_mel_bands() @ power.T + np.float32(OFFSET)) + np.float32(SHIFT)) / np.float32(SCALE)
    return result


class Network:
    """The network.

    Parameters
    ----------
    state : mapping of str to ndarray
        The authors' weights by their names.
    """

    def __init__(self, state: dict[str, Array]) -> None:
        self._first = _folded(state, "features.0")
        self._blocks = [_Block(state, number) for number in range(len(STRIDES))]
        self._last = _folded(state, f"features.{len(STRIDES) + 1}")
        self._dense = state["classifier.2.weight"], state["classifier.2.bias"]
        self._output = state["classifier.5.weight"], state["classifier.5.bias"]

    def __call__(self, spectrogram: Array) -> Array:
        """Return the logits, shape (527,), of a spectrogram from `log_mel`."""
        weights, bias = self._first
        # x: (bands, frames, channels) from here on
        x = _swish(_depthwise(spectrogram[:, :, None], weights, 2) + bias)
        for block in self._blocks:
            x = block(x)
        weights, bias = self._last
        pooled = _swish(x @ weights + bias).mean(axis=(0, 1))
        hidden = _swish(self._dense[0] @ pooled + self._dense[1])
        logits: Array = self._output[0] @ hidden + self._output[1]
        return logits


class _Block:
    """An inverted residual (Sandler et al. 2018): widen, filter each channel, weigh the channels, narrow."""

    def __init__(self, state: dict[str, Array], number: int) -> None:
        root = f"features.{number + 1}.block"
        self._stride, self._activate = STRIDES[number], _swish if number >= FIRST_SWISH else _rectified
        layers = sorted({int(name.split(".")[3]) for name in state if name.startswith(f"{root}.")})
        weighs = f"{root}.{layers[-2]}.conc_se_layers.0"
        self._squeeze = (
            [state[f"{weighs}.{part}"] for part in ("fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias")]
            if f"{weighs}.fc1.weight" in state
            else None
        )
        plain = [_folded(state, f"{root}.{layer}") for layer in layers if f"{root}.{layer}.0.weight" in state]
        self._narrow, self._filter = plain[-1], plain[-2]
        self._widen = plain[0] if len(plain) == 3 else None

    def __call__(self, x: Array) -> Array:
        y = x
        if self._widen:
            y = self._activate(y @ self._widen[0] + self._widen[1])
        y = self._activate(_depthwise(y, self._filter[0], self._stride) + self._filter[1])
        if self._squeeze:
            weights, bias, back, back_bias = self._squeeze
            squeezed = _rectified(weights @ y.mean(axis=(0, 1)) + bias)
            y = y * (1 / (1 + np.exp(-(back @ squeezed + back_bias))))
        y = y @ self._narrow[0] + self._narrow[1]
        return y + x if self._stride == 1 and x.shape == y.shape else y


def read_weights(file: Path) -> dict[str, Array]:
    """Return the arrays in a file of PyTorch weights; nothing in it is executed.

    Raises
    ------
    ModelError
        It holds anything but arrays of 32-bit numbers, or is damaged.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            [index] = [name for name in archive.namelist() if name.endswith("/data.pkl")]
            with archive.open(index) as stored:
                state: dict[str, Array] = _Arrays(stored, archive, index.removesuffix("data.pkl")).load()
        return state
    # a damaged pickle raises anything
    except Exception as error:
        raise ModelError(f"{file} is damaged or holds no plain weights: delete it and download it again") from error


class _Arrays(pickle.Unpickler):
    """Reads arrays and dictionaries of them, and refuses everything else."""

    def __init__(self, stored: Any, archive: zipfile.ZipFile, root: str) -> None:
        super().__init__(stored)
        self._archive, self._root = archive, root

    def find_class(self, module: str, name: str) -> Any:
        known = {
            ("collections", "OrderedDict"): OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2"): _tensor,
            ("torch", "FloatStorage"): np.dtype("<f4"),
            # the number of batches that a normalisation has seen
            ("torch", "LongStorage"): np.dtype("<i8"),
        }
        if (module, name) not in known:
            raise pickle.UnpicklingError(f"{module}.{name} is no array")
        return known[module, name]

    def persistent_load(self, pid: Any) -> NDArray[Any]:
        _, dtype, key, *_ = pid
        return np.frombuffer(self._archive.read(f"{self._root}data/{key}"), dtype)


def _tensor(storage: NDArray[Any], offset: int, shape: tuple[int, ...], stride: tuple[int, ...], *_: Any) -> Any:
    size = storage.itemsize
    rows = np.lib.stride_tricks.as_strided(storage[offset:], shape, [step * size for step in stride])
    return rows.copy()


@cache
def _network(file: Path) -> Network:
    pretrained.check(file)
    return Network(read_weights(file))


@cache
def _mel_bands() -> Array:
    """Return Kaldi's mel bands, shape (128, 513): triangles on the mel scale 1127 ln(1 + f / 700)."""

    def mel(hz: Any) -> Any:
        return 1127 * np.log1p(np.asarray(hz) / 700)

    edges = np.linspace(mel(LOWEST_HZ), mel(HIGHEST_HZ), N_MELS + 2)[:, None]
    # Kaldi leaves the bin at half the sample rate out
    bins = mel(np.arange(N_FFT // 2) * SAMPLE_RATE / N_FFT)
    rising, falling = (bins - edges[:-2]) / np.diff(edges, axis=0)[:-1], (edges[2:] - bins) / np.diff(edges, axis=0)[1:]
    return np.pad(np.maximum(np.minimum(rising, falling), 0), ((0, 0), (0, 1))).astype(np.float32)


def _folded(state: dict[str, Array], layer: str) -> tuple[Array, Array]:
    """Return a convolution with its batch normalisation folded in, and its bias, shape (filters,).

    The weights have shape (channels, filters) if they look at one point, else (height, width, filters): such filters
    see one channel each.
    """
    weights = state[f"{layer}.0.weight"]
    mean, variance, gain, shift = (
        state[f"{layer}.1.{part}"] for part in ("running_mean", "running_var", "weight", "bias")
    )
    gain = gain / np.sqrt(variance + np.float32(BATCH_NORM_EPSILON))
    weights = weights * gain[:, None, None, None]
    bias = shift - mean * gain
    return weights[:, :, 0, 0].T.copy() if weights.shape[2] == 1 else weights[:, 0].transpose(1, 2, 0).copy(), bias


def _depthwise(x: Array, weights: Array, stride: int) -> Array:
    """Filter each channel of (bands, frames, channels) by itself; a single channel by all filters."""
    height, width, filters = weights.shape
    bands, frames, _ = x.shape
    padded = np.pad(x, ((height // 2, height // 2), (width // 2, width // 2), (0, 0)))
    rows, columns = -(-bands // stride), -(-frames // stride)
    result = np.zeros((rows, columns, filters), np.float32)
    for i in range(height):
        for j in range(width):
            result += padded[i : i + bands : stride, j : j + frames : stride] * weights[i, j]
    return result


def _rectified(x: Array) -> Array:
    return np.maximum(x, 0)


def _swish(x: Array) -> Array:
    """Hard swish (Howard et al. 2019)."""
    result: Array = x * (np.clip(x + 3, 0, 6) / np.float32(6))
    return result
