"""
Why the study's loss did not fall
=================================

The study descended on the difference between two Gram matrices, with its spectrogram clamped into [0, 1] at every
step. Log magnitudes reach 4 to 5. Without the clamp, the loss falls.
"""

import matplotlib.pyplot as plt

from retrotone.services.demo import bundled
from retrotone.study.sweep import study_spectrum
from retrotone.style.gram import GramTransfer

content, style = (study_spectrum(bundled(f"demo_{name}.ogg", name), 1.0) for name in ("song", "style"))
figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
for clamp in (True, False):
    run = GramTransfer.study(steps=30, learning_rate=0.1, clamp=clamp).run(content, style)
    axes.plot(run.losses / run.losses[0], label="clamped, as in the study" if clamp else "without the clamp")
    print(f"clamp {clamp}: {run.losses[0]:.6f} -> {run.losses[-1]:.6f}; {run.reason}")
axes.set(xlabel="step", ylabel="style loss, as a share of its start", yscale="log")
axes.legend()
