"""
Colours of a cut-out: no halo
=============================

A pixel at a soft edge shows a mixture of foreground and background. A cut-out that keeps the colours of the photograph
carries that background along, and shows it as a halo wherever it is put. :py:obj:`propmat.foreground` estimates the
colours of both layers from image and matte.
"""

# %%
# A flower, put before white
# --------------------------

import matplotlib.pyplot as plt
import numpy as np

import propmat
from propmat import pictures

sample = propmat.datasets.flower()
alpha = propmat.closed_form(sample.image, sample.trimap)
colours, _ = propmat.foreground(sample.image, alpha)
behind = pictures.flat("white", alpha.shape)
naive = pictures.over(sample.image, alpha, behind)
estimated = pictures.over(colours, alpha, behind)

rows, columns = slice(65, 145), slice(190, 310)
figure, axes = plt.subplots(2, 2, figsize=(7.5, 5.6))
shown = {"photograph": sample.image, "matte": alpha, "its colours: a halo": naive, "estimated colours": estimated}
for place, (title, picture) in zip(axes.flat, shown.items(), strict=True):
    place.imshow(np.clip(picture[rows, columns], 0, 1), cmap="gray")
    place.set(title=title, xticks=[], yticks=[])

soft = (alpha > 0.02) & (alpha < 0.98)
darker = np.mean((estimated - naive)[soft])
print(f"on soft pixels ({soft.mean():.1%} of the picture) the halo is {255 * darker:.0f} of 255 levels darker")

# %%
# Measured
# --------
# Of a rendered scene the true colours of the foreground are known, and so is what it looks like before any background.
# The true matte is used for all three, so that only colours differ.

scene = propmat.datasets.synthetic(seed=0, shape=(240, 320))
behind = pictures.flat("#1b2a41", scene.alpha.shape)
true = pictures.over(scene.foreground, scene.alpha, behind)
composites = {
    "colours of the image": pictures.over(scene.image, scene.alpha, behind),
    "multilevel": pictures.over(propmat.foreground(scene.image, scene.alpha)[0], scene.alpha, behind),
    "closed_form": pictures.over(
        propmat.foreground(scene.image, scene.alpha, method="closed_form")[0], scene.alpha, behind
    ),
}
mixed = (scene.alpha > 0) & (scene.alpha < 1)
figure, axes = plt.subplots(1, 4, figsize=(9, 2))
for place, (title, picture) in zip(axes, {"true": true, **composites}.items(), strict=True):
    place.imshow(np.clip(picture, 0, 1))
    place.set(title=title, xticks=[], yticks=[])
for title, picture in composites.items():
    print(f"{title:22} mean error {255 * np.abs(picture - true)[mixed].mean():5.2f} of 255 levels on mixed pixels")
plt.show()
