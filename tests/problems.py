"""Small problems that many tests share, and the dense definitions that they are held against."""

import numpy as np

from propmat import Trimap


def dense_closed_form(image, epsilon=1e-7, radius=1):
    """The closed-form Laplacian from its definition as ridge regression (Levin et al. 2008, equation 12).

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
            laplacian[np.ix_(window, window)] += np.eye(side**2) - 1 / side**2 - fit
    return laplacian


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


# Trimaps that put unknown pixels where stencils are cut: (height, width, unknown mask as a function of y, x).
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
