// The closed-form Laplacian with windows of 3 x 3 pixels. The macro DEPTH is the number of channels. Windows are
// indexed by the support number of their centre; stored for each are its fields (mean, factor[, squaring]), with one
// array of `size` numbers for each component.

const int TRIANGLE = DEPTH * (DEPTH + 1) / 2;

__device__ int at(int row, int column) { return row * (row + 1) / 2 + column; }

// Mean colour of a window, and K with K Kᵀ = Σ + ε/9 I, with the reciprocals of its diagonal.
__device__ void statistics(const double *image, long long width, long long y, long long x, double epsilon, double *mean,
                           double *factor)
{
    double centred[9][DEPTH];
    for (int c = 0; c < DEPTH; c++) {
        mean[c] = 0;
        for (int a = 0; a < 9; a++) {
            centred[a][c] = image[((y - 1 + a / 3) * width + x - 1 + a % 3) * DEPTH + c];
            mean[c] += centred[a][c];
        }
        mean[c] /= 9.0;
        for (int a = 0; a < 9; a++)
            centred[a][c] -= mean[c];
    }
    for (int c = 0; c < DEPTH; c++)
        for (int e = 0; e <= c; e++) {
            double total = c == e ? epsilon : 0.0;
            for (int a = 0; a < 9; a++)
                total += centred[a][c] * centred[a][e];
            total /= 9.0;
            for (int k = 0; k < e; k++)
                total -= factor[at(c, k)] * factor[at(e, k)];
            // If the colours are collinear, cancellation may destroy the pivot; ε/9 is an exact lower bound.
            factor[at(c, e)] = c == e ? 1.0 / sqrt(max(total, epsilon / 9.0)) : total * factor[at(e, e)];
        }
}

// The row of M for one pixel of a window, with B = I - 1/9 - M Mᵀ.
__device__ void whiten(const double *colour, const double *mean, const double *factor, double *out)
{
    for (int c = 0; c < DEPTH; c++) {
        double total = (colour[c] - mean[c]) / 3.0;
        for (int k = 0; k < c; k++)
            total -= factor[at(c, k)] * out[k];
        out[c] = total * factor[at(c, c)];
    }
}

// Cholesky factor W of 2 - MᵀM; M W takes the place of M for B² (_cpu/grid.py, square_factor).
__device__ void squaring(const double *image, long long width, long long y, long long x, const double *mean,
                         const double *factor, double *work)
{
    double rows[9][DEPTH];
    for (int a = 0; a < 9; a++)
        whiten(image + ((y - 1 + a / 3) * width + x - 1 + a % 3) * DEPTH, mean, factor, rows[a]);
    for (int c = 0; c < DEPTH; c++)
        for (int e = 0; e <= c; e++) {
            double total = c == e ? 2.0 : 0.0;
            for (int a = 0; a < 9; a++)
                total -= rows[a][c] * rows[a][e];
            for (int k = 0; k < e; k++)
                total -= work[at(c, k)] * work[at(e, k)];
            work[at(c, e)] = c == e ? sqrt(total) : total / work[at(e, e)];  // eigenvalues are in [1, 2]
        }
}

// The fields of all windows with an unknown pixel; windows that are not wanted (see `block`) are marked by a factor of
// 0.
extern "C" __global__ void window_factors(const double *image, const bool *unknown, const bool *centres,
                                          const int *number, long long height, long long width, double epsilon,
                                          long long squared, long long block, double *fields, long long size)
{
    FOR_ALL(i, height * width) {
        long long y = i / width, x = i % width;
        if (!centres[i])
            continue;
        double *out = fields + number[(y + 2) * (width + 4) + x + 2];
        bool wanted = block == 0 || straddles(unknown, width, y - 1, x - 1, 3, 3, block);
        double mean[DEPTH], factor[TRIANGLE], work[TRIANGLE];
        if (wanted)
            statistics(image, width, y, x, epsilon, mean, factor);
        if (wanted && squared)
            squaring(image, width, y, x, mean, factor, work);
        for (int c = 0; c < DEPTH && wanted; c++)
            out[c * size] = mean[c];
        for (int c = 0; c < TRIANGLE; c++) {
            out[(DEPTH + c) * size] = wanted ? factor[c] : 0.0;  // a wanted window has no 0 on the diagonal
            if (squared && wanted)
                out[(DEPTH + TRIANGLE + c) * size] = work[c];
        }
    }
}

// The row of M, or of M W, for one pixel of a window.
__device__ void row_of_factor(const double *colour, const double *mean, const double *factor, const double *work,
                              bool squared, double *out)
{
    whiten(colour, mean, factor, out);
    for (int c = 0; c < DEPTH && squared; c++) {
        double total = 0;
        for (int k = c; k < DEPTH; k++)
            total += out[k] * work[at(k, c)];
        out[c] = total;
    }
}

// The 13 entries of each row of the Laplacian, summed over the windows that contain the pixel.
extern "C" __global__ void gather_windows(const double *image, const bool *centres, const int *number,
                                          long long height, long long width, long long squared, const double *fields,
                                          double *values, long long size)
{
    FOR_ALL(i, height * width) {
        long long y = i / width, x = i % width;
        int here = number[(y + 2) * (width + 4) + x + 2];
        if (here < 0)
            continue;
        double sums[13] = {0};
        for (int a = 8; a >= 0; a--) {  // the pixel is number a of the window; windows in row order
            long long v = y + 1 - a / 3, u = x + 1 - a % 3;
            if (v < 1 || v >= height - 1 || u < 1 || u >= width - 1 || !centres[v * width + u])
                continue;
            const double *in = fields + number[(v + 2) * (width + 4) + u + 2];
            double mean[DEPTH], factor[TRIANGLE], work[TRIANGLE], own[DEPTH], other[DEPTH];
            for (int c = 0; c < TRIANGLE; c++) {
                factor[c] = in[(DEPTH + c) * size];
                work[c] = squared ? in[(DEPTH + TRIANGLE + c) * size] : 0.0;
            }
            if (factor[0] == 0)
                continue;
            for (int c = 0; c < DEPTH; c++)
                mean[c] = in[c * size];
            row_of_factor(image + i * DEPTH, mean, factor, work, squared, own);
            for (int b = a; b < 9; b++) {
                int dy = b / 3 - a / 3, dx = b % 3 - a % 3, k = dy == 0 ? dx : 5 * dy + dx;
                row_of_factor(image + (i + dy * width + dx) * DEPTH, mean, factor, work, squared, other);
                double total = (a == b ? 1.0 : 0.0) - 1.0 / 9.0;
                for (int c = 0; c < DEPTH; c++)
                    total -= own[c] * other[c];
                sums[k] += total;
            }
        }
        for (int k = 0; k < 13; k++)
            values[k * size + here] = sums[k];
    }
}
