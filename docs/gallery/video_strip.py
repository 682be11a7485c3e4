"""
A clip from two trimaps
=======================

Of a clip only the first and the last frame have a trimap. :py:obj:`propmat.video.carry` carries the labels to all
frames between, and :py:obj:`propmat.video.mattes` solves them, each held to those around it. What flickers is seen
best in one column of the picture over time.
"""

# %%
# Three frames
# ------------

import matplotlib.pyplot as plt
import numpy as np

import propmat
import propmat.video

scene = propmat.datasets.moving(seed=5, frames=12, shape=(180, 240))
samples = list(scene)
part = np.s_[50:, 25:155]  # the fur; a net and a blurred spot are elsewhere
images = [sample.image[part] for sample in samples]
last = len(images) - 1
carried = list(propmat.video.carry(images, {0: samples[0].trimap[part], last: samples[last].trimap[part]}))
trimaps = [trimap.labels for trimap in carried]
found = {
    steady: [matte.alpha for matte in propmat.video.mattes(images, trimaps, steady=steady)]
    for steady in ("none", "prior")
}

chosen = (0, last // 2, last)
figure, axes = plt.subplots(3, 3, figsize=(9, 6.9))
for frame, column in zip(chosen, axes.T, strict=True):
    column[0].imshow(images[frame])
    column[1].imshow(trimaps[frame].labels, cmap="gray", vmin=0, vmax=1)
    column[2].imshow(found["prior"][frame], cmap="gray", vmin=0, vmax=1)
    column[0].set(title=f"frame {frame}: " + ("its trimap was given" if frame in (0, last) else "carried"))
for place in axes.flat:
    place.set(xticks=[], yticks=[])

# %%
# One column over time
# --------------------
# Time goes to the right. Straight lines are still or move evenly; a ragged line flickers.

truth = [sample.alpha[part] for sample in samples]
change = np.abs(np.diff(found["none"], axis=0) - np.diff(truth, axis=0))
column = int(np.argmax(change.sum(axis=(0, 1))))
strips = {"image": images, "truth": truth, **found}
figure, axes = plt.subplots(1, 4, figsize=(9, 3))
for place, (title, frames) in zip(axes, strips.items(), strict=True):
    strip = np.stack([frame[:, column] for frame in frames], axis=1)
    place.imshow(strip, cmap="gray", vmin=0, vmax=1, aspect="auto")
    place.set(title=f"steady={title!r}" if title in found else title, xticks=[], yticks=[])

for steady, alphas in found.items():
    inside = slice(1, last)  # the key frames are not judged
    flicker = propmat.metrics.dtssd(alphas[inside], truth[inside])
    error = np.mean([np.abs(alpha - true).sum() / 1000 for alpha, true in zip(alphas, truth, strict=True)])
    print(
        f"steady={steady!r:8} flicker beside the truth (dtSSD) {flicker:.3f}, mean sum of errors {error:.2f} thousand"
    )
plt.show()
