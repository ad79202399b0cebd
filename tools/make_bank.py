"""Make the bank that `retrotone generate` plays by default: our own renderings of public-domain music (docs/bank.md).

The notes in ``bank_scores.json`` are arranged for the bands below, played by FluidSynth, aged as records of the 1930s,
encoded by parlour and written to ``src/retrotone/assets/parlour.bank``::

    apt-get install fluidsynth fluid-soundfont-gm
    .venv/bin/python tools/make_bank.py

The notes come from scores of the Mutopia Project whose typesetters gave them to the public domain. To read them anew::

    apt-get install lilypond
    .venv/bin/pip install mido
    git clone https://github.com/MutopiaProject/MutopiaProject && git -C MutopiaProject checkout 2144afd
    .venv/bin/python tools/make_bank.py --read MutopiaProject

The same versions give the same notes and the same samples. A new parlour needs a new bank.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import tempfile
from dataclasses import replace
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import midi_file
from dance_band import Band, Note, recording

from retrotone.audio.audio import Audio
from retrotone.rave.model import RaveModel
from retrotone.style.ageing import age

SCORES = Path(__file__).with_name("bank_scores.json")
BANK = Path(__file__).resolve().parents[1] / "src" / "retrotone" / "assets" / "parlour.bank"
ERA = "1930s"
# MIDI pitch below which the lowest note of the left hand is the bass
BASS_BELOW = 54


class Passage(NamedTuple):
    """A strain of a piece: its score below Mutopia's ftp, start and length in quarter notes, and how it is played.

    All are moved to F major or a neighbour of it, and their pulses are multiples of 52 a minute, so that a walk from
    one to another keeps key and beat.
    """

    score: str
    start: float
    length: float
    tempo: float
    semitones: int
    band: str


PASSAGES = {
    "The Entertainer (Joplin 1902), first strain": Passage(
        "JoplinS/entertainer/entertainer.ly", 8, 32, 104, 0, "piano"
    ),
    "The Entertainer (Joplin 1902), trio": Passage(
        "JoplinS/entertainer/entertainer.ly", 160, 32, 104, 0, "ragtime band"
    ),
    "Pineapple Rag (Joplin 1908)": Passage("JoplinS/PineappleRag/PineappleRag.ly", 8, 32, 104, 0, "dance band"),
    "The St. Louis Rag (Turpin 1903)": Passage("TurpinT/turpin/turpin.ly", 8, 32, 104, 0, "banjo"),
    "The Stars and Stripes Forever (Sousa 1896)": Passage(
        "SousaJP/TheStarsAndStripesForever/TheStarsAndStripesForever.ly", 16, 64, 208, 2, "brass band"
    ),
    "The Liberty Bell (Sousa 1893)": Passage("SousaJP/TheLibertyBell/TheLibertyBell.ly", 12, 48, 156, 0, "brass band"),
    "King Cotton (Sousa 1895)": Passage("SousaJP/KingCotton/KingCotton.ly", 12, 48, 156, 2, "orchestra"),
    "El Capitan (Sousa 1895)": Passage("SousaJP/ElCapitanMarch/ElCapitanMarch.ly", 12, 48, 156, 0, "wind band"),
    "Bethena (Joplin 1905), first strain": Passage(
        "JoplinS/bethena/bethena-lys/joplin_bethena.ly", 24, 48, 156, -2, "salon trio"
    ),
    "Bethena (Joplin 1905), second strain": Passage(
        "JoplinS/bethena/bethena-lys/joplin_bethena.ly", 96, 48, 156, 0, "orchestra"
    ),
    "Bethena (Joplin 1905), fourth strain": Passage(
        "JoplinS/bethena/bethena-lys/joplin_bethena.ly", 408, 48, 156, 3, "piano"
    ),
    "Sicilienne (Fauré 1898)": Passage(
        "FaureG/O78/faure-sicilienne-guitare-doigtee/faure-sicilienne-guitare-doigtee.ly", 0, 24, 78, 0, "flute, harp"
    ),
    "Thaxted (Holst 1921)": Passage("HolstGT/Thaxted/Thaxted.ly", 0, 32, 104, 0, "voices, piano"),
    "Open My Eyes (Scott 1895)": Passage("ScottCHF/openeyes/openeyes.ly", 0, 24, 78, 2, "voices, organ"),
    "Wedding Day at Troldhaugen (Grieg 1896)": Passage(
        "GriegE/O65/troldhaugen/troldhaugen.ly", 0, 32, 104, -2, "piano"
    ),
}

# who plays the melody, the inner parts, the chords and the bass
BANDS = {
    "piano": ("piano", "piano", "piano", "piano"),
    "banjo": ("banjo", "banjo", "piano", "piano"),
    "ragtime band": ("clarinet", "banjo", "piano", "tuba"),
    "dance band": ("trumpet, violins", "alto sax", "piano", "tuba"),
    "brass band": ("trumpet, flute", "horns", "horns", "tuba"),
    "wind band": ("clarinet, flute", "alto sax", "horns", "tuba"),
    "orchestra": ("violins, flute", "clarinet", "violins", "double bass"),
    "salon trio": ("violin", "piano", "piano", "cello"),
    "flute, harp": ("flute", "harp", "harp", "harp"),
    "voices, piano": ("voices", "piano", "piano", "piano"),
    "voices, organ": ("voices", "reed organ", "reed organ", "reed organ"),
}


def read_scores(mutopia: Path) -> dict[str, list[list[list[float]]]]:
    """Return the notes of every passage, by hand: [start, length, pitch], in quarter notes from its start."""
    return {name: _cut(_hands(mutopia / "ftp" / passage.score), passage) for name, passage in PASSAGES.items()}


@cache
def _hands(score: Path) -> list[list[list[float]]]:
    """Return the notes of the staves of a LilyPond score, as LilyPond plays them."""
    import mido

    with tempfile.TemporaryDirectory() as folder:
        # convert-ly writes beside the score
        copy = shutil.copytree(score.parent, Path(folder, "score"), ignore_dangling_symlinks=True)
        subprocess.run(["convert-ly", "-e", *(path.name for path in copy.glob("*.ly"))], cwd=copy, check=True)
        # a page that cannot be set does no harm to the notes
        subprocess.run(["lilypond", "-dno-print-pages", "-o", "music", score.name], cwd=copy, check=False)
        midi = mido.MidiFile(next(copy.glob("music*.mid*")))
    hands = []
    for track in midi.tracks:
        notes, sounding, now = [], {}, 0.0
        for message in track:
            now += message.time / midi.ticks_per_beat
            if message.type == "note_on" and message.velocity:
                sounding[message.note] = now
            elif message.type in ("note_on", "note_off") and message.note in sounding:
                start = sounding.pop(message.note)
                notes.append([round(start, 3), round(now - start, 3), message.note])
        hands += [sorted(notes)] if notes else []
    return hands


def _cut(hands: list[list[list[float]]], passage: Passage) -> list[list[list[float]]]:
    first, last = passage.start, passage.start + passage.length
    return [
        [
            [round(start - first, 3), min(length, round(last - start, 3)), pitch]
            for start, length, pitch in hand
            if first <= start < last
        ]
        for hand in hands
    ]


def arranged(hands: list[list[list[float]]], passage: Passage) -> Band:
    """Give the highest notes of all but the last hand to the melody, the lowest of the last to the bass."""
    parts: list[list[Note]] = [[], [], [], []]
    for number, hand in enumerate(hands):
        upper = number < max(len(hands) - 1, 1)
        for _, together in groupby(sorted(hand), key=lambda note: note[0]):
            chord = [Note(start, length, int(pitch) + passage.semitones) for start, length, pitch in together]
            if number == 0:
                parts[0].append(chord.pop()._replace(velocity=96))
            elif not upper and chord[0].pitch < BASS_BELOW:
                parts[3].append(chord.pop(0)._replace(velocity=88))
            parts[1 if upper else 2] += [note._replace(velocity=72) for note in chord]
    band: Band = {}
    for names, part in zip(BANDS[passage.band], parts, strict=True):
        for name in names.split(", "):
            band.setdefault(name, []).extend(part)
    return band


def record(name: str, hands: list[list[list[float]]], soundfont: Path) -> Audio:
    """Return a passage as a record of the 1930s of its band."""
    passage = PASSAGES[name]
    played = recording(arranged(hands, passage), passage.tempo, 0.5, soundfont)
    seconds = 60 * passage.length / passage.tempo
    return replace(age(played.slice(0, seconds), ERA, seed=list(PASSAGES).index(name)), name=name)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--read", type=Path, metavar="MUTOPIA", help="only read the scores of this checkout")
    parser.add_argument("--output", type=Path, default=BANK, help="file to write to")
    parser.add_argument("--soundfont", type=Path, default=midi_file.SOUNDFONT, help="FluidR3_GM.sf2")
    options = parser.parse_args()
    if options.read:
        SCORES.write_text(json.dumps(read_scores(options.read), separators=(",", ":"), ensure_ascii=False) + "\n")
        return
    scores = json.loads(SCORES.read_text())
    model = RaveModel.from_pretrained()
    model.bank([record(name, scores[name], options.soundfont) for name in PASSAGES]).save(options.output)


if __name__ == "__main__":
    main()
