"""
The closed form, in two dimensions
==================================

The study's Gram matrix depends only on the means and covariances of a spectrogram. So no descent is needed: between
two Gaussians the map that matches both, and moves each point the least, is known (Olkin and Pukelsheim 1982):

    x → m_s + A (x − m_c),   A = K_c^(−1/2) (K_c^(1/2) K_s K_c^(1/2))^(1/2) K_c^(−1/2)

Here it is for two of the forty bands that `transport` works in, on the bundled song and the bundled record.
"""

import matplotlib.pyplot as plt
import numpy as np

from retrotone.audio.audio import Audio
from retrotone.features.spectral import mel_spectrogram
from retrotone.services.demo import bundled
from retrotone.study.sweep import study_spectrum
from retrotone.style.gram import GramTransfer
from retrotone.style.transport import monge

LOW, HIGH = 30, 80  # two mel bands of 128: near 1 kHz and near 4 kHz
QUIET_DB = -25.0  # what lies between the notes is left out


def levels(audio: Audio) -> np.ndarray:
    """Return how loud both bands are in each frame that sounds, in dB, shape (frames, 2)."""
    decibels = mel_spectrogram(audio)[[LOW, HIGH]].T
    return decibels[(decibels > QUIET_DB).all(axis=1)]


song, record = (levels(bundled(f"demo_{name}.ogg", name).slice(0, 20)) for name in ("song", "style"))
matrix = monge(np.cov(song.T), np.cov(record.T))
mapped = record.mean(axis=0) + (song - song.mean(axis=0)) @ matrix.T

# %%
# Means and covariances agree, up to the small ridge that keeps the inverse stable:

print("mean, record:", record.mean(axis=0).round(2), "mapped:", mapped.mean(axis=0).round(2))
print("covariance, record:\n", np.cov(record.T).round(1), "\nmapped:\n", np.cov(mapped.T).round(1))

# %%
# Each line leads from a frame of the song to where it goes; ellipses at two standard deviations.

figure, axes = plt.subplots(figsize=(7, 6), layout="constrained")
for start, end in zip(song[::20], mapped[::20], strict=True):
    axes.plot(*zip(start, end, strict=True), color="0.8", linewidth=0.8, zorder=0)
circle = np.stack([np.cos(angles := np.linspace(0, 2 * np.pi, 200)), np.sin(angles)])
looks = (("song", song, "C0", "-"), ("record", record, "C1", "-"), ("song, mapped", mapped, "C2", ":"))
for name, points, colour, line in looks:
    axes.scatter(*points[::3].T, s=6, alpha=0.4, color=colour, label=name)
    ellipse = points.mean(axis=0)[:, None] + 2 * np.linalg.cholesky(np.cov(points.T)) @ circle
    axes.plot(*ellipse, line, color=colour, linewidth=2.5)
axes.set(xlabel="a band near 1 kHz, dB", ylabel="a band near 4 kHz, dB")
axes.legend()

# %%
# In all 1025 bins at once, and what the study's network makes of it. The loss does not reach zero: it also sees the
# products of neighbouring frames, which no map of single frames can match.

song, record = (study_spectrum(bundled(f"demo_{name}.ogg", name), 5) for name in ("song", "style"))
matrix = monge(np.cov(song), np.cov(record))
mapped = record.mean(axis=1, keepdims=True) + matrix @ (song - song.mean(axis=1, keepdims=True))
study = GramTransfer.study(steps=1, clamp=False)
for name, spectrum in (("song", song), ("mapped", mapped)):
    print(f"style loss, {name}: {study.run(spectrum, record).losses[0]:.2e}")
