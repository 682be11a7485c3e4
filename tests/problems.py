"""Small problems for several tests, and dense reference implementations."""

import colorsys

import numpy as np

from propmat import Trimap, laplacian


def dense_closed_form(image, epsilon=1e-7, radius=1, windows=None):
    """The closed-form Laplacian from its definition as ridge regression (Levin et al. 2008, equation 12).

    With `windows`, each window has a weight.

    The value matrix of a window is H - Y (Y'Y + epsilon)^-1 Y'; by the singular values of Y it loses no digits to
    the conditioning of the covariance.
    """
    image = image.reshape(*image.shape[:2], -1)
    height, width, channels = image.shape
    side = 2 * radius + 1
    pixel = np.arange(height * width).reshape(height, width)
    laplacian = np.zeros((height * width, height * width))
    for y in range(height - 2 * radius):
        for x in range(width - 2 * radius):
            window = pixel[y : y + side, x : x + side].ravel()
            colours = image.reshape(-1, channels)[window]
            u, s, _ = np.linalg.svd(colours - colours.mean(axis=0), full_matrices=False)
            fit = (u * (s**2 / (s**2 + epsilon))) @ u.T
            weight = 1 if windows is None else windows[y, x]
            laplacian[np.ix_(window, window)] += weight * (np.eye(side**2) - 1 / side**2 - fit)
    return laplacian


def dense_affinity(horizontal, vertical):
    """D - W of the 4-connected graph, edge by edge."""
    height, width = len(horizontal), vertical.shape[1]
    pixel = np.arange(height * width).reshape(height, width)
    weights = np.zeros((height * width, height * width))
    weights[pixel[:, :-1], pixel[:, 1:]] = weights[pixel[:, 1:], pixel[:, :-1]] = horizontal
    weights[pixel[:-1], pixel[1:]] = weights[pixel[1:], pixel[:-1]] = vertical
    return np.diag(weights.sum(axis=1)) - weights


def dense_learning_based(image, epsilon=1e-7, radius=1):
    """The learning-based Laplacian from its definition: (U - F)'(U - F) of the fit in every window."""
    image = image.reshape(*image.shape[:2], -1)
    height, width, channels = image.shape
    side = 2 * radius + 1
    pixel = np.arange(height * width).reshape(height, width)
    laplacian = np.zeros((height * width, height * width))
    for y in range(height - 2 * radius):
        for x in range(width - 2 * radius):
            window = pixel[y : y + side, x : x + side].ravel()
            colours = np.column_stack([image.reshape(-1, channels)[window], np.ones(side**2)])
            ridge = np.diag([epsilon] * channels + [0.0])
            fit = colours @ np.linalg.solve(colours.T @ colours + ridge, colours.T)
            laplacian[np.ix_(window, window)] += (np.eye(side**2) - fit).T @ (np.eye(side**2) - fit)
    return laplacian


