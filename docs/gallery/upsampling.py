"""
A network's small matte at full size
====================================

Networks compute mattes at a few hundred pixels, and the result is enlarged. :py:obj:`propmat.upsample` makes a matte
of the photograph's size whose averages are the small matte, and whose edges and hairs are those of the photograph.
"""

# %%
# An eighth of the size
# ---------------------
# In place of a network: the true matte of an animal, averaged over squares of 8 x 8 pixels.

import matplotlib.pyplot as plt
import numpy as np

import propmat

sample = propmat.datasets.fur()
height, width = sample.alpha.shape
small = sample.alpha.reshape(height // 8, 8, width // 8, 8).mean(axis=(1, 3))
enlarged = propmat.pictures.scaled(small, (height, width))
alpha = propmat.upsample(sample.image, small)

mattes = {f"small, {small.shape[1]} x {small.shape[0]}": small, "enlarged": enlarged, "upsample": alpha}
figure, axes = plt.subplots(1, 4, figsize=(9, 2.7))
for place, (title, picture) in zip(axes, {"image": sample.image, **mattes}.items(), strict=True):
    place.imshow(picture, cmap="gray", vmin=0, vmax=1)
    place.set(title=title, xticks=[], yticks=[])

# %%
# Closer
# ------

rows, columns = slice(20, 180), slice(160, 360)
parts = {"image": sample.image, "enlarged": enlarged, "upsample": alpha, "truth": sample.alpha}
# sphinx_gallery_thumbnail_number = 2
figure, axes = plt.subplots(2, 2, figsize=(7.5, 6.4))
for place, (title, picture) in zip(axes.flat, parts.items(), strict=True):
    place.imshow(picture[rows, columns], cmap="gray", vmin=0, vmax=1)
    place.set(title=title, xticks=[], yticks=[])

# %%
# Errors
# ------
# The means of the result over 8 x 8 pixels are the small matte again, nearly: that is what it was asked for.

before, after = (np.abs(matte - sample.alpha).sum() / 1000 for matte in (enlarged, alpha))
again = alpha.reshape(height // 8, 8, width // 8, 8).mean(axis=(1, 3))
print(f"sum of errors, thousands: enlarged {before:.2f}, upsample {after:.2f}, a factor of {after / before:.2f}")
print(f"means of the result differ from the small matte by {np.abs(again - small).mean():.4f}")
plt.show()
