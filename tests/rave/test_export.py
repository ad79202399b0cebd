"""Exports open everywhere: in old libtorch, in nn~, in the RAVE VST, in SuperCollider, on any device, at any rate."""

from __future__ import annotations

import re
import warnings
import zipfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from rave_exports import make_export
from safetensors.numpy import save_file

import retrotone as rt
from retrotone.cli.main import run
from retrotone.metrics import log_spectral_distance
from retrotone.rave.export import export
from retrotone.rave.nn.prior import Prior
from retrotone.rave.numpy_network import NumpyNetwork
from retrotone.rave.numpy_network import Prior as NumpyPrior
from retrotone.rave.torchscript import ScriptedNetwork, load_export
from retrotone.rave.weights import PRIOR, Weights, read_weights
from retrotone.utils.assets import asset, bundled_song

RATE, LATENTS, DRAWN = 22_050, 48, 10
METHODS = ("encode", "encode_full", "decode", "forward")


@pytest.fixture(scope="module")
def weights() -> Weights:
    return read_weights(asset("parlour.safetensors"))


@pytest.fixture(scope="module")
def exported(weights: Weights, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundled model as players get it."""
    path = tmp_path_factory.mktemp("export") / "parlour.ts"
    export(weights, path)
    return path


@pytest.fixture
def network(exported: Path) -> ScriptedNetwork:
    return load_export(exported)[0]


def song(rate: int, seconds: float) -> rt.Audio:
    whole = rt.load(bundled_song()).slice(5, 5 + seconds).resample(rate)
    return whole.with_samples(whole.samples[:1])


def difference_db(made: np.ndarray, wanted: np.ndarray) -> float:
    return float(10 * np.log10(np.square(made - wanted).mean() / np.square(wanted).mean()))


def lag(late: np.ndarray, early: np.ndarray) -> int:
    """Samples by which one signal follows another."""
    size = 2 * max(len(late), len(early))
    match = np.fft.irfft(np.fft.rfft(late, size) * np.fft.rfft(early, size).conj())
    return int(np.argmax(match) + size // 2) % size - size // 2


def test_the_archive_holds_nothing_that_players_refuse(exported: Path, network: ScriptedNetwork) -> None:
    with zipfile.ZipFile(exported) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    code = b"".join(data for name, data in files.items() if "/code/" in name)
    assert b"def encode_full" in code
    # aten::pad is unknown to the RAVE VST's libtorch 1.11
    assert not re.search(rb"torch\.pad\b", code)
    # the machine that exported stays private
    texts = [data for name, data in files.items() if "/data/" not in name]
    assert not re.search(rb"(?:/[\w.-]+){2,}\.py|[A-Z]:\\\\|site-packages", b"".join(texts))
    # not all devices have float64
    assert not [name for name, buffer in network.module.named_buffers() if buffer.dtype == torch.float64]
    # the VST calls toInt() and toBool()
    assert (network.module.sampling_rate, network.module.sr) == (RATE, RATE)
    assert type(network.module.sampling_rate) is type(network.module.full_latent_size) is int
    assert network.module.stereo is False


def test_players_find_methods_attributes_and_a_silent_past(network: ScriptedNetwork) -> None:
    module, ratio = network.module, 512
    assert module.get_methods() == ["encode", "decode", "forward", "prior"]
    for method, params in {
        "encode": [1, 1, LATENTS, ratio],
        "decode": [LATENTS, ratio, 1, 1],
        "forward": [1, 1, 1, 1],
        "prior": [1, ratio, LATENTS, ratio],
    }.items():
        assert getattr(module, f"{method}_params").tolist() == params
    # 2 is nn~'s number for a float
    assert {name: getattr(module, f"{name}_params").tolist() for name in module.get_attributes()} == {
        "detail": [2],
        "temperature": [2],
    }
    assert (module.latent_size, module.full_latent_size, module.last_z.shape) == (LATENTS, 240, (1, LATENTS, 1))
    assert module.latent_pca.shape == (240, 240)
    caches = [buffer for name, buffer in module.named_buffers() if name.endswith(".cache")]
    assert caches
    assert not any(cache.any() for cache in caches)


def test_attributes_change_the_sound_and_refuse_nonsense(network: ScriptedNetwork) -> None:
    sound = song(RATE, 1.0).samples[:, : 40 * 512]
    # nn~ 1.6 refuses a number that is no tuple
    assert (network.module.get_detail(), network.module.get_temperature()) == ((1.0,), (1.0,))
    assert network.module.set_detail(0.0) == network.module.set_temperature(0.0) == 0
    without = network.voice(0)("forward", sound)
    assert np.array_equal(without, network.voice(0)("decode", network.voice(0)("encode", sound)))
    # at temperature 0 the prior draws nothing
    control = np.zeros((1, 8), np.float32)
    path = network.voice(1)("prior", control)
    assert np.array_equal(path, network.voice(2)("prior", control))
    # it leaves the detail at rest
    assert path.any(axis=1).tolist() == [True] * DRAWN + [False] * (LATENTS - DRAWN)
    assert network.module.set_detail(1.5) == network.module.set_temperature(-1.0) == -1
    assert network.module.get_detail() == (0.0,)


def test_eight_streams_at_once_are_eight_streams(network: ScriptedNetwork) -> None:
    sounds = torch.from_numpy(np.random.default_rng(0).normal(0, 0.1, (8, 1, 8 * 512)).astype(np.float32))
    with torch.no_grad():
        together = network.module(sounds)
    alone = network.voice(0)("forward", sounds[7].numpy())
    assert np.abs(together[7].numpy() - alone).max() < 1e-5


def test_all_is_computed_where_the_input_lies(exported: Path) -> None:
    """On the meta device, as on any other, a tensor that was made on the CPU would be refused."""
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        module = torch.jit.load(exported, map_location="meta")
        for streams in (1, 3):
            sound = torch.zeros(streams, 1, 4 * 512, device="meta")
            assert module(sound).device.type == module.decode(module.encode(sound)).device.type == "meta"


@pytest.mark.parametrize("method", METHODS)
def test_numpy_gives_what_torch_gives(weights: Weights, network: ScriptedNetwork, method: str) -> None:
    values = song(RATE, 3.0).samples[:, : 120 * 512]
    if method == "decode":
        values = network.voice(0)("encode", values)
    # both begin at the same late frame of their oscillators
    mine, wanted = NumpyNetwork(weights).voice(0, 5000), network.voice(0, 5000)(method, values)
    cut = values.shape[1] // 4
    pieces = [mine(method, piece) for piece in (values[:, :cut], values[:, cut:])]
    assert difference_db(np.concatenate(pieces, axis=1), wanted) <= -100


def test_numpy_draws_as_the_prior_does(weights: Weights) -> None:
    class TorchDraws:
        def standard_exponential(self, size: int) -> np.ndarray:
            return torch.empty(size).exponential_().numpy()

        def standard_normal(self, size: int) -> np.ndarray:
            return torch.randn(size).numpy()

    prior = Prior(DRAWN)
    learned = {
        name.removeprefix(PRIOR): torch.from_numpy(values)
        for name, values in weights.tensors.items()
        if name.startswith(PRIOR)
    }
    prior.load_state_dict(learned | {"cache": prior.cache})
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        wanted = prior(200, 0.8)[0].numpy()
        torch.manual_seed(3)
        drawn = NumpyPrior(weights.tensors, TorchDraws())(200, 0.8)
    assert difference_db(drawn, wanted) <= -100


def test_a_player_at_its_own_rate_hears_the_same_model_in_time(tmp_path: Path) -> None:
    rate, path = 44_100, tmp_path / "fast.ts"
    assert run(["models", "export", "parlour", "-o", str(path), "--rate", str(rate)]) == 0
    fast, parlour = rt.RaveModel.load(path), rt.RaveModel.from_pretrained()
    assert (fast.info.sample_rate, fast.info.ratio) == (rate, 1024)
    piece = song(rate, 3.0)
    played, wanted = fast.restyle(piece), parlour.restyle(piece)
    assert lag(played.samples[0], wanted.samples[0]) in (-1, 0, 1)
    assert log_spectral_distance(played, wanted) < 0.4 * log_spectral_distance(piece, wanted)
    # the whole delay is stated: what a player hears is late by it, to the sample
    network, info = load_export(path)
    live = network.voice(0)("forward", piece.samples[:, : piece.frames // info.ratio * info.ratio])[0]
    assert lag(live, played.samples[0]) == fast.delay


def test_an_export_can_be_exported_anew(weights: Weights, exported: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.safetensors"
    assert run(["models", "export", str(exported), "-o", str(again)]) == 0
    assert again.read_bytes() == asset("parlour.safetensors").read_bytes()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["parlour", "-o", "OUT/parlour.xyz"], "has to end in .ts or .safetensors"),
        (["parlour", "-o", "OUT/parlour.safetensors", "--rate", "44100"], "--rate is for players"),
        (["parlour", "-o", "OUT/none/parlour.ts"], "none"),
        (["parlour", "-o", "OUT/parlour.ts", "--neutone"], "has to end in .nm"),
        ([str(bundled_song()), "-o", "OUT/song.nm", "--neutone"], "is no medium: write one with retrotone medium"),
        (["OUT/broken.safetensors", "-o", "OUT/parlour.ts"], "no model of retrotone, or is damaged"),
        (["OUT/other.safetensors", "-o", "OUT/parlour.ts"], "no model of retrotone, or is damaged"),
        (["OUT/nothing.safetensors", "-o", "OUT/parlour.ts"], "does not exist"),
        (["OUT/foreign.ts", "-o", "OUT/parlour.ts"], "was not trained by retrotone"),
    ],
)
def test_what_cannot_be_exported_is_told_in_a_line(
    words: list[str], said: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "broken.safetensors").write_bytes(b"no weights")
    save_file({"sample_rate": np.array([RATE]), "latent_size": np.array([4])}, tmp_path / "other.safetensors")
    make_export(tmp_path / "foreign.ts", ratio=64)
    assert run(["models", "export", *(word.replace("OUT", str(tmp_path)) for word in words)]) == 2
    error = capfd.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_neutone_needs_its_extra(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    if find_spec("neutone_sdk"):
        pytest.skip("the neutone extra is installed")
    assert run(["models", "export", "parlour", "-o", str(tmp_path / "parlour.nm"), "--neutone"]) == 2
    assert capfd.readouterr().err == "retrotone: --neutone needs its extra: pip install 'retrotone[neutone]'\n"


def test_a_neutone_model_plays_what_the_export_plays(network: ScriptedNetwork, tmp_path: Path) -> None:
    sdk = pytest.importorskip("neutone_sdk.utils", reason="needs pip install 'retrotone[neutone]'")
    path = tmp_path / "parlour.nm"
    assert run(["models", "export", "parlour", "-o", str(path), "--neutone"]) == 0
    model, facts = sdk.load_neutone_model(str(path))
    assert (facts["model_name"], facts["native_sample_rates"]) == ("parlour", [RATE])
    model.set_daw_sample_rate_and_buffer_size(RATE, 512)
    sound = song(RATE, 2.0).samples[:, : 80 * 512]
    both = torch.from_numpy(np.concatenate([sound, -sound]))
    with torch.no_grad():
        # it gives the same buffer again at every call
        played = torch.cat([model(piece).clone() for piece in both.split(512, 1)], 1).numpy()
    assert model.calc_model_delay_samples() == 2032
    for channel, values in enumerate((sound, -sound)):
        assert difference_db(played[channel], network.voice(0)("forward", values)[0]) < -100
