"""Make the training pairs of the bundled RAVE model `parlour`: clean music, and the same as a disc of the 1930s.

FOLDER/clean/NAME.flac and FOLDER/aged/NAME.flac are mono, 22,050 Hz, 16 bits, equally long (at most 60 s) and
equally loud; `retrotone.style.eras` makes the second, a disc of the 1930s without wow and flutter. FOLDER/heldout has
the same two folders: about one piece in twelve, left out of training. Three kinds of music, all free
(``docs/model-parlour.md``):

- recordings in Debian's game packages, unpacked but not installed;
- public-domain scores in music21's corpus, for many line-ups of instruments;
- dance, jazz and rock bands, solos and drums, randomly composed here.

The last two are played by FluidSynth. To make everything (bookworm; music21 in a virtual environment of its own)::

    apt-get install fluidsynth fluid-soundfont-gm
    for p in PACKAGES; do apt-get download $p && dpkg -x ${p}_*.deb UNPACKED; done
    unzip UNPACKED/usr/share/games/ufoai/base/0music.pk3 -d UNPACKED/ufoai
    unzip UNPACKED/usr/share/games/0ad/mods/public/public.zip 'audio/music/*' -d UNPACKED/0ad
    python -m venv music21-venv && music21-venv/bin/pip install music21==10.5.1
    music21-venv/bin/python tools/make_parlour_pairs.py --corpus scores.json
    .venv/bin/python tools/make_parlour_pairs.py FOLDER --unpacked UNPACKED --scores scores.json

where PACKAGES are the keys of `PACKAGES` below. The same versions give the same samples; pairs that are there already
are kept, so that an interrupted run goes on where it stopped.
"""

from __future__ import annotations

import argparse
import json
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from parlour_music import LONGEST, band, drum_solo, orchestrated, seeded, solo

# music21's environment need not have retrotone
if TYPE_CHECKING:
    from retrotone.audio.audio import Audio

SAMPLE_RATE = 22_050
# LUFS
LOUDNESS = -18.0
# -1 dBTP
PEAK = 0.89
# LUFS
SILENT = -45.0
# seconds: leaves out jingles
SHORTEST = 15.0
# one piece in this many
HELD_OUT = 12
PACKAGES = {
    "wesnoth-1.16-music": "usr/share/games/wesnoth/1.16/data/core/music",
    "warzone2100-music": "usr/share/games/warzone2100/music/albums",
    "hyperrogue-music": "usr/share/hyperrogue/music",
    "singularity-music": "usr/share/games/singularity/music",
    "asc-music": "usr/share/games/asc/music",
    "fillets-ng-data": "usr/share/games/fillets-ng/music",
    "unknown-horizons": "usr/share/unknown-horizons/content/audio/music",
    "planetblupi-music-ogg": "usr/share/planetblupi/music",
    "extremetuxracer-data": "usr/share/games/etr/music",
    "ufoai-music": "ufoai/music",
    "0ad-data": "0ad/audio/music",
}
# silent, or twins of others
LEFT_OUT = {"silence", "frantic-old", "menu_enhanced", "track3_enhanced"}
# one file in this many
SCORES = {"bach": 3, "ryansMammoth": 12, "haydn": 2, "mozart": 2, "beethoven/opus18no1": 1}
BANDS, SOLOS, DRUM_SOLOS = 80, 60, 10


def number(name: str) -> int:
    """Return the number that belongs to a name."""
    return zlib.crc32(name.encode())


def write_pair(folder: Path, piece: str, name: str, read: Callable[[], Audio]) -> None:
    """Write an excerpt and its aged twin, both at LOUDNESS, or softer where a peak of either asks for it.

    The twin has neither wow nor flutter: a network that learns from it keeps time, and phases can be compared.
    """
    from retrotone.style.ageing import age
    from retrotone.style.eras import find_era

    base = folder / "heldout" if number(piece) % HELD_OUT == 0 else folder
    if (base / "clean" / f"{name}.flac").exists():
        return
    song = read().mono().resample(SAMPLE_RATE)
    if song.loudness < SILENT:
        return
    steady = replace(find_era("1930s"), wobbles=())
    pair = [audio.with_loudness(LOUDNESS) for audio in (age(song, steady, seed=number(name)), song)]
    gain = min(1.0, PEAK / max(audio.true_peak for audio in pair))
    # the clean one last: where it exists, both do
    for kind, audio in zip(("aged", "clean"), pair, strict=True):
        audio.with_samples(audio.samples * gain).save(base / kind / f"{name}.flac", bit_depth=16)
    print(name, flush=True)


