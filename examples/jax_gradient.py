"""Learn the weights of the three colour channels by gradient descent in JAX.

    python -m examples.jax_gradient [picture.png]

Affinities are exp(-Σ_c s_c² ΔI_c²); the scales s are fitted to a batch of rendered scenes by `vmap`, and tested on
another scene. Draws the mattes before and after.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

import propmat
import propmat.jax
from propmat.losses import alpha_loss
from propmat.pictures import contact_sheet


def matte(scales: jax.Array, image: jax.Array, trimap: jax.Array) -> jax.Array:
    horizontal, vertical = (
        jnp.exp(-jnp.square(scales * jnp.diff(image, axis=axis)).sum(axis=-1)) + 1e-4 for axis in (1, 0)
    )
    return propmat.jax.propagate((horizontal, vertical), trimap)


def error(scales: jax.Array, images: jax.Array, trimaps: jax.Array, truths: jax.Array) -> jax.Array:
    alphas = jax.vmap(matte, in_axes=(None, 0, 0))(scales, images, trimaps)
    return alpha_loss(alphas, truths, trimaps == 0.5)


def main(picture: str = "scales.png", shape: tuple[int, int] = (64, 96), steps: int = 30) -> tuple[float, float]:
    """Fit, draw an unseen scene; returns the error on the scenes before and after."""
    samples = [propmat.datasets.synthetic(seed, shape) for seed in range(4)]
    scenes = [jnp.stack([getattr(s, name) for s in samples]) for name in ("image", "trimap", "alpha")]
    descend = jax.jit(jax.value_and_grad(error))
    scales, speed = jnp.ones(3), jnp.zeros(3)
    errors = []
    for _ in range(steps):
        value, gradient = descend(scales, *scenes)
        errors.append(float(value))
        speed = 0.7 * speed - 1.0 * gradient / (jnp.linalg.norm(gradient) + 1e-9)
        scales = scales + speed
    new = propmat.datasets.synthetic(1000, shape)
    before, after = (np.asarray(matte(s, new.image, new.trimap), float) for s in (jnp.ones(3), scales))
    panels = {"image": new.image, "truth": new.alpha, "all scales 1": before, "fitted scales": after}
    propmat.io.write_image(Path(picture), contact_sheet(panels))
    print(f"mean error {errors[0]:.4f}, after {steps} steps {errors[-1]:.4f}; scales {np.asarray(scales).round(1)}")
    return errors[0], errors[-1]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("picture", nargs="?", default="scales.png", help="the file to draw to (%(default)s)")
    main(parser.parse_args().picture)
