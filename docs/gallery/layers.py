"""
Layers: one set-up, several mattes
==================================

A picture can be divided into more than two layers, each with strokes of its own. The matrix is the same for all of
them, so :py:obj:`propmat.prepare` sets it up once; each layer is one solve with its strokes as 1 and those of the
others as 0. Because the system is linear and its rows sum to zero, the layers sum to 1 everywhere.
"""

# %%
# Two flowers and the rest
# ------------------------

import matplotlib.pyplot as plt
import numpy as np

import propmat

sample = propmat.datasets.flower()
image = sample.image
height, width = sample.trimap.shape
y, x = np.mgrid[:height, :width]
marks = {
    "upper flower": np.hypot(x - 309, y - 222) < 115,
    "lower flower": np.hypot((x - 375) / 2, y - 420) < 22,
    "background": sample.trimap == 0,
}
known = np.any(list(marks.values()), axis=0)
trimap = np.where(known, 1.0 * ~marks["background"], 0.5)
prepared = propmat.prepare(propmat.laplacian.closed_form(image), trimap)
solved = dict(zip(marks, prepared.solve_all([1.0 * mark for mark in marks.values()]), strict=True))
layers = {name: matte.alpha for name, matte in solved.items()}

figure, axes = plt.subplots(2, 2, figsize=(7.5, 5.5))
for place, (title, picture) in zip(axes.flat, {"image": image, **layers}.items(), strict=True):
    place.imshow(picture, cmap="gray", vmin=0, vmax=1)
    place.set(title=title, xticks=[], yticks=[])

total = np.sum(list(layers.values()), axis=0)
counts = ", ".join(f"{name} {matte.iterations}" for name, matte in solved.items())
print(f"the layers sum to 1 with an error of {np.abs(total - 1).mean():.1e} on average; iterations: {counts}")

# %%
# Another colour for one of them
# ------------------------------
# Each layer is changed by itself; at soft edges the mixture stays what it was.

tinted = image[..., [2, 1, 0]] * [0.9, 0.75, 1.25]
dimmed = 0.35 * image.mean(axis=2, keepdims=True) + 0.25 * image
changed = (
    layers["upper flower"][..., None] * tinted
    + layers["lower flower"][..., None] * image
    + layers["background"][..., None] * dimmed
)
figure, axes = plt.subplots(1, 2, figsize=(9, 3.1))
for place, (title, picture) in zip(axes, {"image": image, "each layer changed": changed}.items(), strict=True):
    place.imshow(np.clip(picture, 0, 1))
    place.set(title=title, xticks=[], yticks=[])
plt.show()
