"""Ridge regression of a map p on colours in every window, and its residuals.

    a_k = Δ_k⁻¹ (1/n) Σ_i (I_i - μ_k) (p_i - p̄_k),        ρ_ki = p_i - p̄_k - a_k · (I_i - μ_k)

with mean μ_k and regularised covariance Δ_k of `_cpu.closed_form.window_statistics`. The product with the closed-form
Laplacian is the sum of residuals, (L p)_i = Σ_{k ∋ i} ρ_ki (Levin et al. 2008, section 3; `docs/mathematics.md`,
section 6).
"""

import numpy as np

from propmat._cpu._compiled import compiled
from propmat._cpu._threads import share


def fits(image, mean, whitening, wanted, radius, plane):
    """Slopes a_k and means p̄_k of every wanted window, indexed by its top left pixel; 0 elsewhere."""
    slopes, levels = np.zeros((*wanted.shape, image.shape[2])), np.zeros(wanted.shape)
    share(_fit_rows, len(wanted), image, mean, whitening, wanted, radius, plane, slopes, levels)
    return slopes, levels


@compiled()
def _fit_rows(low, high, image, mean, whitening, wanted, radius, plane, slopes, levels):
    channels = image.shape[2]
    side = 2 * radius + 1
    count = side * side
    for y in range(low, high):
        for x in range(wanted.shape[1]):
            if not wanted[y, x]:
                continue
            level = 0.0
            for dy in range(side):
                for dx in range(side):
                    level += plane[y + dy, x + dx]
            level /= count
            levels[y, x] = level
            slope = slopes[y, x]
            for dy in range(side):
                for dx in range(side):
                    value = (plane[y + dy, x + dx] - level) / count
                    for c in range(channels):
                        slope[c] += value * (image[y + dy, x + dx, c] - mean[y, x, c])
            _solve(whitening[y, x], slope)


@compiled(inline="always")
def _solve(factor, x):
    """x ← (C Cᵀ)⁻¹ x in place; `factor` is C with the reciprocals of its diagonal."""
    channels = x.size
    for a in range(channels):
        for b in range(a):
            x[a] -= factor[a, b] * x[b]
        x[a] *= factor[a, a]
    for a in range(channels - 1, -1, -1):
        for b in range(a + 1, channels):
            x[a] -= factor[b, a] * x[b]
        x[a] *= factor[a, a]


@compiled(inline="always")
def _residual(value, level, slope, colour, centre):
    left = value - level
    for c in range(colour.size):
        left -= slope[c] * (colour[c] - centre[c])
    return left


def residual_sums(image, mean, wanted, radius, plane, slopes, levels):
    """Σ_{k ∋ i} ρ_ki for every pixel i: the product of the Laplacian with `plane`."""
    out = np.zeros(plane.shape)
    share(_sum_rows, len(out), image, mean, wanted, radius, plane, slopes, levels, out)
    return out


@compiled()
def _sum_rows(low, high, image, mean, wanted, radius, plane, slopes, levels, out):
    rows, columns = wanted.shape
    for y in range(low, high):
        for x in range(plane.shape[1]):
            for v in range(max(0, y - 2 * radius), min(rows, y + 1)):
                for u in range(max(0, x - 2 * radius), min(columns, x + 1)):
                    if wanted[v, u]:
                        out[y, x] += _residual(plane[y, x], levels[v, u], slopes[v, u], image[y, x], mean[v, u])


def colour_gradient(image, mean, wanted, radius, adjoint, adjoint_slopes, adjoint_levels, alpha, slopes, levels):
    """Σ_{k ∋ i} ρ_ki(λ) a_k(α) + ρ_ki(α) a_k(λ) for every pixel i, (H, W, d)."""
    out = np.zeros(image.shape)
    fits_of_both = adjoint, adjoint_slopes, adjoint_levels, alpha, slopes, levels
    share(_colour_rows, len(out), image, mean, wanted, radius, *fits_of_both, out)
    return out


@compiled()
def _colour_rows(
    low, high, image, mean, wanted, radius, adjoint, adjoint_slopes, adjoint_levels, alpha, slopes, levels, out
):
    _, width, channels = image.shape
    rows, columns = wanted.shape
    for y in range(low, high):
        for x in range(width):
            colour = image[y, x]
            for v in range(max(0, y - 2 * radius), min(rows, y + 1)):
                for u in range(max(0, x - 2 * radius), min(columns, x + 1)):
                    if wanted[v, u]:
                        centre = mean[v, u]
                        left = _residual(adjoint[y, x], adjoint_levels[v, u], adjoint_slopes[v, u], colour, centre)
                        right = _residual(alpha[y, x], levels[v, u], slopes[v, u], colour, centre)
                        for c in range(channels):
                            out[y, x, c] += left * slopes[v, u, c] + right * adjoint_slopes[v, u, c]
