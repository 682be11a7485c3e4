"""The vector updates of conjugate gradients, sums in a fixed order whatever the number of threads."""

from numba import prange

from propmat._cpu._compiled import compiled

SUMS = 64  # stretches that dot products are summed over first: the same for any number of threads
CHECK_EVERY = 1  # iterations between two looks at the residual


@compiled(parallel=True, fastmath={"contract", "reassoc"})
def descend(x, r, p, q, rz, curvature, partial):
    """x += alpha p, r -= alpha q with alpha = rz / curvature, 0 unless both are positive; returns rᵀ r."""
    alpha = rz / curvature if rz > 0.0 and curvature > 0.0 else 0.0
    chunks = partial.size
    n = x.size
    for c in prange(chunks):
        low, high = c * n // chunks, (c + 1) * n // chunks
        total = 0.0
        for i in range(low, high):
            x[i] += alpha * p[i]
            r[i] -= alpha * q[i]
            total += r[i] * r[i]
        partial[c] = total
    return partial.sum()


@compiled(parallel=True, fastmath={"contract", "reassoc"})
def turn(r, z, p, before, partial):
    """p = z + beta p with beta = rᵀz / before, 0 for before = 0; returns rᵀ z."""
    chunks = partial.size
    n = r.size
    for c in prange(chunks):
        total = 0.0
        for i in range(c * n // chunks, (c + 1) * n // chunks):
            total += r[i] * z[i]
        partial[c] = total
    product = partial.sum()
    beta = product / before if before > 0.0 else 0.0
    for c in prange(chunks):
        for i in range(c * n // chunks, (c + 1) * n // chunks):
            p[i] = z[i] + beta * p[i]
    return product
