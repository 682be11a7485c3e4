"""
All methods on one picture, with their errors
=============================================

A rendered scene has what photographs make difficult, fur, a net, glass and spots out of focus, and a matte that is
known exactly. Each method gets the same trimap. Below each matte is its error: red where it is too opaque, blue where
it is too transparent, grey where the trimap says what is what.
"""

import matplotlib.pyplot as plt
import numpy as np

import propmat

sample = propmat.datasets.synthetic(seed=5, shape=(180, 240))
trimap = propmat.Trimap.parse(sample.trimap)

# sphinx_gallery_thumbnail_number = 2
figure, axes = plt.subplots(1, 3, figsize=(9, 2.65))
for place, (title, picture) in zip(
    axes, {"image": sample.image, "trimap": sample.trimap, "truth": sample.alpha}.items(), strict=True
):
    place.imshow(picture, cmap="gray", vmin=0, vmax=1)
    place.set(title=title, xticks=[], yticks=[])

# %%
# Mattes and errors
# -----------------
# SAD is the sum of absolute differences over the unknown pixels, in thousands.

methods = {
    "closed_form": propmat.closed_form,
    "learning_based": propmat.learning_based,
    "large_kernel": propmat.large_kernel,
    "knn": propmat.knn,
    "random_walk": propmat.random_walk,
    "shared_sampling": propmat.shared_sampling,
    "comprehensive_sampling": propmat.comprehensive_sampling,
    "information_flow": propmat.information_flow,
}
mattes = {name: method(sample.image, trimap) for name, method in methods.items()}
scores = {name: propmat.metrics.sad(alpha, sample.alpha, trimap) for name, alpha in mattes.items()}
ranked = sorted(mattes, key=scores.get)


def error_map(alpha):
    """Red where alpha is too great, blue where it is too small, white where it is right; known pixels grey."""
    error = np.clip(2 * (alpha - sample.alpha), -1, 1)[..., None]
    colours = 1 - np.maximum(error, 0) * [0, 1, 1] - np.maximum(-error, 0) * [1, 1, 0]
    return np.where(trimap.known[..., None], 0.85, colours)


figure, axes = plt.subplots(4, 4, figsize=(9, 7))
for number, name in enumerate(ranked):
    row, column = 2 * (number // 4), number % 4
    axes[row, column].imshow(mattes[name], cmap="gray", vmin=0, vmax=1)
    axes[row, column].set(title=f"{name}: {scores[name]:.2f}")
    axes[row + 1, column].imshow(error_map(mattes[name]))
for place in axes.flat:
    place.set(xticks=[], yticks=[])

print(f"SAD from {scores[ranked[0]]:.2f} ({ranked[0]}) to {scores[ranked[-1]]:.2f} ({ranked[-1]})")

# %%
# Where each of them errs
# -----------------------
# The closed form and the random walk go from neighbour to neighbour, so what no foreground label touches, the net and
# the glass, becomes background. Sampling and information flow compare colours far apart, and the windows of the large
# kernel are wider than a mesh: they find the net, and some of them the glass, each with errors of its own. Errors by
# part of the picture, as a share of the true alpha there:

parts = {"fur": np.s_[76:, 60:185], "net": np.s_[:76, 157:232], "glass": np.s_[50:112, :62]}
for name in ranked:
    shares = []
    for part, place in parts.items():
        unknown = trimap.unknown[place]
        error = np.abs(mattes[name] - sample.alpha)[place][unknown].sum() / sample.alpha[place][unknown].sum()
        shares.append(f"{part} {error:5.0%}")
    print(f"{name:24}" + "   ".join(shares))
plt.show()
