"""Find colours for which a matte is correct, by the gradient of closed-form matting with respect to the image.

    python -m examples.optimise_image [picture.png]

Minimises the squared error of the matte over the colours, by gradient descent. Draws the image, its gradient, the
changed image and the mattes before and after.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import propmat
from propmat.pictures import contact_sheet


def main(picture: str = "optimised.png", shape: tuple[int, int] = (120, 160), steps: int = 40) -> tuple[float, float]:
    """Descend, draw; returns the squared error before and after."""
    sample = propmat.datasets.synthetic(3, shape)
    image, step = sample.image, 0.01
    errors, mattes, gradients = [], [], []
    for _ in range(steps):
        alpha, pullback = propmat.adjoint.closed_form(image, sample.trimap, epsilon=1e-4)
        gradient = pullback(alpha - sample.alpha, wanted=["image"]).image
        errors.append(float(np.square(alpha - sample.alpha).sum()))
        mattes.append(alpha)
        gradients.append(gradient)
        if len(errors) > 1:
            step *= 1.2 if errors[-1] < errors[-2] else 0.5
        image = np.clip(image - step * gradient / (np.abs(gradient).max() + 1e-12), 0, 1)
    size = np.abs(gradients[0]).sum(axis=2)
    panels = {
        "image": sample.image,
        "changed image": image,
        "matte": mattes[0],
        "its matte": mattes[-1],
        "where colours matter": (size / size.max()) ** 0.25,
        "truth": sample.alpha,
    }
    propmat.io.write_image(Path(picture), contact_sheet(panels))
    print(f"squared error {errors[0]:.2f}, after {steps} steps {errors[-1]:.2f}")
    return errors[0], errors[-1]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("picture", nargs="?", default="optimised.png", help="the file to draw to (%(default)s)")
    main(parser.parse_args().picture)