def dense_random_walk(image, sigma=0.033):
    """The Laplacian of random walks, pixel by pixel from its definition."""
    height, width = image.shape[:2]
    colours = image.reshape(height * width, -1)
    weights = np.zeros((height * width, height * width))
    for i in range(height * width):
        for j in range(height * width):
            if abs(i // width - j // width) + abs(i % width - j % width) == 1:
                weights[i, j] = np.exp(-np.sum((colours[i] - colours[j]) ** 2) / sigma**2) + 1e-6
    return np.diag(weights.sum(axis=1)) - weights


def dense_knn(image, preset="rgb"):
    """The KNN Laplacian from its definition: all distances, sorted; all pixels no further than the K-th count."""
    height, width = image.shape[:2]
    colours = image.reshape(height * width, -1)
    y, x = np.divmod(np.arange(height * width), width)
    if preset == "hsv":
        h, s, v = np.transpose([colorsys.rgb_to_hsv(*colour) for colour in colours])
        colours = np.column_stack([np.cos(2 * np.pi * h), np.sin(2 * np.pi * h), s / 2, v / 2])
    place = np.column_stack([x, y])
    scale = np.maximum([width - 1, height - 1], 1) if preset == "two" else np.full(2, np.hypot(height, width))
    searches, in_kernel = {
        "rgb": ([(10, 1.0), (2, 0.01)], 1e-4),
        "hsv": ([(10, 2.0), (2, 0.02)], 2e-4),
        "two": ([(20, 2.0), (10, 0.1)], None),
    }[preset]
    found = np.zeros((height * width, height * width))
    for k, weight in searches:
        points = np.column_stack([np.float32(weight / scale) * place, colours])
        squares = sum(np.square(np.subtract.outer(feature, feature)) for feature in points.T)
        np.fill_diagonal(squares, -1)  # the pixel itself is the first of the K neighbours
        limit = np.sort(squares, axis=1)[:, min(k, height * width) - 1]
        found += (squares <= limit[:, None]) & ~np.eye(height * width, dtype=bool)
    weights = found + found.T
    if preset == "hsv":
        weights = np.minimum(weights, 1)
    if in_kernel is not None:
        points = np.column_stack([np.float32(in_kernel / scale) * place, colours])
        weights *= np.maximum(0, 1 - np.abs(points[:, None] - points[None]).sum(axis=2) / points.shape[1])
    return np.diag(weights.sum(axis=1)) - weights


# For every graph the Laplacian and its dense reference, both as functions of an image.
GRAPHS = {
    "closed_form": (laplacian.closed_form, dense_closed_form),
    "knn rgb": (lambda image: laplacian.knn(image, "rgb"), dense_knn),
    "knn hsv": (lambda image: laplacian.knn(image, "hsv"), lambda image: dense_knn(image, "hsv")),
    "knn two": (lambda image: laplacian.knn(image, "two"), lambda image: dense_knn(image, "two")),
    "learning_based": (laplacian.learning_based, dense_learning_based),
    "large_kernel": (lambda image: laplacian.large_kernel(image, radius=1), dense_closed_form),
    "random_walk": (lambda image: laplacian.random_walk(image, 0.2), lambda image: dense_random_walk(image, 0.2)),
}


def dense_alpha(laplacian, trimap):
    """Alpha by eliminating the known pixels from a dense Laplacian; not clipped."""
    unknown, labels = trimap.unknown.ravel(), trimap.labels.ravel()
    alpha = labels.copy()
    alpha[unknown] = np.linalg.solve(
        laplacian[np.ix_(unknown, unknown)], -laplacian[np.ix_(unknown, ~unknown)] @ labels[~unknown]
    )
    return alpha.reshape(trimap.shape)


def banded_trimap(height, width):
    """Foreground on the left, background on the right, a third unknown between them."""
    values = np.full((height, width), 0.5)
    values[:, : width // 3] = 1
    values[:, -(width // 3) :] = 0
    return values


def random_photo(rng, height=12, width=14, channels=3):
    """Smooth colours with noise: windows of every kind, from nearly flat to full rank."""
    y, x = np.mgrid[:height, :width]
    phases = rng.uniform(0, 6, channels)
    smooth = 0.5 + 0.3 * np.sin(0.4 * x[..., None] + 0.3 * y[..., None] + phases)
    return np.clip(smooth + 0.05 * rng.standard_normal((height, width, channels)), 0, 1)


# Trimaps with unknown pixels at borders, where stencils are truncated: (height, width, unknown mask from y, x).
HARD_MASKS = {
    "all borders and corners": (9, 11, lambda y, x: (y % 8 == 0) | (x % 10 == 0)),
    "one pixel wide": (9, 11, lambda y, x: x == 5),
    "isolated pixels": (9, 12, lambda y, x: (y % 4 == 1) & (x % 4 == 2)),
    "all but one of each label": (9, 11, lambda y, x: (y * 11 + x != 0) & (y * 11 + x != 98)),
    "three rows": (3, 14, lambda y, x: (x > 2) & (x < 11)),
    "three columns": (14, 3, lambda y, x: (y > 2) & (y < 11)),
    "one window": (3, 3, lambda y, x: (y * 3 + x) % 4 == 1),
}


def hard_trimap(name):
    """The named trimap; known pixels in the left or upper part are foreground."""
    height, width, unknown = HARD_MASKS[name]
    y, x = np.mgrid[:height, :width]
    unknown = unknown(y, x)
    left = (y * width + x) < height * width // 2
    return Trimap(left & ~unknown, ~left & ~unknown)
