// Sums over square windows; twins of _cpu/box.py.

// Sums over `side` rows of fields with rows of `columns` numbers. A thread computes STRIPE rows of a column by a
// running sum, which restarts in each stripe, so that rounding errors do not accumulate.
const int STRIPE = 64;

extern "C" __global__ void sum_down(const double *fields, long long rows, long long columns, long long side, double *out)
{
    long long stripes = (rows + STRIPE - 1) / STRIPE;
    FOR_ALL(i, stripes * columns) {
        long long top = i / columns * STRIPE, x = i % columns;
        double sum = 0;
        for (long long y = top; y < top + side; y++)
            sum += fields[y * columns + x];
        out[top * columns + x] = sum;
        for (long long y = top + 1; y < min(rows, top + STRIPE); y++) {
            sum += fields[(y + side - 1) * columns + x] - fields[(y - 1) * columns + x];
            out[y * columns + x] = sum;
        }
    }
}

// Sums over `side` pixels of a row, each computed directly: neighbouring threads read the same numbers from the cache.
extern "C" __global__ void sum_across(const double *fields, long long rows, long long columns, long long depth,
                                      long long side, double *out)
{
    FOR_ALL(i, rows * columns * depth) {
        const double *first = fields + i + i / (columns * depth) * (side - 1) * depth;
        double sum = 0;
        for (long long k = 0; k < side; k++)
            sum += first[k * depth];
        out[i] = sum;
    }
}
