"""
From a few strokes to a matte
=============================

Instead of a trimap a few strokes can be painted; all other pixels are unknown. :py:obj:`propmat.Labelling` solves
after each stroke, and goes on from the matte before. (``propmat studio photo.jpg`` is a page to paint on,
:doc:`/studio`.)
"""

# %%
# Three rounds of strokes
# -----------------------
# Strokes are lines of a trimap: 1 is foreground, 0 is background, 0.5 unknown.

import matplotlib.pyplot as plt
import numpy as np

import propmat
from propmat import pictures

sample = propmat.datasets.flower()
height, width = sample.trimap.shape
y, x = np.mgrid[:height, :width]
trimap = np.full((height, width), 0.5)


def stroke(value, *points, radius=6):
    """Paint a line through points (x, y)."""
    for (x0, y0), (x1, y1) in zip(points, points[1:], strict=False):
        along = np.clip(((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / ((x1 - x0) ** 2 + (y1 - y0) ** 2), 0, 1)
        trimap[np.hypot(x - x0 - along * (x1 - x0), y - y0 - along * (y1 - y0)) <= radius] = value


def over_image():
    """The photograph with the strokes on it, green for foreground and red for background."""
    shown = sample.image.copy()
    shown[trimap == 1], shown[trimap == 0] = (0.2, 0.9, 0.4), (1, 0.25, 0.3)
    return shown


rounds = [
    [(1, (230, 220), (390, 220)), (0, (30, 30), (600, 30))],
    [(0, (30, 30), (30, 390)), (0, (600, 30), (600, 340))],
    [(1, (350, 408), (405, 412)), (0, (60, 405), (260, 412)), (0, (470, 350), (560, 405))],
]
labelling = propmat.Labelling(sample.image)
steps = []
for strokes in rounds:
    for value, *points in strokes:
        stroke(value, *points)
    matte = labelling.matte(trimap)
    steps.append((over_image(), matte))
    known = np.mean(trimap != 0.5)
    print(f"{known:.1%} of the pixels labelled: {matte.iterations} iterations, error {matte.error:.0e}")

figure, axes = plt.subplots(2, 3, figsize=(9, 4.3))
for (strokes, matte), (above, below) in zip(steps, axes.T, strict=True):
    above.imshow(strokes)
    below.imshow(matte.alpha, cmap="gray", vmin=0, vmax=1)
for place in axes.flat:
    place.set(xticks=[], yticks=[])

# %%
# The cut-out
# -----------

alpha = matte.alpha
colours, _ = propmat.foreground(sample.image, alpha)
figure, place = plt.subplots(figsize=(6, 4))
place.imshow(np.clip(pictures.over(colours, alpha, pictures.flat("#2f3e46", alpha.shape)), 0, 1))
place.set(xticks=[], yticks=[])

drawn = propmat.Trimap.parse(sample.trimap)
differs = np.abs(propmat.closed_form(sample.image, drawn) - alpha)
print(
    f"beside the matte of a carefully drawn trimap ({drawn.unknown.mean():.0%} unknown, not "
    f"{np.mean(trimap == 0.5):.0%}) it differs by {differs.mean():.3f} on average, by more than 0.1 at "
    f"{np.mean(differs > 0.1):.1%} of the pixels"
)
plt.show()
