"""The study's network, Gram matrix and loss give the independent yardstick's numbers on real audio."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from retrotone.style.gram import GramTransfer, gram_matrix, random_network


def test_network_gram_and_loss_equal_the_yardsticks(yardstick: ModuleType, shared_music: Path) -> None:
    names = ["Karissa_Hobbs_-_Lets_Go_Fishin.ogg", "Kevin_MacLeod_-_Vibe_Ace.ogg"]
    content, style = (yardstick.logmag(yardstick.load(shared_music / name, seconds=4)) for name in names)
    theirs = yardstick.net()
    ours = random_network(1025)
    assert torch.equal(theirs.weight, ours.weight)
    assert theirs.bias is not None
    assert torch.equal(theirs.bias, ours.bias)
    grams = [yardstick.gram(theirs, spectrum) for spectrum in (content, style)]
    with torch.no_grad():
        torch.testing.assert_close(gram_matrix(ours(content)[0]), grams[0], rtol=0, atol=0)

    spectra = [spectrum[0].numpy() for spectrum in (content, style)]
    relative = float((grams[0] - grams[1]).square().sum() / grams[1].square().sum())
    assert GramTransfer(steps=1).run(*spectra).losses[0] == pytest.approx(relative, rel=1e-3)
    for kind, clamp in (("mse", False), ("mse", True), ("mae", True)):
        start = yardstick.gram(theirs, content.clamp(0, 1)) if clamp else grams[0]
        difference = yardstick.W * (start - grams[1])
        expected = float(difference.square().mean() if kind == "mse" else difference.abs().mean())
        run = GramTransfer.study(loss=kind, clamp=clamp, style_weight=yardstick.W, steps=1).run(*spectra)
        assert run.losses[0] == pytest.approx(expected, rel=1e-4)
        assert np.isfinite(run.spectrogram).all()
