// Ridge regression of a map on colours in every window; twins of _cpu/closed_form.py (window_statistics), _cpu/box.py
// (fit_windows) and _cpu/ridge.py. Windows are indexed by their top left pixel. The macro DEPTH is the number of
// channels.

// Mean colour, and the Cholesky factor of the regularised covariance with the reciprocals of its diagonal.
extern "C" __global__ void window_statistics(const double *image, long long width, const bool *wanted, long long rows,
                                             long long columns, long long radius, double epsilon, double *means,
                                             double *factors)
{
    long long side = 2 * radius + 1;
    double count = side * side;
    FOR_ALL(window, rows * columns) {
        if (!wanted[window])
            continue;
        const double *corner = image + (window / columns * width + window % columns) * DEPTH;
        double mean[DEPTH] = {0}, factor[DEPTH][DEPTH] = {{0}};
        for (long long pixel = 0; pixel < side * side; pixel++)
            for (int c = 0; c < DEPTH; c++)
                mean[c] += corner[(pixel / side * width + pixel % side) * DEPTH + c];
        for (int c = 0; c < DEPTH; c++)
            means[window * DEPTH + c] = mean[c] /= count;
        for (long long pixel = 0; pixel < side * side; pixel++) {
            const double *colour = corner + (pixel / side * width + pixel % side) * DEPTH;
            for (int a = 0; a < DEPTH; a++)
                for (int b = 0; b <= a; b++)
                    factor[a][b] += (colour[a] - mean[a]) * (colour[b] - mean[b]);
        }
        for (int a = 0; a < DEPTH; a++)
            for (int b = 0; b <= a; b++) {
                double pivot = factor[a][b] / count + (a == b ? epsilon / count : 0.0);
                for (int k = 0; k < b; k++)
                    pivot -= factor[a][k] * factor[b][k];
                factor[a][b] = a == b ? 1.0 / sqrt(pivot) : pivot * factor[b][b];
            }
        for (int k = 0; k < DEPTH * DEPTH; k++)
            factors[window * DEPTH * DEPTH + k] = factor[k / DEPTH][k % DEPTH];
    }
}

// Slopes a_k and means p̄_k of every wanted window.
extern "C" __global__ void fits(const double *image, long long width, const double *means, const double *factors,
                                const bool *wanted, long long rows, long long columns, long long radius,
                                const double *plane, double *slopes, double *levels)
{
    long long side = 2 * radius + 1;
    double count = side * side;
    FOR_ALL(window, rows * columns) {
        if (!wanted[window])
            continue;
        long long corner = window / columns * width + window % columns;
        const double *mean = means + window * DEPTH, *factor = factors + window * DEPTH * DEPTH;
        double level = 0, slope[DEPTH] = {0};
        for (long long pixel = 0; pixel < side * side; pixel++)
            level += plane[corner + pixel / side * width + pixel % side];
        level /= count;
        for (long long pixel = 0; pixel < side * side; pixel++) {
            long long i = corner + pixel / side * width + pixel % side;
            for (int c = 0; c < DEPTH; c++)
                slope[c] += (plane[i] - level) / count * (image[i * DEPTH + c] - mean[c]);
        }
        for (int a = 0; a < DEPTH; a++) {
            for (int b = 0; b < a; b++)
                slope[a] -= factor[a * DEPTH + b] * slope[b];
            slope[a] *= factor[a * DEPTH + a];
        }
        for (int a = DEPTH - 1; a >= 0; a--) {
            for (int b = a + 1; b < DEPTH; b++)
                slope[a] -= factor[b * DEPTH + a] * slope[b];
            slope[a] *= factor[a * DEPTH + a];
        }
        levels[window] = level;
        for (int c = 0; c < DEPTH; c++)
            slopes[window * DEPTH + c] = slope[c];
    }
}

// Slopes a and constant b of the ridge fit of p in every window, from the sums of (I p, p) over it.
extern "C" __global__ void fit_windows(const double *sums, const double *mean, const double *inverse, long long windows,
                                       double count, double *out)
{
    FOR_ALL(w, windows) {
        const double *moments = sums + w * (DEPTH + 1), *centre = mean + w * DEPTH;
        double total = moments[DEPTH], moment[DEPTH], constant = total / count;
        for (int c = 0; c < DEPTH; c++)
            moment[c] = moments[c] - centre[c] * total;
        for (int c = 0; c < DEPTH; c++) {
            double slope = 0;
            for (int e = 0; e < DEPTH; e++)
                slope += inverse[(w * DEPTH + c) * DEPTH + e] * moment[e];
            slope /= count;
            out[w * (DEPTH + 1) + c] = slope;
            constant -= slope * centre[c];
        }
        out[w * (DEPTH + 1) + DEPTH] = constant;
    }
}

// ρ = p - p̄ - a · (I - μ)
__device__ double residual(double value, double level, const double *slope, const double *colour, const double *mean)
{
    double left = value - level;
    for (int c = 0; c < DEPTH; c++)
        left -= slope[c] * (colour[c] - mean[c]);
    return left;
}

// Loop over the wanted windows that contain pixel (y, x).
#define FOR_WINDOWS(window, y, x)                                                                                \
    for (long long v = max(0LL, (y) - 2 * radius); v < min(rows, (y) + 1); v++)                                   \
        for (long long window = v * columns + max(0LL, (x) - 2 * radius);                                         \
             window < v * columns + min(columns, (x) + 1); window++)                                              \
            if (wanted[window])

// Σ ρ over the windows that contain each pixel
extern "C" __global__ void residual_sums(const double *image, long long height, long long width, const double *means,
                                         const bool *wanted, long long rows, long long columns, long long radius,
                                         const double *plane, const double *slopes, const double *levels, double *out)
{
    FOR_ALL(i, height * width) {
        double total = 0;
        FOR_WINDOWS(window, i / width, i % width)
        {
            total += residual(plane[i], levels[window], slopes + window * DEPTH, image + i * DEPTH, means + window * DEPTH);
        }
        out[i] = total;
    }
}

// Σ ρ(λ) a(α) + ρ(α) a(λ) over the windows that contain each pixel
extern "C" __global__ void colour_gradient(const double *image, long long height, long long width, const double *means,
                                           const bool *wanted, long long rows, long long columns, long long radius,
                                           const double *adjoint, const double *adjoint_slopes,
                                           const double *adjoint_levels, const double *alpha, const double *slopes,
                                           const double *levels, double *out)
{
    FOR_ALL(i, height * width) {
        const double *colour = image + i * DEPTH;
        double total[DEPTH] = {0};
        FOR_WINDOWS(window, i / width, i % width)
        {
            const double *mean = means + window * DEPTH, *slope = slopes + window * DEPTH;
            const double *other = adjoint_slopes + window * DEPTH;
            double left = residual(adjoint[i], adjoint_levels[window], other, colour, mean);
            double right = residual(alpha[i], levels[window], slope, colour, mean);
            for (int c = 0; c < DEPTH; c++)
                total[c] += left * slope[c] + right * other[c];
        }
        for (int c = 0; c < DEPTH; c++)
            out[i * DEPTH + c] = total[c];
    }
}
