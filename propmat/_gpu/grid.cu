// Symmetric operators on the pixel grid; the layout is described in _cpu/grid.py. A run is a single pixel here; `runs`
// is stored in column-major order (first, length, offsets to rows -2, -1, 1, 2).

// near = 2 where an unknown pixel is at most 1 pixel away (maximum norm), 1 where one is 2 pixels away, else 0.
extern "C" __global__ void mark_near(const bool *unknown, long long height, long long width, unsigned char *near,
                                     int *inside)
{
    FOR_ALL(i, (height + 4) * (width + 4)) {
        long long y = i / (width + 4) - 2, x = i % (width + 4) - 2;
        unsigned char ring = 0;
        for (int v = -2; v <= 2; v++)
            for (int u = -2; u <= 2; u++)
                if (y + v >= 0 && y + v < height && x + u >= 0 && x + u < width && unknown[(y + v) * width + x + u]) {
                    unsigned char found = v * v == 4 || u * u == 4 ? 1 : 2;
                    ring = found > ring ? found : ring;
                }
        near[i] = ring;
        inside[i] = ring > 0;
    }
}

// Support numbers, and the centres of windows with an unknown pixel; `ends` are the inclusive prefix sums of `inside`.
extern "C" __global__ void number_support(const unsigned char *near, const int *ends, long long height, long long width,
                                          int *number, bool *centres)
{
    FOR_ALL(i, (height + 4) * (width + 4)) {
        long long y = i / (width + 4) - 2, x = i % (width + 4) - 2;
        number[i] = near[i] > 0 ? ends[i] - 1 : -1;
        if (y >= 0 && y < height && x >= 0 && x < width)
            centres[y * width + x] = near[i] == 2 && y > 0 && y < height - 1 && x > 0 && x < width - 1;
    }
}

// One run for each unknown pixel.
extern "C" __global__ void find_runs(const int *number, long long width, const long long *pixels, long long count, int *runs)
{
    FOR_ALL(k, count) {
        const int *here = number + (pixels[k] / width + 2) * (width + 4) + pixels[k] % width + 2;
        runs[k] = here[0];
        runs[count + k] = 1;
        for (int s = 0; s < 4; s++)
            runs[(2 + s) * count + k] = here[(s < 2 ? s - 2 : s - 1) * (width + 4)] - here[0];
    }
}

// Whether the edge from (y, x) downwards or to the right is to be added: it has an unknown pixel and, if block > 0,
// unknown pixels in several blocks.
__device__ bool counts(const bool *unknown, long long width, long long y, long long x, bool down, long long block)
{
    bool touches = unknown[y * width + x] || unknown[(y + down) * width + x + !down];
    return touches && (block == 0 || straddles(unknown, width, y, x, 1 + down, 2 - down, block));
}

// Sum of the matrices of 4-connected edges.
extern "C" __global__ void assemble_edges(const double *horizontal, const double *vertical, const bool *unknown,
                                          long long height, long long width, const int *number, long long block,
                                          double *values, long long size)
{
    FOR_ALL(i, height * width) {
        long long y = i / width, x = i % width;
        int here = number[(y + 2) * (width + 4) + x + 2];
        if (here < 0)
            continue;
        double total = 0, right = 0, down = 0;
        if (y > 0 && counts(unknown, width, y - 1, x, true, block))
            total += vertical[(y - 1) * width + x];
        if (x > 0 && counts(unknown, width, y, x - 1, false, block))
            total += horizontal[y * (width - 1) + x - 1];
        if (x + 1 < width && counts(unknown, width, y, x, false, block))
            right = horizontal[y * (width - 1) + x];
        if (y + 1 < height && counts(unknown, width, y, x, true, block))
            down = vertical[y * width + x];
        values[here] = total + right + down;
        values[size + here] = -right;
        values[5 * size + here] = -down;
    }
}

// (A x)_i for run k, whose pixel is i.
template <class V, class T>
__device__ T row_times(const V *values, long long size, const int *runs, long long count, long long k, const T *x)
{
    long long here = runs[k];
    const V *v = values + here;
    const T *z = x + here;
    T total = v[0] * z[0] + v[size] * z[1] + v[2 * size] * z[2] + v[size - 1] * z[-1] + v[2 * size - 2] * z[-2];
    for (int dy = 1; dy <= 2; dy++) {
        const V *ahead = v + (5 * dy - 2) * size;
        const T *below = z + runs[(3 + dy) * count + k] - 2;
        T sum = 0;
        for (int u = 0; u < 5; u++)
            sum += ahead[u * size] * below[u];
        total += sum;
        long long shift = runs[(4 - dy) * count + k] - 2;
        const V *behind = v + (5 * dy + 2) * size + shift;
        const T *above = z + shift;
        sum = 0;
        for (int u = 0; u < 5; u++)
            sum += behind[u - u * size] * above[u];
        total += sum;
    }
    return total;
}

extern "C" __global__ void multiply_runs(const double *values, long long size, const int *runs, long long count,
                                         long long begin, long long end, const double *x, double *y)
{
    FOR_ALL(k, end - begin)
        y[runs[begin + k]] = row_times(values, size, runs, count, begin + k, x);
}

// y = A x, and partial sums of xᵀ A x
extern "C" __global__ void multiply(const double *values, long long size, const int *runs, long long count,
                                    const double *x, double *y, double *partial, long long chunks)
{
    FOR_GROUPS(c, chunks) {
        double sum = 0;
        for (long long k = c * count / chunks + threadIdx.x; k < (c + 1) * count / chunks; k += blockDim.x) {
            double product = row_times(values, size, runs, count, k, x);
            y[runs[k]] = product;
            sum += x[runs[k]] * product;
        }
        sum = group_sum(sum);
        if (threadIdx.x == 0)
            partial[c] = sum;
    }
}

// step = old step + new (b - A x), out = x + step; A is stored in whole numbers times `unit`
template <class Entry, class V>
__device__ void relax_pixels(const Entry *values, V unit, long long size, const int *runs, long long count, const V *b,
                             const V *x, V *step, V old, V fresh, V *out)
{
    FOR_ALL(k, count) {
        long long i = runs[k];
        V product = row_times(values, size, runs, count, k, x);
        step[i] = old * step[i] + fresh * (b[i] - unit * product);
        out[i] = x[i] + step[i];
    }
}

#define RELAX_PIXELS(Entry, V, suffix)                                                                              \
    extern "C" __global__ void relax_pixels_##suffix(const Entry *values, V unit, long long size, const int *runs,  \
                                                     long long count, const V *b, const V *x, V *step, V old,       \
                                                     V fresh, V *out)                                               \
    {                                                                                                               \
        relax_pixels(values, unit, size, runs, count, b, x, step, old, fresh, out);                                 \
    }

RELAX_PIXELS(short, float, float32)
RELAX_PIXELS(float, double, float64)
