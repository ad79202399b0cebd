"""Make 31 untrained exports of IRCAM's RAVE, by which retrotone is tried: its configurations, streaming or not, stereo.

It runs in an environment of its own, and the exports in retrotone's::

    python3.11 -m venv ircam && ircam/bin/pip install torch torchaudio librosa scikit-learn lmdb requests
    ircam/bin/pip install --no-deps acids-rave==2.3.1 gin-config cached-conv einops nn-tilde absl-py torchmetrics
    ircam/bin/pip install --no-deps pytorch-lightning lightning-utilities pyyaml tqdm fsspec
    ircam/bin/python tools/players/ircam_exports.py FOLDER
    for model in FOLDER/*.ts; do
        retrotone style song.wav --method rave --model $model -o ${model%.ts}-song.wav
        retrotone generate --seconds 2 --model $model -o ${model%.ts}-clip.wav
    done
"""

from __future__ import annotations

import sys
from pathlib import Path
from unittest.mock import MagicMock

import scipy.signal
import torch

# SciPy has renamed what acids-rave 2.3.1 calls, and its exporter imports more than it uses
scipy.signal.kaiser = scipy.signal.windows.kaiser
firwin = scipy.signal.firwin
scipy.signal.firwin = lambda *words, nyq, **options: firwin(*words, fs=2 * nyq, **options)
for name in ("GPUtil", "udls", "udls.transforms", "udls.generated", "tensorboard"):
    sys.modules[name] = MagicMock()

import cached_conv  # noqa: E402
import gin  # noqa: E402
import rave  # noqa: E402
from scripts import export  # noqa: E402

# those that its own tests export
CONFIGURATIONS = (
    *("v1", "v2", "v2 adain", "v2 wasserstein", "v2 spherical", "v2 hybrid"),
    *("v2_small adain", "v2_small wasserstein", "v2_small spherical", "v2_small hybrid"),
    *("discrete", "discrete snake", "discrete snake adain", "discrete snake descript_discriminator"),
    *("discrete spectral_discriminator", "discrete noise", "discrete hybrid", "v3", "v3 hybrid"),
)
# spelt as there
KINDS = ("Variational", "Discrete", "Wassertein", "Spherical")


def make(folder: Path, words: str, streaming: bool = True, channels: int = 1, rate: int = 44_100) -> None:
    """Write one export, at 44.1 kHz; a network of half that `rate` is resampled to it."""
    torch.manual_seed(0)
    cached_conv.use_cached_conv(streaming)
    gin.clear_config()
    files = [f"{word}.gin" for word in words.split()]
    gin.parse_config_files_and_bindings(files, [f"SAMPLING_RATE={rate}", "CAPACITY=2"])
    model = rave.RAVE(n_channels=channels).eval()
    model(torch.zeros(1, channels, 1 << 14))
    for module in model.modules():
        if hasattr(module, "weight_g"):
            torch.nn.utils.remove_weight_norm(module)
    kind = next(kind for kind in KINDS if isinstance(model.encoder, getattr(rave.blocks, f"{kind}Encoder")))
    scripted = getattr(export, f"{kind}ScriptedRAVE")(pretrained=model, channels=channels, target_sr=44_100)
    name = f"{words.replace(' ', '-')}-{'streaming' if streaming else 'whole'}-{channels}-{rate}.ts"
    scripted.export_to_ts(folder / name)


def main() -> None:
    """Make all."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    gin.enter_interactive_mode()
    torch.set_grad_enabled(False)
    for words in CONFIGURATIONS:
        make(folder, words)
    for words in ("v1", "v2", "v3", "discrete"):
        make(folder, f"{words} causal")
        make(folder, words, streaming=False)
    for words in ("v2", "v3", "discrete"):
        make(folder, words, channels=2)
    make(folder, "v2", rate=22_050)


if __name__ == "__main__":
    main()
