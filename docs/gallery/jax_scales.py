"""
JAX: fit numbers through the solve
==================================

:py:obj:`propmat.jax` has the verbs under ``jit``, ``grad`` and ``vmap``. Here three numbers are fitted: how much each
colour channel counts when neighbours are compared, exp(-Σ s² ΔI²). The functions are those of
:download:`examples/jax_gradient.py <../../examples/jax_gradient.py>`, so that this script
runs in the root of a checkout.
"""

# %%
# Gradient descent
# ----------------

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

import propmat
from examples.jax_gradient import error, matte

shape = (60, 84)
samples = [propmat.datasets.synthetic(seed, shape) for seed in range(6)]
known = [jnp.stack([getattr(sample, name) for sample in samples]) for name in ("image", "trimap", "alpha")]
descend = jax.jit(jax.value_and_grad(error))
scales, speed = jnp.ones(3), jnp.zeros(3)
errors, path = [], []
for _ in range(30):
    value, gradient = descend(scales, *known)
    errors.append(float(value))
    path.append(np.asarray(scales))
    speed = 0.7 * speed - gradient / (jnp.linalg.norm(gradient) + 1e-9)
    scales = scales + speed

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 2.6))
left.plot(errors, color="tab:green")
left.set(xlabel="step", ylabel="mean error of six scenes", ylim=(0, None))
for values, name, colour in zip(np.transpose(path), ("red", "green", "blue"), ("C3", "C2", "C0"), strict=True):
    right.plot(values, color=colour, label=name)
right.set(xlabel="step", ylabel="scale s")
right.legend()
for place in (left, right):
    place.spines[["top", "right"]].set_visible(False)

# %%
# A scene that was not fitted
# ---------------------------

new = propmat.datasets.synthetic(1000, shape)
mattes = {
    "all scales 1": np.asarray(matte(jnp.ones(3), new.image, new.trimap)),
    "fitted": np.asarray(matte(scales, new.image, new.trimap)),
}
# sphinx_gallery_thumbnail_number = 2
figure, axes = plt.subplots(2, 2, figsize=(7, 5.6))
for place, (title, picture) in zip(axes.flat, {"image": new.image, "truth": new.alpha, **mattes}.items(), strict=True):
    place.imshow(picture, cmap="gray", vmin=0, vmax=1)
    place.set(title=title, xticks=[], yticks=[])

scores = {title: propmat.metrics.sad(alpha, new.alpha, new.trimap) for title, alpha in mattes.items()}
print(f"fitted scenes: mean error {errors[0]:.4f} at first, {errors[-1]:.4f} after {len(errors)} steps")
print("the other scene: " + ", ".join(f"SAD {score:.3f} with {title}" for title, score in scores.items()))
plt.show()
