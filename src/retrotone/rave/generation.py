"""Generated clips, but for the model: the path that it decodes, and how a clip begins, ends and how loud it is."""

from __future__ import annotations

import numpy as np

from retrotone.audio.audio import PEAK_CEILING, Audio
from retrotone.dsp.limiter import limited
from retrotone.errors import ModelError, StyleError
from retrotone.rave import concatenation
from retrotone.rave import latent_paths as paths
from retrotone.rave.bank import Bank
from retrotone.rave.info import RaveInfo
from retrotone.rave.levels import at_loudness
from retrotone.rave.runner import Runner
from retrotone.types import Block, Latent

MIN_ANCHOR_SECONDS = 0.01
# a clip is made in memory
MAX_SECONDS = 4 * 3600.0
# above it a walk only leaves the latent space farther behind
MAX_TEMPERATURE = 10.0
WALK_MEMORY_SECONDS = 0.5
# below the peak; what is quieter counts as silence
AUDIBLE_DB = -60.0
# of a bank beside a model's file
BANK_SUFFIX = ".bank"


def check_clip(seconds: float, temperature: float, anchor_seconds: float) -> None:
    """Raise StyleError where a length in seconds, a temperature or the seconds between anchors make no sense."""
    if not 0 < seconds <= MAX_SECONDS:
        raise StyleError(f"seconds must be above 0 and at most {MAX_SECONDS:.0f}, not {seconds:g}")
    if not 0 <= temperature <= MAX_TEMPERATURE:
        raise StyleError(f"temperature must be between 0 and {MAX_TEMPERATURE:g}, not {temperature:g}")
    if not MIN_ANCHOR_SECONDS <= anchor_seconds < np.inf:
        raise StyleError(f"anchor_seconds must be at least {MIN_ANCHOR_SECONDS}, not {anchor_seconds:g}")


def own_bank(info: RaveInfo) -> Bank | None:
    """Return the bank beside a model's file, if there is one."""
    path = info.path.with_suffix(BANK_SUFFIX)
    return Bank.load(path) if path.is_file() else None


def path_among(bank: Bank, info: RaveInfo, frames: int, seed: int, temperature: float) -> Latent:
    """Walk among the records of a bank.

    Parameters
    ----------
    bank : Bank
    info : RaveInfo
        Of the model that encoded them.
    frames, seed : int
    temperature : float
        See `concatenation.walk`.

    Returns
    -------
    ndarray, shape (latent_size or full_latent_size, frames)

    Raises
    ------
    AudioError
        The records are too short.
    """
    rng, frame_rate = np.random.default_rng(seed), info.sample_rate / info.ratio
    segments = concatenation.walk(bank, frames, frame_rate, info.drawn_size, temperature, rng)
    # the codes of a discrete model cannot be mixed
    fade = concatenation.FADE_FRAMES if info.codes is None else 0
    return concatenation.joined(bank, segments, fade)[:, :frames]


def path_at_random(
    path: str, info: RaveInfo, frames: int, seed: int, temperature: float, anchor_seconds: float
) -> Latent:
    """Draw a path between random anchors, or a random walk.

    Parameters
    ----------
    path : {"slerp", "linear", "smooth", "walk"}
    info : RaveInfo
    frames, seed : int
    temperature : float
        How far from the origin it goes.
    anchor_seconds : float
        From one anchor to the next.

    Returns
    -------
    ndarray, shape (latent_size, frames)

    Raises
    ------
    StyleError
        Unknown path.
    """
    frame_rate = info.sample_rate / info.ratio
    rng, memory = np.random.default_rng(seed), WALK_MEMORY_SECONDS * frame_rate
    latent = paths.drawn(path, rng, info.drawn_size, frames, anchor_seconds * frame_rate, memory)
    latent *= np.float32(temperature)
    # held detail would buzz at the rate of the frames
    latent = np.pad(latent, ((0, info.latent_size - info.drawn_size), (0, 0)))
    return latent if info.codes is None else paths.over_codes(latent, info.codes)


def path_of_prior(runner: Runner, info: RaveInfo, frames: int, seed: int, temperature: float) -> Latent:
    """Let the model's prior draw a path, shape (latent_size, frames); StyleError if it has none."""
    if not info.has_prior:
        raise StyleError(f"{info.path.stem} has no prior: choose another path, such as slerp")
    # exports take the inverse of softplus, scaled so that 0 means a temperature of 1
    wanted = max(temperature, 1e-3) * np.log(2)
    control = wanted + np.log(-np.expm1(-wanted))
    [voice] = runner.voices(1, seed)
    return voice("prior", np.full((1, frames), control, np.float32))[: info.latent_size, :frames]


def finished(sound: Block, frames: int, sample_rate: int, name: str, loudness: float) -> Audio:
    """Return a clip from the first audible sample on, faded, at a loudness, its peaks under -1 dBTP.

    Parameters
    ----------
    sound : ndarray, shape (channels, n)
    frames : int
        How long the clip is; n or less.
    sample_rate : int
        In Hz.
    name : str
        What the clip is called.
    loudness : float
        In LUFS.

    Raises
    ------
    ModelError
        The sound is silent.
    """
    magnitude = np.abs(sound)
    audible = np.flatnonzero(magnitude.max(axis=0) > magnitude.max() * 10 ** (AUDIBLE_DB / 20))
    if len(audible) == 0:
        raise ModelError(f"{name}: the model stays silent on this path; try another seed or a temperature of 1")
    first = min(int(audible[0]), sound.shape[1] - frames)
    clip = at_loudness(Audio(sound[:, first : first + frames], sample_rate, name).fade(), loudness)
    return clip.with_samples(np.concatenate(list(limited([clip.samples], sample_rate, PEAK_CEILING)), axis=1))
