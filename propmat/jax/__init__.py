"""The verbs on JAX arrays: under `jit`, `grad` and `vmap`, by callbacks to the host.

Of one image each; `jax.vmap` makes batches. Arrays are laid out as for NumPy, and solved in float64 whatever JAX's own
precision is. Alpha has the dtype of the image or the affinities, float32 where these are integers or half precision. A
pullback cannot cross `jit`, so the way back solves forwards once more.

Wrong shapes, dtypes and options are an `InputError` at once. So are wrong values, unless arrays are traced: then they
come out as an error of JAX, with propmat's message inside. JAX runs callbacks on threads of its own: double precision
is to be switched on for the whole process (``jax.config.update("jax_enable_x64", True)``), not by a context.

>>> import jax
>>> import jax.numpy as jnp
>>> import propmat.jax
>>> def middle(horizontal):
...     edges = horizontal, jnp.ones((0, 3))
...     return propmat.jax.propagate(edges, jnp.array([[0, 0.5, 1]]))[0, 1]
>>> jax.jit(jax.grad(middle))(jnp.ones((1, 2)))
Array([[-0.25,  0.25]], dtype=float32)
"""

try:
    import jax as _jax  # noqa: F401
except ImportError:
    from propmat.errors import MissingDependencyError

    raise MissingDependencyError("propmat.jax needs JAX: python -m pip install 'propmat[jax]'") from None

from propmat.jax._verbs import closed_form, knn, propagate, refine

__all__ = ["closed_form", "knn", "propagate", "refine"]
