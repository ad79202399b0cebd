"""RaveModel: run any RAVE model (Caillon and Esling 2021) on recordings, or without any."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from retrotone.audio.audio import Audio
from retrotone.audio.files import AudioFile
from retrotone.errors import AudioError, MissingExtraError, StyleError
from retrotone.progress import Progress, bar_in_notebooks, part, silent
from retrotone.rave import generation
from retrotone.rave import latent_paths as paths
from retrotone.rave.bank import Bank, encoded
from retrotone.rave.info import RaveInfo
from retrotone.rave.levels import at_loudness, loudness_of, mixed
from retrotone.rave.reconstruction import reconstruct, to_channels
from retrotone.rave.runner import Network, Runner
from retrotone.rave.weights import SUFFIX
from retrotone.types import Block, Latent, Source
from retrotone.utils import pretrained

# as in the study
CLIP_SECONDS = 30.0
# the level of streaming services and podcasts
CLIP_LUFS = -16.0
# from one anchor of a path to the next
ANCHOR_SECONDS = 1.5
# decoded before the clip begins and dropped: the decoder starts from an empty past
WARM_UP_SECONDS = 1.0
# up to this much silence is trimmed from the start without shortening the clip
SPARE_SECONDS = 2.0
# frames at which the oscillators of a clip may begin, so that no two clips share their phases
MOMENTS = 1 << 16


class RaveModel:
    """A RAVE model: encodes audio as a path through a latent space, and decodes such paths.

    Make one with `load` or `from_pretrained`. One model serves any number of recordings, one after the other or at
    once: every call has its own state, and the same seed gives the same samples.

    Examples
    --------
    >>> import retrotone as rt
    >>> model = rt.RaveModel.load("vintage.ts")  # doctest: +SKIP
    >>> model.generate(30, seed=7).save("retro.flac")  # doctest: +SKIP
    """

    def __init__(self, network: Network, info: RaveInfo) -> None:
        self.info = info
        self._runner = Runner(network, info)

    @classmethod
    def load(cls, path: str | os.PathLike[str], sample_rate: int | None = None) -> RaveModel:
        """Load a model from a file.

        Of TorchScript, only archives are opened: their code runs in TorchScript's own interpreter, while a pickle could
        run anything.

        Parameters
        ----------
        path : path-like
            A ``.ts`` file, as RAVE's ``export`` writes it, or the ``.safetensors`` of a model of retrotone.
        sample_rate : int, optional
            In Hz, for an export that does not state its own.

        Raises
        ------
        ModelError
            Missing, damaged, changed since it was downloaded, no TorchScript archive, or no RAVE model.
        MissingExtraError
            TorchScript, and torch is not installed.
        """
        path = Path(path)
        if path.suffix.lower() == SUFFIX:
            from retrotone.rave.numpy_network import load_network

            return cls(*load_network(path))
        try:
            from retrotone.rave.torchscript import load_export
        except ModuleNotFoundError as error:
            raise MissingExtraError(
                f"{path.name} is a TorchScript model, which needs the rave extra: pip install 'retrotone[rave]'"
            ) from error
        return cls(*load_export(path, sample_rate))

    @classmethod
    def from_pretrained(
        cls, name: str = pretrained.DEFAULT_MODEL, accept_terms: bool = False, progress: Progress = silent
    ) -> RaveModel:
        """Load a model by its name in ``retrotone models list``, by its URL, or from a file.

        Parameters
        ----------
        name : str
            See `retrotone.utils.pretrained.find_file`; by default the model that ships with retrotone.
        accept_terms : bool
            Download it if it is not there yet; the terms are in the error that says so.
        progress : Progress

        Raises
        ------
        ModelError
            An unknown name, one not downloaded yet, a failed download, or what `load` raises.
        """
        if accept_terms:
            return cls.load(pretrained.download(name, progress))
        return cls.load(pretrained.find_file(name))

    @property
    def name(self) -> str:
        """The file's name without its suffix."""
        return self.info.path.stem

    @property
    def delay(self) -> int:
        """Samples by which the export lags behind its input; what this class returns does not lag."""
        return self._runner.round_trip

    def encode(self, audio: Audio, seed: int = 0, full: bool = False) -> Latent:
        """Encode a recording.

        Parameters
        ----------
        audio : Audio
            Any rate and channels; stereo is mixed down for a mono model.
        seed : int
            Variational encoders draw at random.
        full : bool
            With the latents of detail, where the model has them: then there are full_latent_size of them.

        Returns
        -------
        ndarray, shape (latent_size, ceil(frames / ratio))
            Frame k describes the samples from k x ratio on, at the model's rate.
        """
        fitting = to_channels(audio.resample(self.info.sample_rate).samples, self.info.channels_in)
        frames = -(-fitting.shape[1] // self.info.ratio)
        voices = self._runner.voices(1, seed)
        lag, _ = self._runner.delay
        method = "encode_full" if full and self.info.detailed else "encode"
        latent: Latent = np.concatenate(list(self._runner.encode(voices, [fitting[None]], method)), axis=-1)[0]
        return latent[:, lag : lag + frames]

    @bar_in_notebooks
    def bank(self, recordings: Sequence[Source], seed: int = 0, progress: Progress = silent) -> Bank:
        """Encode records for `generate` to play.

        Parameters
        ----------
        recordings : sequence of Audio or AudioFile
            The middle minute of each is used, and of more than 40 records a choice; silent ones are left out.
        seed : int
            Of the choice, and of what a variational encoder draws.
        progress : Progress

        Raises
        ------
        AudioError
            All are silent, or one cannot be read.
        """
        frame_rate = self.info.sample_rate / self.info.ratio
        return encoded(recordings, partial(self.encode, seed=seed, full=True), frame_rate, seed, progress)

    def decode(self, latent: ArrayLike, seed: int = 0, progress: Progress = silent) -> Audio:
        """Decode a path through the latent space, at the level that the model gives it.

        Parameters
        ----------
        latent : array_like, shape (latent_size, frames)
            Or (full_latent_size, frames) as `encode` gives them.
        seed : int
            Of the dropped latents, of the noise in the sound and of the phases of oscillators, where a model has them.
        progress : Progress

        Returns
        -------
        Audio
            frames x ratio samples at the model's rate.

        Raises
        ------
        StyleError
            An array of another shape, or not finite.
        """
        path = np.asarray(latent, np.float32)
        sizes = {self.info.latent_size, self.info.full_latent_size if self.info.detailed else self.info.latent_size}
        if path.ndim != 2 or len(path) not in sizes or path.shape[1] == 0:
            raise StyleError(f"{self.name} takes latents of shape ({self.info.latent_size}, frames), not {path.shape}")
        if not np.isfinite(path).all():
            raise StyleError("the latents are not finite: check scale and offset")
        moment = int(np.random.default_rng(seed).integers(MOMENTS))
        voices, pieces, done = self._runner.voices(1, seed, moment), [], 0
        total = path.shape[1] * self.info.ratio
        for piece in self._runner.decode(voices, [path[None]], self._runner.delay[1]):
            pieces.append(piece[0])
            done += piece.shape[-1]
            progress(min(done / total, 1.0), f"{self.name} plays")
        return Audio(np.concatenate(pieces, axis=-1)[:, :total], self.info.sample_rate, self.name)

    @bar_in_notebooks
    def restyle(
        self,
        song: Audio | AudioFile,
        strength: float = 1.0,
        scale: ArrayLike = 1.0,
        offset: ArrayLike = 0.0,
        seed: int = 0,
        progress: Progress = silent,
    ) -> Audio:
        """Return a song as the model would play it: encoded and decoded, at the song's rate, length and loudness.

        Parameters
        ----------
        song : Audio or AudioFile
            Stereo goes through a mono model channel by channel.
        strength : float
            0 is the song, 1 the model alone; in between both are mixed, aligned in time.
        scale, offset : array_like
            Change the latents: one number, or one a dimension, see `retrotone.rave.latent_paths.edited`.
        seed : int
        progress : Progress

        Raises
        ------
        AudioError
            A song that is silent or cannot be read.
        StyleError
            A strength outside [0, 1], a scale or offset that does not fit.
        """
        loudness = loudness_of(song)
        if np.isinf(loudness):
            raise AudioError(f"{song.name} is silent: choose a recording with sound in it")
        rendered = self.render(song, strength, seed, progress, scale=scale, offset=offset)
        if strength == 1:
            rendered = _reporting(rendered, song, progress)
        wet = Audio(np.concatenate(list(rendered), axis=1), song.sample_rate, song.name)
        return at_loudness(wet, loudness) if strength else wet

    def render(
        self,
        source: Source,
        strength: float,
        seed: int = 0,
        progress: Progress = silent,
        *,
        scale: ArrayLike = 1.0,
        offset: ArrayLike = 0.0,
    ) -> Iterator[Block]:
        """Do as `restyle`, block by block, in memory that does not grow with length, without adjusting the level.

        Parameters
        ----------
        source : Audio or AudioFile
        strength, seed, scale, offset
            As in `restyle`.
        progress : Progress
            Called only with a strength between 0 and 1, before the first block: the model's output is measured first,
            so that it can be mixed in as loud as the source.

        Yields
        ------
        ndarray, shape (channels, n)
            Together as long as the source.

        Raises
        ------
        StyleError
            A strength outside [0, 1], a scale or offset that does not fit.
        OutputError
            No room for a temporary file.
        """
        if not 0 <= strength <= 1:
            raise StyleError(f"strength must be between 0 and 1, not {strength}")
        if strength == 0:
            yield from source.blocks()
            return
        wet = reconstruct(source, self._runner, self.info, seed, scale, offset)
        if strength == 1:
            yield from wet
            return
        yield from mixed(source, _reporting(wet, source, progress), strength)

    @bar_in_notebooks
    def generate(
        self,
        seconds: float | None = None,
        match: Audio | AudioFile | None = None,
        path: str | None = None,
        seed: int = 0,
        temperature: float = 1.0,
        anchor_seconds: float = ANCHOR_SECONDS,
        bank: Bank | None = None,
        recordings: tuple[Audio, Audio] | None = None,
        scale: ArrayLike = 1.0,
        offset: ArrayLike = 0.0,
        progress: Progress = silent,
    ) -> Audio:
        """Decode a path through the latent space: a clip.

        Parameters
        ----------
        seconds : float, optional
            How long; by default 30, or as long as `match`.
        match : Audio or AudioFile, optional
            A song whose length (unless `seconds` says otherwise) and loudness the clip gets. The default loudness is
            -16 LUFS.
        path : {"records", "slerp", "linear", "smooth", "walk", "prior"}, optional
            From one record of a bank to another; between random anchors along arcs, lines or a spline; a random walk;
            or drawn by the model's prior. By default "records", or "slerp" for a model without a bank.
        seed : int
            Another seed, another clip.
        temperature : float
            How far from the origin of the space the path goes; 1 is where recordings lie. Among records, how far from
            the best fit a join may be.
        anchor_seconds : float
            From one anchor to the next.
        bank : Bank, optional
            The records to play, see `bank`; by default those that come with the model.
        recordings : (Audio, Audio), optional
            Go from the encoding of the first to that of the second instead.
        scale, offset : array_like
            Change the latents, as in `restyle`.
        progress : Progress

        Returns
        -------
        Audio
            At the model's rate and channels, without silence at its start, with short fades, its peaks under -1 dBTP.

        Raises
        ------
        StyleError
            A path that does not exist or that the model lacks, a setting out of range.
        ModelError
            The model stays silent.
        AudioError
            The song to match is.
        """
        if seconds is None:
            seconds = match.duration if match else CLIP_SECONDS
        generation.check_clip(seconds, temperature, anchor_seconds)
        loudness = CLIP_LUFS if match is None else loudness_of(match)
        if match is not None and np.isinf(loudness):
            raise AudioError(f"{match.name} is silent: name a song with sound to match")
        rate, ratio = self.info.sample_rate, self.info.ratio
        wanted = max(round(seconds * rate), 1)
        frames = -(-(wanted + round(SPARE_SECONDS * rate)) // ratio)
        if recordings is None:
            latent = self._path(path, bank, frames, seed, temperature, anchor_seconds)
        else:
            latent = self._path_between(recordings, -(-wanted // ratio), frames, seed)
        # the latents of detail describe records as they were: edited ones go without them
        if np.any(np.not_equal(scale, 1)) or np.any(np.not_equal(offset, 0)):
            latent = latent[: self.info.latent_size]
        progress(0.05, f"{self.name} plays")
        sound = self._decode_warmed_up(paths.edited(latent, scale, offset), seed, part(progress, 0.05, 0.95))
        progress(1.0, f"{self.name} has played")
        return generation.finished(sound, wanted, rate, f"{self.name}, seed {seed}", loudness)

    def _path(
        self, path: str | None, bank: Bank | None, frames: int, seed: int, temperature: float, anchor_seconds: float
    ) -> Latent:
        """Return a path that starts from no two recordings, shape (latent dimensions, frames)."""
        if bank is not None and path not in (None, "records"):
            raise StyleError(f"the path {path} plays no records: leave out the path or the records")
        if path in (None, "records"):
            bank = bank or generation.own_bank(self.info)
        if bank is not None:
            return generation.path_among(bank, self.info, frames, seed, temperature)
        if path == "records":
            raise StyleError(f"{self.name} comes without records: name some to play, or a path such as slerp")
        if path == "prior":
            return generation.path_of_prior(self._runner, self.info, frames, seed, temperature)
        return generation.path_at_random(path or "slerp", self.info, frames, seed, temperature, anchor_seconds)

    def _path_between(self, recordings: tuple[Audio, Audio], arrival: int, frames: int, seed: int) -> Latent:
        """Go from one recording to another in `arrival` frames, then stay, shape (latent_size, frames)."""
        start, stop = (self.encode(audio, seed) for audio in recordings)
        latent = paths.between(start, stop, arrival)
        return np.concatenate([latent, np.repeat(latent[:, -1:], frames - arrival, axis=1)], axis=1)

    def _decode_warmed_up(self, latent: Latent, seed: int, progress: Progress) -> Block:
        """Decode from a decoder whose past is the first frame held, shape (channels, frames x ratio)."""
        warm = -(-round(WARM_UP_SECONDS * self.info.sample_rate) // self.info.ratio)
        latent = np.concatenate([np.repeat(latent[:, :1], warm, axis=1), latent], axis=1)
        return self.decode(latent, seed, progress).samples[:, warm * self.info.ratio :]


def _reporting(blocks: Iterable[Block], source: Source, progress: Progress) -> Iterator[Block]:
    """Pass blocks on, reporting which share of the source they make up."""
    done = 0
    for block in blocks:
        done += block.shape[1]
        progress(min(done / max(source.frames, 1), 1.0), f"playing {Path(source.name).name}")
        yield block