def print_hours(folder: Path) -> None:
    """Print how much there is of each source."""
    import soundfile

    for part in ("clean", "heldout/clean"):
        hours: Counter[str] = Counter()
        for path in (folder / part).glob("*.flac"):
            hours[path.name.split("-")[0]] += soundfile.info(path).duration / 3600
        print(f"{part}: {hours.total():.2f} h:", ", ".join(f"{k} {hours[k]:.2f}" for k in sorted(hours)))


# piece, excerpt's name, how to get it
Job = tuple[str, str, Callable[[], "Audio"]]


def recorded(unpacked: Path) -> Iterator[Job]:
    """Yield one or two excerpts of every track, at random places, not of its first and last seconds."""
    import soundfile

    for package, folder in PACKAGES.items():
        for path in sorted((unpacked / folder).rglob("*")):
            if path.suffix not in (".ogg", ".opus", ".mp3") or path.stem in LEFT_OUT:
                continue
            track = soundfile.info(path)
            piece = f"{package.split('-')[0]}-{path.stem}".replace(" ", "_")
            random = seeded(piece)
            first, last = round(0.02 * track.frames), round(0.95 * track.frames)
            frames = min(round(LONGEST * track.samplerate), last - first)
            count = 1 if track.duration < 200 else 2
            for i in range(count) if track.duration > SHORTEST else ():
                room = (last - first) // count
                start = first + i * room + round(random.uniform(0, max(room - frames, 0)))
                yield piece, f"{piece}-{i}", partial(read_excerpt, path, start, frames)


def read_excerpt(path: Path, start: int, frames: int) -> Audio:
    """Read part of a recording."""
    import soundfile

    from retrotone.audio.audio import Audio

    samples, rate = soundfile.read(path, frames, start, dtype="float32", always_2d=True)
    return Audio(samples.T.copy(), rate, name=path.name)


def scored(scores: Path) -> Iterator[Job]:
    """Yield up to three excerpts of every score, each for another line-up, in another key and tempo."""
    for piece, parts in json.loads(scores.read_text()).items():
        parts = [part for part in parts if part]
        beats = max(start + length for part in parts for start, length, _ in part)
        for i in range(min(1 + int(beats // 250), 3)):
            name = f"{piece}-{i}"
            yield piece, name, partial(orchestrated, name, parts, beats)


def composed() -> Iterator[Job]:
    """Yield bands, solos and drum solos."""
    for kind, count, play in (("band", BANDS, band), ("solo", SOLOS, solo), ("drums", DRUM_SOLOS, drum_solo)):
        for i in range(count):
            name = f"{kind}-{i:03d}"
            yield name, name, partial(play, name)


def read_corpus(target: Path) -> None:
    """Write the notes of music21's scores as JSON: {piece: [part: [[start, length, pitch], ...], ...]}."""
    from music21 import corpus, harmony

    scores = {}
    for composer, every in SCORES.items():
        marker = f"/corpus/{composer}/"
        paths = (path.as_posix() for path in corpus.getCorePaths())
        for path in sorted(p for p in paths if marker in p and p.endswith((".mxl", ".abc")))[::every]:
            score = corpus.parse(path)
            name = path.split("/corpus/")[1].rsplit(".", 1)[0].replace("/", "-")
            scores[name] = [
                [
                    (round(float(element.offset), 4), round(float(element.quarterLength), 4), pitch.midi)
                    for element in part.flatten().stripTies().notes
                    if element.quarterLength and not isinstance(element, harmony.ChordSymbol)
                    for pitch in element.pitches
                ]
                for part in score.parts
            ]
            print(name, flush=True)
    target.write_text(json.dumps(scores))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", help="folder to write to")
    parser.add_argument("--corpus", type=Path, help="only write the notes of music21's scores to this file")
    parser.add_argument("--unpacked", type=Path, help="where the packages are unpacked")
    parser.add_argument("--scores", type=Path, help="what --corpus wrote")
    options = parser.parse_args()
    if options.corpus:
        read_corpus(options.corpus)
        return
    for part in ("clean", "aged", "heldout/clean", "heldout/aged"):
        (options.folder / part).mkdir(parents=True, exist_ok=True)
    jobs = list(composed())
    jobs += recorded(options.unpacked) if options.unpacked else []
    jobs += scored(options.scores) if options.scores else []
    # in mixed order, so that an unfinished set has some of everything
    for piece, name, read in sorted(jobs, key=lambda job: number(job[1])):
        write_pair(options.folder, piece, name, read)
    print_hours(options.folder)


if __name__ == "__main__":
    main()
