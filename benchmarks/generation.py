"""What parlour generates: how far it is from old records of music, what it sounds like, and whether it repeats."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

import retrotone as rt
from benchmarks.methods import AGE_SEED
from benchmarks.page import MissingDataError, Page, table
from benchmarks.pairs import MUSIC
from benchmarks.rave import ERA, songs
from retrotone.features import musicnn
from retrotone.features.gtzan import HOP
from retrotone.metrics import RATE, Profile, frechet_distance
from retrotone.rave.generation import own_bank

PATHS, SEEDS, SECONDS = ("records", "slerp", "prior"), range(8), 20.0
# musicnn's frames of 16 ms from one patch to the next
PATCH_HOP = 62
# a clip copies a record if so long a part of it runs like one of the record's, step by step
COPIED_SECONDS, STEP_FRAMES = 5.0, 11


@dataclass(frozen=True)
class Generated:
    """Clips by one path, or the records themselves.

    Attributes
    ----------
    name : str
    frechet : float
        Distance to the aged songs.
    tags : list of str
        The likeliest three on average.
    correlation : float
        The highest between the waveforms of two seeds.
    copied : float
        The highest `agreement` with a record.
    realtime : float
        Seconds of sound per second of the processor.
    """

    name: str
    frechet: float
    tags: list[str]
    correlation: float = np.nan
    copied: float = np.nan
    realtime: float = np.nan


def measure_generation() -> list[Generated]:
    """Measure parlour's paths and its bank against the developers' recordings, aged."""
    if not MUSIC.is_dir():
        raise MissingDataError(f"the songs to compare with would be in {MUSIC}")
    aged = [rt.age(song, ERA, seed=AGE_SEED) for name, song in songs() if name != "demo song"]
    reference = np.concatenate([musicnn.listen(song, PATCH_HOP).embedding for song in aged])
    rave = rt.RaveModel.from_pretrained()
    bank = own_bank(rave.info)
    assert bank is not None
    records = [rave.decode(record.latent) for record in bank.records]
    found = [Generated("the records", *_heard(records, reference))]
    for path in PATHS:
        begin = time.process_time()
        clips = [rave.generate(SECONDS, path=path, seed=seed) for seed in SEEDS]
        realtime = len(clips) * SECONDS / (time.process_time() - begin)
        alike = max(abs(float(np.corrcoef(a.samples, b.samples)[0, 1])) for a, b in combinations(clips, 2))
        copied = max(agreement(clip, record) for clip in clips for record in records)
        found.append(Generated(path, *_heard(clips, reference), alike, copied, realtime))
    return found


def page(found: Sequence[Generated]) -> Page:
    """Return the section."""
    rows = [
        [
            each.name,
            f"{each.frechet:.1f}",
            ", ".join(each.tags),
            *("" if np.isnan(value) else f"{value:.2f}" for value in (each.correlation, each.copied)),
            "" if np.isnan(each.realtime) else f"{each.realtime:.0f}",
        ]
        for each in found
    ]
    head = ["path", "Fréchet distance", "tags", "seeds correlate by", "copied", "times real time"]
    return Page(f"""## Generation: parlour

{len(SEEDS)} clips of {SECONDS:.0f} s by each path, and the records that parlour walks among, as it plays them. Fréchet
distance of musicnn's embeddings to the developers' recordings of music, aged as the {ERA}; its likeliest tags on
average; the highest correlation between the waveforms of two seeds. *Copied* is how much any {COPIED_SECONDS:.0f} s of
a clip run like a part of one record: the correlation of 40 mel bands beside their mean, or of the chroma where that is
lower, every quarter of a second. Times are the processor's.

{table(head, rows)}""")


def agreement(clip: rt.Audio, record: rt.Audio) -> float:
    """Return the highest correlation of COPIED_SECONDS of a clip with as much of a record, in spectrum and chroma."""
    correlations = (ours @ theirs.T for ours, theirs in zip(_courses(clip), _courses(record), strict=True))
    return float(np.minimum(*correlations).max())


def _courses(audio: rt.Audio) -> list[NDArray[np.float64]]:
    """Return how the mel bands, beside their mean, and the chroma go on: unit vectors, one for each start of a part."""
    profile = Profile(audio)
    bands = 10 * np.log10(np.maximum(profile.band_power, 1e-7))
    return [_parts(bands - bands.mean(axis=0)), _parts(profile.chroma)]


def _parts(features: NDArray[np.float32]) -> NDArray[np.float64]:
    steps = features.shape[1] // STEP_FRAMES
    means = features[:, : steps * STEP_FRAMES].reshape(len(features), steps, STEP_FRAMES).mean(axis=2, dtype=float)
    # (parts, features, steps of a part)
    parts = sliding_window_view(means, round(COPIED_SECONDS * RATE / HOP / STEP_FRAMES), axis=1).swapaxes(0, 1)
    parts = (parts - parts.mean(axis=2, keepdims=True)).reshape(len(parts), -1)
    unit: NDArray[np.float64] = parts / np.maximum(np.linalg.norm(parts, axis=1, keepdims=True), 1e-9)
    return unit


def _heard(sounds: Sequence[rt.Audio], reference: NDArray[np.float32]) -> tuple[float, list[str]]:
    """Return the distance of sounds to a set of embeddings, and their likeliest tags."""
    patches = [musicnn.listen(sound, PATCH_HOP) for sound in sounds]
    tags = np.concatenate([each.tags for each in patches]).mean(axis=0)
    distance = frechet_distance(np.concatenate([each.embedding for each in patches]), reference)
    return distance, [musicnn.LABELS[i] for i in np.argsort(-tags)[:3]]
