"""Genre networks to train from scratch: the study's M5 on the waveform, a recurrent and a transformer one on log-mel.

All are small, take mono waveforms at their own rate and give one logit a genre. `GenreNetwork` is one of them trained,
once or with several seeds, with the names of its genres.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from torch import Tensor, nn

from retrotone.audio.audio import Audio
from retrotone.audio.files import AudioFile
from retrotone.dsp.filterbanks import mel
from retrotone.errors import AudioError, GenreError, ModelError
from retrotone.features.analysis import check_length, is_silence
from retrotone.genre.base import FACTS, LEAST_CONFIDENCE, UNCLEAR, WEIGHTS, Answer, Recording, tracks_of
from retrotone.genre.calibration import temperature
from retrotone.genre.clips import mono
from retrotone.genre.discriminant import LEAST, normalised
from retrotone.progress import Progress, silent
from retrotone.utils.files import make_folder, write_whole
from retrotone.utils.threads import one_thread

# Of the log-mel networks.
SAMPLE_RATE, N_FFT, HOP_LENGTH, N_MELS = 16_000, 512, 256, 64
# log10(1 + 10,000 S), as in musicnn.
COMPRESSION = 10_000
# That the transformer takes as one token: 64 ms.
PATCH_FRAMES = 4
LAYERS, HEADS = 2, 4
DROPOUT = 0.2
# Segments.
BATCH = 32


class Network(nn.Module):
    """What the genre networks have in common.

    Parameters
    ----------
    genres : int
        How many.
    width : int
        Channels of the first layer.

    Attributes
    ----------
    sample_rate : int
        In Hz, of the waveforms it takes.
    usual_width : int
    """

    sample_rate: int
    usual_width: int

    def features(self, waves: Tensor) -> Tensor:
        """Turn waveforms, shape (batch, samples), into what `classify` takes."""
        raise NotImplementedError

    def classify(self, features: Tensor) -> Tensor:
        """Return logits, shape (batch, genres)."""
        raise NotImplementedError

    def forward(self, waves: Tensor) -> Tensor:
        """Return the logits of waveforms, shape (batch, samples)."""
        return self.classify(self.features(waves))


class M5(Network):
    """Five layers on the raw waveform at 8 kHz (Dai et al. 2017), in the torchaudio tutorial's form.

    The tutorial's first filters move by 16 samples and number 32; in the paper, by 4, and 128.
    """

    sample_rate, usual_width = 8_000, 32

    def __init__(self, genres: int, width: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for index, (before, after) in enumerate(pairwise((1, width, width, 2 * width, 2 * width))):
            convolution = nn.Conv1d(before, after, 3) if index else nn.Conv1d(before, after, 80, stride=16)
            layers += [convolution, nn.BatchNorm1d(after), nn.ReLU(), nn.MaxPool1d(4)]
        self.layers = nn.Sequential(*layers)
        self.output = nn.Linear(2 * width, genres)

    def features(self, waves: Tensor) -> Tensor:
        """Return the waveforms themselves, shape (batch, 1, samples)."""
        return waves[:, None]

    def classify(self, features: Tensor) -> Tensor:
        """Return logits, shape (batch, genres), of waveforms, shape (batch, 1, samples)."""
        result: Tensor = self.output(self.layers(features).mean(dim=2))
        return result


class MelNetwork(Network):
    """A network on log-mel frames at 16 kHz, each band normalised by its statistics in training."""

    sample_rate = SAMPLE_RATE
    bands: Tensor
    window: Tensor

    def __init__(self) -> None:
        super().__init__()
        bands = mel(sample_rate=SAMPLE_RATE, n_fft=N_FFT, n_mels=N_MELS)
        self.register_buffer("bands", torch.from_numpy(bands), persistent=False)
        self.register_buffer("window", torch.hann_window(N_FFT), persistent=False)
        self.normalise = nn.BatchNorm1d(N_MELS, affine=False)

    def features(self, waves: Tensor) -> Tensor:
        """Return log-mel frames, shape (batch, 64, frames), with a mean of about 0 and a deviation of about 1."""
        spectrum = torch.stft(waves, N_FFT, HOP_LENGTH, window=self.window, return_complex=True)
        power = self.bands @ spectrum.abs().square()
        result: Tensor = self.normalise(torch.log10(1 + COMPRESSION * power))
        return result


class Crnn(MelNetwork):
    """Convolutions, then a gated recurrent unit over time (after Choi et al. 2017)."""

    usual_width = 16

    def __init__(self, genres: int, width: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = (1, width, 2 * width, 4 * width)
        for (before, after), bands in zip(pairwise(channels), (2, 4, 4), strict=True):
            convolution = nn.Conv2d(before, after, 3, padding=1, bias=False)
            layers += [convolution, nn.BatchNorm2d(after), nn.ReLU(), nn.MaxPool2d((bands, 2))]
        self.layers = nn.Sequential(*layers)
        # pooling leaves 2 of 64 bands
        self.recurrent = nn.GRU(2 * channels[-1], channels[-1], batch_first=True)
        self.dropout = nn.Dropout(DROPOUT)
        self.output = nn.Linear(channels[-1], genres)

    def classify(self, features: Tensor) -> Tensor:
        """Return logits, shape (batch, genres), of log-mel frames, shape (batch, n_mels, frames)."""
        # (batch, channels, 2, frames / 8)
        maps = self.layers(features[:, None])
        states, _ = self.recurrent(maps.flatten(1, 2).transpose(1, 2))
        result: Tensor = self.output(self.dropout(states.mean(dim=1)))
        return result


class Transformer(MelNetwork):
    """Self-attention over patches of frames (after AST, Gong et al. 2021, but small and along time alone)."""

    usual_width = 64

    def __init__(self, genres: int, width: int) -> None:
        super().__init__()
        self.patches = nn.Conv1d(N_MELS, width, PATCH_FRAMES, stride=PATCH_FRAMES)
        layer = nn.TransformerEncoderLayer(width, HEADS, 2 * width, DROPOUT, batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, LAYERS, nn.LayerNorm(width), enable_nested_tensor=False)
        self.output = nn.Linear(width, genres)

    def classify(self, features: Tensor) -> Tensor:
        """Return logits, shape (batch, genres), of log-mel frames, shape (batch, n_mels, frames)."""
        tokens = self.patches(features).transpose(1, 2)
        result: Tensor = self.output(self.encoder(tokens + _positions(*tokens.shape[1:])).mean(dim=1))
        return result


NETWORKS: dict[str, type[Network]] = {"m5": M5, "crnn": Crnn, "transformer": Transformer}


def build(kind: str, genres: int, width: int | None = None) -> Network:
    """Return an untrained network, its weights drawn from torch's generator.

    Parameters
    ----------
    kind : {"m5", "crnn", "transformer"}
    genres : int
    width : int, optional
        By default the kind's `usual_width`.

    Raises
    ------
    ModelError
        No such kind, or a width that it cannot have.
    """
    if kind not in NETWORKS:
        raise ModelError(f"there is no network {kind}: choose among {', '.join(NETWORKS)}")
    width = NETWORKS[kind].usual_width if width is None else width
    if width < 1 or (kind == "transformer" and width % HEADS):
        fitting = f"a multiple of {HEADS}" if kind == "transformer" else "1 or more"
        raise ModelError(f"{kind} cannot be {width} wide: use {fitting}")
    return NETWORKS[kind](genres, width)


class GenreNetwork:
    """A trained network, or an ensemble that differs by seeds; it has scikit-learn's interface.

    Parameters
    ----------
    kind : str
        See `build`.
    genres : sequence of str
    seconds : float
        Of the segments it was trained on.
    networks : sequence of Network
    width : int or None

    Attributes
    ----------
    classes_ : ndarray of str
        The genres.
    temperature : float
        What the logarithms of a track's probabilities are divided by (`calibrate`); 1 before.
    """

    def __init__(
        self, kind: str, genres: Sequence[str], seconds: float, networks: Sequence[Network], width: int | None = None
    ) -> None:
        self.kind, self.seconds, self.width = kind, seconds, width
        self.classes_ = np.array(genres)
        self.networks = [network.eval() for network in networks]
        self.temperature = 1.0

    def calibrate(self, found: NDArray[np.float64], truth: Sequence[str]) -> NDArray[np.float64]:
        """Choose the temperature from the networks' probabilities of validation tracks.

        Parameters
        ----------
        found : ndarray, shape (tracks, genres)
            The mean over segments and seeds.
        truth : sequence of str, length tracks

        Returns
        -------
        ndarray, shape (tracks, genres)
            Their calibrated probabilities, as `predict_proba` gives them.
        """
        self.temperature = temperature(np.log(found + LEAST), np.searchsorted(self.classes_, truth))
        return self._tempered(found)

    def predict_proba(self, X: Sequence[Recording] | Recording) -> NDArray[np.float64]:
        """Return how likely each genre is, shape (n, genres): the mean over segments and seeds, tempered.

        Parameters
        ----------
        X : sequence of Audio or path, length n
            Any rate and length; a single one counts as a sequence of one. Less than a segment is repeated until it
            fills one; what is left at the end is dropped.

        Raises
        ------
        GenreError
            Something that is no recording. An analysis is none: a network takes audio.
        AudioError
            See `AudioFile`.
        """
        found = [self._by_segment(self._samples(x)).mean(axis=0) for x in tracks_of(X)]
        return self._tempered(np.array(found).reshape(-1, len(self.classes_)))

    def predict(self, X: Sequence[Recording] | Recording) -> NDArray[np.str_]:
        """Return the most probable genre of each track, shape (n,); see `predict_proba`."""
        best: NDArray[np.str_] = self.classes_[self.predict_proba(X).argmax(axis=1)]
        return best

    def answer(self, recording: Recording, progress: Progress = silent) -> Answer:
        """Return genre, confidence and probabilities of a track; its timeline has a row a segment.

        Parameters
        ----------
        recording : Audio or path
        progress : Progress

        Raises
        ------
        GenreError, AudioError
            See `predict_proba`.
        """
        samples = self._samples(recording)
        progress(0.5, "classifying")
        timeline = self._by_segment(samples)
        found = self._tempered(timeline.mean(axis=0))
        best, rate = int(found.argmax()), self.networks[0].sample_rate
        doubt = UNCLEAR if found[best] < LEAST_CONFIDENCE else ""
        return Answer(
            genre=str(self.classes_[best]),
            confidence=float(found[best]),
            sure=not doubt,
            doubt=doubt,
            probabilities=dict(zip(self.classes_.tolist(), found.tolist(), strict=True)),
            times=np.arange(len(timeline), dtype=np.float32) * np.float32(self.seconds),
            timeline=timeline,
            duration=len(samples) / rate,
        )

    def save(self, folder: str | os.PathLike[str], **facts: Any) -> Path:
        """Write ``model.safetensors`` and ``model.json``; `facts` are stored in the latter too."""
        path = make_folder(folder)
        weights = {
            f"{seed}.{name}": value.contiguous()
            for seed, network in enumerate(self.networks)
            for name, value in network.state_dict().items()
        }
        needed = {
            "network": self.kind,
            "width": self.width,
            "genres": self.classes_.tolist(),
            "seconds": self.seconds,
            "seeds": len(self.networks),
            "temperature": self.temperature,
        }
        write_whole(path / WEIGHTS, safetensors.torch.save(weights))
        write_whole(path / FACTS, json.dumps(needed | facts, indent=1).encode())
        return path

    def _samples(self, recording: Recording) -> NDArray[np.float32]:
        if not isinstance(recording, Audio | AudioFile | str | os.PathLike):
            raise GenreError(f"a network takes audio: give an Audio or a path, no {type(recording).__name__}")
        rate = self.networks[0].sample_rate
        samples = np.concatenate(list(mono(recording, rate)))
        name = recording.name if isinstance(recording, Audio | AudioFile) else os.fspath(recording)
        check_length(name, len(samples) / rate)
        if is_silence(samples):
            raise AudioError(f"{name} is silent: there is nothing to classify")
        return samples

    def _by_segment(self, samples: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the mean over seeds, shape (segments, genres)."""
        length = round(self.seconds * self.networks[0].sample_rate)
        count = max(len(samples) // length, 1)
        segments = torch.from_numpy(np.resize(samples, count * length).reshape(count, length))
        with one_thread():
            found = [probabilities(network, segments) for network in self.networks]
        result: NDArray[np.float64] = np.mean(found, axis=0, dtype=np.float64)
        return result

    def _tempered(self, found: NDArray[np.float64]) -> NDArray[np.float64]:
        tempered: NDArray[np.float64] = np.exp(normalised(np.log(found + LEAST) / self.temperature))
        return tempered


def load(folder: str | os.PathLike[str]) -> GenreNetwork:
    """Load what `GenreNetwork.save` wrote; nothing in it is executed.

    Raises
    ------
    ModelError
        No such model, or one that is damaged.
    """
    path = Path(folder)
    try:
        facts = json.loads((path / FACTS).read_text("utf-8"))
        weights = safetensors.torch.load((path / WEIGHTS).read_bytes())
        networks = []
        for seed in range(facts["seeds"]):
            network = build(facts["network"], len(facts["genres"]), facts["width"])
            prefix = f"{seed}."
            own = {k.removeprefix(prefix): v for k, v in weights.items() if k.startswith(prefix)}
            network.load_state_dict(own)
            networks.append(network)
        model = GenreNetwork(facts["network"], facts["genres"], float(facts["seconds"]), networks, facts["width"])
        model.temperature = float(facts["temperature"])
        return model
    except FileNotFoundError as error:
        raise ModelError(f"{path} holds no genre network: name a folder that retrotone genre train wrote") from error
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        raise ModelError(f"{path} holds a damaged genre network: train it again") from error


def probabilities(network: Network, segments: Tensor) -> NDArray[np.float32]:
    """Return softmax probabilities of segments, shape (segments, genres), with dropout off."""
    network.eval()
    with torch.no_grad():
        found = [torch.softmax(network(batch), dim=1) for batch in torch.split(segments, BATCH)]
    return torch.cat(found).numpy()


def _positions(count: int, width: int) -> Tensor:
    """Return sines and cosines of the position, shape (count, width) (Vaswani et al. 2017, section 3.5)."""
    rates = torch.exp(torch.arange(0, width, 2) * (-math.log(10_000) / width))
    angles = torch.arange(count)[:, None] * rates
    return torch.stack([angles.sin(), angles.cos()], dim=2).flatten(1)
