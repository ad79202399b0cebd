"""Play models in the programs of musicians and compare with retrotone: the RAVE VST's loader, nn~, nn~ in Pure Data.

::

    tools/players/build.sh
    retrotone models export parlour -o parlour.ts
    .venv/bin/python tools/players/check.py parlour.ts

A line says what was played, in buffers of how many samples, and how far it is from what retrotone plays: with NumPy, or
with PyTorch where the export has another ``--rate`` than its network.
"""

from __future__ import annotations

import argparse
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import soundfile
import torch
from numpy.typing import NDArray

import retrotone as rt
from retrotone.rave.export import weights_in
from retrotone.rave.numpy_network import NumpyNetwork
from retrotone.rave.torchscript import load_export
from retrotone.utils.assets import bundled_song

Array = NDArray[np.float32]

BUILT = Path(__file__).resolve().parents[2] / "build" / "players"
STREAMS, STREAM_FRAMES = 8, 1 << 16
# of the VST
LARGEST_BUFFER = 1 << 15
# of Pure Data's blocks
BLOCK = 64


class Check:
    """One model in all programs.

    Parameters
    ----------
    model : Path
        A ``.ts`` file.
    folder : Path
        For what the programs read and write.
    """

    def __init__(self, model: Path, folder: Path) -> None:
        self.model, self.folder = model, folder
        scripted, info = load_export(model)
        weights = weights_in(model)
        self.rate, self.ratio, self.latents = info.sample_rate, info.ratio, info.latent_size
        self.network = NumpyNetwork(weights) if weights.shape.sample_rate == self.rate else scripted
        song = rt.load(bundled_song()).resample(self.rate).samples.mean(axis=0)
        # each stream hears other music
        self.songs = song[4 * self.rate :][: STREAMS * STREAM_FRAMES].reshape(STREAMS, STREAM_FRAMES)
        self.song = self.songs[:2].reshape(-1)
        self.path = self.play("encode", self.song[None])

    def play(self, method: str, values: Array) -> Array:
        """Return what retrotone plays, shape (channels, n)."""
        return self.network.voice(0)(method, values)

    def decoded(self, silent_frames: int = 0) -> Array:
        """Return the song by its playable latents, after silence."""
        return self.play("decode", np.pad(self.path, ((0, 0), (silent_frames, 0))))[0]

    def vst(self) -> Iterator[tuple[str, int, float]]:
        """The RAVE VST's own loader, in its libtorch."""
        wanted, buffer = self.decoded(), self.ratio
        while buffer <= LARGEST_BUFFER:
            yield "RAVE VST", buffer, difference_db(self.run("rave_vst_loader", self.song, str(buffer)), wanted)
            buffer *= 2
        assert np.isfinite(self.run("rave_vst_loader", self.song, "4096", after=["1.0"])).all()

    def backend(self) -> Iterator[tuple[str, int, float]]:
        """The backend of nn~ with many streams, as in mc.nn~; and its attributes."""
        wanted = np.concatenate([self.play("forward", song[None])[0] for song in self.songs])
        for buffer in (self.ratio, 4096, 16_384):
            played = self.run("nn_backend", self.songs, str(STREAMS), str(buffer))
            yield f"nn~, {STREAMS} streams", buffer, difference_db(played, wanted)
        said = subprocess.run([BUILT / "nn_backend", self.model], check=True, capture_output=True, text=True).stdout
        assert said.splitlines()[0].split() == ["detail", "1.000000", "0.500000"], said

    def run(self, program: str, values: Array, *words: str, after: Sequence[str] = ()) -> Array:
        """Return what one of the programs of this folder plays."""
        heard, played = self.folder / "heard", self.folder / "played"
        values.astype(np.float32).tofile(heard)
        subprocess.run([BUILT / program, self.model, *words, heard, played, *after], check=True, capture_output=True)
        return np.fromfile(played, np.float32)

    def pure_data(self) -> Iterator[tuple[str, int, float]]:
        """nn~ in Pure Data."""
        for buffer in (0, self.ratio, 2048, 4096):
            yield (
                "Pure Data forward",
                buffer,
                self.patched([f"forward {buffer}"], self.play("forward", self.song[None])[0]),
            )
        yield "Pure Data set detail 0", 2048, self.patched(["forward 2048"], self.decoded(), "set detail 0")
        for buffer in (0, 2048):
            # what reaches the decoder before the first latents
            silent = 0 if buffer == 0 else (2 * max(buffer, self.ratio) - BLOCK) // self.ratio
            chain = [f"encode {buffer}", f"decode {buffer}"]
            yield "Pure Data encode, decode", buffer, self.patched(chain, self.decoded(silent))
        scripted = torch.jit.load(self.model)
        scripted.set_temperature(0.0)
        with torch.no_grad():
            path = scripted.prior(torch.zeros(1, 1, len(self.song) // self.ratio))[0].numpy()
        wanted = self.play("decode", np.pad(path, ((0, 0), (silent, 0))))[0]
        chain = ["prior 2048", "decode 2048"]
        yield "Pure Data prior, set temperature 0", 2048, self.patched(chain, wanted, "set temperature 0")

    def patched(self, chain: Sequence[str], wanted: Array, message: str = "") -> float:
        """Return the difference, in dB, of what a chain of nn~ plays of the song; its lag is removed.

        Parameters
        ----------
        chain : sequence of str
            Method and buffer of each nn~.
        wanted : ndarray, shape (n,)
        message : str
            To the first nn~.
        """
        (self.folder / "check.pd").write_text(self.patch(chain, message))
        soundfile.write(self.folder / "heard.wav", self.song, self.rate, subtype="FLOAT")
        options = ["-nogui", "-batch", "-noprefs", "-nosleep", "-r", str(self.rate), "-path", str(BUILT)]
        # nn~ 1.6.0 may crash when Pure Data quits while its thread computes: by then all is written
        subprocess.run([BUILT / "pure-data" / "bin" / "pd", *options, "check.pd"], capture_output=True, cwd=self.folder)
        played = soundfile.read(self.folder / "played.wav", dtype="float32")[0]
        (self.folder / "played.wav").unlink()
        match = np.fft.irfft(np.fft.rfft(played, 2 * len(played)) * np.fft.rfft(wanted, 2 * len(played)).conj())
        late = played[int(np.argmax(match[: len(played)])) :]
        return difference_db(late, wanted[: len(late)])

    def patch(self, chain: Sequence[str], message: str) -> str:
        """Return a patch that plays heard.wav through a chain of nn~ into played.wav, as fast as it can, and quits."""
        frames = len(self.song)
        boxes = [
            f"obj 0 0 table heard {frames}",
            f"obj 0 0 table played {frames}",
            "obj 0 0 loadbang",
            "obj 0 0 t b b b b",
            "msg 0 0 read heard.wav heard",
            "obj 0 0 soundfiler",
            f"msg 0 0 {message}",
            "obj 0 0 tabwrite~ played",
            "msg 0 0 \\; pd dsp 1",
            f"obj 0 0 del {1000 * frames / self.rate + 10}",
            "obj 0 0 t b b",
            "msg 0 0 write -wave -bytes 4 played.wav played",
            "msg 0 0 \\; pd quit",
            "obj 0 0 tabplay~ heard",
            *(f"obj 0 0 nn~ {self.model} {each}" for each in chain),
        ]
        source, last = 13, len(boxes) - 1
        cords = [(2, 0, 3), (3, 3, 4), (4, 0, 5), (3, 1, source), (3, 1, 7), (3, 0, 8), (3, 0, 9)]
        cords += [(9, 0, 10), (10, 1, 11), (11, 0, 5), (10, 0, 12), (last, 0, 7)]
        cords += [(3, 2, 6), (6, 0, source + 1)] if message else []
        wires = [(first, outlet, second, 0) for first, outlet, second in [*cords, (source, 0, source + 1)]]
        # from encode or prior to decode
        wires += [(source + 1, latent, last, latent) for latent in range(self.latents) if len(chain) > 1]
        lines = [*(f"#X {box};" for box in boxes), *(f"#X connect {a} {b} {c} {d};" for a, b, c, d in wires)]
        return "\n".join(["#N canvas 0 0 400 400 12;", *lines, ""])


def difference_db(played: Array, wanted: Array) -> float:
    """Return how far one sound is from another of the same length."""
    return float(10 * np.log10(np.square(played - wanted).mean() / np.square(wanted).mean()))


def main() -> None:
    """Check each model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", type=Path, metavar="MODEL.ts")
    for model in parser.parse_args().models:
        with TemporaryDirectory() as folder:
            check = Check(model.resolve(), Path(folder))
            for part in (check.vst, check.backend, check.pure_data):
                for what, buffer, difference in part():
                    print(f"{model.name:16}  {what:36}  {buffer:6}  {difference:7.1f} dB", flush=True)


if __name__ == "__main__":
    main()
