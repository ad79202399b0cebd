"""`python -m benchmarks.music_spectrum FOLDER OUT.csv [--list FILE]`: the long-term spectrum of much music.

It writes the table of `retrotone.style.reading.spectrum.average_music`, src/retrotone/assets/music_spectrum.csv. That
was made of GTZAN (Tzanetakis and Cook, "Musical genre classification of audio signals", IEEE Trans. Speech Audio
Process. 10, 2002): 315 tracks of ten genres at 22.05 kHz, those of ../shared/gtzan, excerpts included, that its
fault-filtered training part lists:

    python -m benchmarks.music_spectrum ../shared/gtzan OUT.csv --list ../shared/gtzan/train_filtered.txt

A track's level is brought to -20 LUFS; genres count the same. The source ends at 11 kHz, so what is above the band
whose lower edge is at 8.5 kHz is continued by 10 dB down per octave.
"""

from __future__ import annotations

import argparse
from collections.abc import Collection
from math import isinf, log10
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import retrotone as rt
from retrotone.errors import AudioError
from retrotone.style.media.media import REFERENCE_LUFS
from retrotone.style.reading.spectrum import HALF_BAND, HZ, densities, in_bands
from retrotone.utils.files import write_whole

SUFFIXES = (".ogg", ".wav", ".flac", ".mp3", ".opus", ".aiff")
# Above the last band whose lower edge lies below, the spectrum is continued, in dB per octave.
KNOWN_HZ, FALL_DB = 8500.0, -10.0
KNOWN = int(np.flatnonzero(HZ / HALF_BAND <= KNOWN_HZ)[-1])
SMOOTHING = (0.25, 0.5, 0.25)


def music_spectrum(folder: Path, listed: Collection[str] | None = None) -> tuple[NDArray[np.float64], int]:
    """Average the spectra of the tracks in folders that are called after their genres.

    Parameters
    ----------
    folder : Path
        With such folders anywhere below.
    listed : collection of str, optional
        Names of the tracks that count, without suffix; by default all.

    Returns
    -------
    level_db : ndarray, shape (len(HZ),)
        In dB per Hz at -20 LUFS.
    count : int
        Of tracks.

    Raises
    ------
    AudioError
        No track is there.
    """
    genres: dict[str, dict[str, NDArray[np.float64]]] = {}
    for path in sorted(folder.rglob("*")):
        # an excerpt may be called after the file that it was cut from
        track = path.name.removesuffix(path.suffix).removesuffix(".wav")
        if path.suffix not in SUFFIXES or (listed is not None and track not in listed):
            continue
        own = genres.setdefault(path.parent.name, {})
        if track not in own:
            found = track_spectrum(rt.load(path))
            own |= {track: found} if found is not None else {}
    genres = {genre: own for genre, own in genres.items() if own}
    if not genres:
        raise AudioError(f"{folder} holds no track that counts: name a folder of folders of music")
    means = [np.nanmean([found[: KNOWN + 1] for found in own.values()], axis=0) for own in genres.values()]
    return continued(np.mean(means, axis=0)), sum(map(len, genres.values()))


def track_spectrum(audio: rt.Audio) -> NDArray[np.float64] | None:
    """Return a track's density in the bands of HZ, in dB per Hz at -20 LUFS; None for silence."""
    loudness = audio.loudness
    found = densities([audio.samples], audio.sample_rate)
    if isinf(loudness) or not found:
        return None
    # BS.1770 adds the channels up, so one channel is 3 dB louder than each of two at the same figure
    gain_db = REFERENCE_LUFS - loudness + 10 * log10(audio.channels / 2)
    return in_bands(np.concatenate(found).mean(axis=0), audio.sample_rate) + gain_db


def continued(level_db: NDArray[np.float64]) -> NDArray[np.float64]:
    """Continue a spectrum, shape (KNOWN + 1,), to all of HZ, and smooth it over neighbouring bands."""
    above = level_db[KNOWN] + FALL_DB * np.log2(HZ[KNOWN + 1 :] / HZ[KNOWN])
    return np.convolve(np.pad(np.concatenate([level_db, above]), 1, mode="edge"), SMOOTHING, "valid")


def main() -> None:
    """Write the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.music_spectrum", description="average of much music")
    parser.add_argument("folder", type=Path, help="a folder of folders, called after genres")
    parser.add_argument("out", type=Path, help="the table, CSV")
    parser.add_argument("--list", type=Path, help="text file: which tracks count, a line each, as GENRE/TRACK.SUFFIX")
    arguments = parser.parse_args()
    listed = None
    if arguments.list:
        listed = {Path(line.strip()).stem for line in arguments.list.read_text("utf-8").splitlines() if line.strip()}
    level_db, count = music_spectrum(arguments.folder, listed)
    rows = [f"{hz:.1f},{level:.2f}\n" for hz, level in zip(HZ, level_db, strict=True)]
    write_whole(arguments.out, ("hz,level_db\n" + "".join(rows)).encode())
    print(f"wrote {arguments.out}, the average of {count} tracks")


if __name__ == "__main__":
    main()
