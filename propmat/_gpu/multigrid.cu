// The loops of one multigrid cycle over blocks; twins of _cpu/multigrid.py. V is the type of vectors, Entry that of
// matrices. Blocks have 8 to 64 unknowns or more; LANES threads share one, so that a warp processes two blocks and its
// reads are coalesced.

const int LANES = 16;

// step = old step + new (b - A x), out = x + step; diagonal matrices of A are the identity
template <class Entry, class V>
__device__ void relax_blocks(const Entry *values, V unit, const long long *offsets, const int *neighbours,
                             const long long *starts, const long long *sizes, long long blocks, const V *b, const V *x,
                             V *step, V old, V fresh, V *out)
{
    FOR_ALL(thread, blocks * LANES) {
        long long p = thread / LANES, lane = thread % LANES, size = sizes[p];
        for (long long i = lane; i < size; i += LANES) {
            long long here = starts[p] + i;
            V product = 0;
            for (int s = 0; s < 9; s++) {
                int q = neighbours[9 * p + s];
                if (q < 0 || s == 4)
                    continue;
                const V *other = x + starts[q];
                long long width = sizes[q];
                // For a neighbour behind, the matrix is stored with the neighbour, and its transpose is used.
                long long owner = s < 4 ? q : p, ahead = offsets[5 * owner + 1];
                long long line = line_width(owner, neighbours, sizes);
                const Entry *row = values + ahead + (offsets[5 * owner + (s < 4 ? 4 - s : s - 4)] - ahead) / sizes[owner];
                row += s < 4 ? i : i * line;
                long long stride = s < 4 ? line : 1;
                V total = 0;
                for (long long j = 0; j < width; j++)
                    total += row[j * stride] * other[j];
                product += total;
            }
            step[here] = old * step[here] + fresh * (b[here] - x[here] - unit * product);
            out[here] = x[here] + step[here];
        }
    }
}

// out = Pᵀ residual
template <class V>
__device__ void restrict_blocks(const float *basis, const long long *begins, const long long *first,
                                const int *members, const long long *starts, const long long *sizes, long long blocks,
                                const V *residual, V *out)
{
    FOR_ALL(thread, blocks * LANES) {
        long long p = thread / LANES, lane = thread % LANES, size = sizes[p], rows = first[p + 1] - first[p];
        for (long long j = lane; j < size; j += LANES) {
            V total = 0;
            for (long long i = 0; i < rows; i++)
                total += basis[begins[p] + i * size + j] * residual[members[first[p] + i]];
            out[starts[p] + j] = total;
        }
    }
}

// out = (P ∘ P)ᵀ squares, with the squares of the entries of P
extern "C" __global__ void restrict_squares(const float *basis, const long long *begins, const long long *first,
                                            const int *members, const long long *starts, const long long *sizes,
                                            long long blocks, const double *squares, double *out)
{
    FOR_ALL(thread, blocks * LANES) {
        long long p = thread / LANES, lane = thread % LANES, size = sizes[p], rows = first[p + 1] - first[p];
        for (long long j = lane; j < size; j += LANES) {
            double total = 0;
            for (long long i = 0; i < rows; i++) {
                double entry = basis[begins[p] + i * size + j];
                total += entry * entry * squares[members[first[p] + i]];
            }
            out[starts[p] + j] = total;
        }
    }
}

// out += P coarse
template <class V>
__device__ void prolong(const float *basis, const long long *begins, const long long *first, const int *members,
                        const long long *starts, const long long *sizes, long long blocks, const V *coarse, V *out)
{
    FOR_ALL(thread, blocks * LANES) {
        long long p = thread / LANES, lane = thread % LANES, size = sizes[p], rows = first[p + 1] - first[p];
        for (long long i = lane; i < rows; i += LANES) {
            V total = 0;
            for (long long j = 0; j < size; j++)
                total += basis[begins[p] + i * size + j] * coarse[starts[p] + j];
            out[members[first[p] + i]] += total;
        }
    }
}

// out = A x for a small dense matrix
template <class V> __device__ void multiply_dense(const V *matrix, long long size, const V *x, V *out)
{
    FOR_GROUPS(i, size) {
        V total = 0;
        FOR_THREADS(j, size)
            total += matrix[i * size + j] * x[j];
        total = group_sum(total);
        if (threadIdx.x == 0)
            out[i] = total;
    }
}

// x = step = factor b
template <class V> __device__ void begin(const V *b, V factor, long long n, V *x, V *step)
{
    FOR_ALL(i, n)
        x[i] = step[i] = factor * b[i];
}

// out = factor S x for a diagonal S
template <class Z, class V>
__device__ void scale(const Z *x, const V *diagonal, double factor, long long n, V *out)
{
    FOR_ALL(i, n)
        out[i] = V(factor * x[i]) * diagonal[i];
}

#define FOR_TYPE(Entry, V, suffix)                                                                                  \
    extern "C" __global__ void relax_blocks_##suffix(                                                               \
        const Entry *values, V unit, const long long *offsets, const int *neighbours, const long long *starts,      \
        const long long *sizes, long long blocks, const V *b, const V *x, V *step, V old, V fresh, V *out)          \
    {                                                                                                               \
        relax_blocks(values, unit, offsets, neighbours, starts, sizes, blocks, b, x, step, old, fresh, out);        \
    }                                                                                                               \
    extern "C" __global__ void restrict_blocks_##suffix(                                                            \
        const float *basis, const long long *begins, const long long *first, const int *members,                    \
        const long long *starts, const long long *sizes, long long blocks, const V *residual, V *out)               \
    {                                                                                                               \
        restrict_blocks(basis, begins, first, members, starts, sizes, blocks, residual, out);                       \
    }                                                                                                               \
    extern "C" __global__ void prolong_##suffix(                                                                    \
        const float *basis, const long long *begins, const long long *first, const int *members,                    \
        const long long *starts, const long long *sizes, long long blocks, const V *coarse, V *out)                 \
    {                                                                                                               \
        prolong(basis, begins, first, members, starts, sizes, blocks, coarse, out);                                 \
    }                                                                                                               \
    extern "C" __global__ void multiply_dense_##suffix(const V *matrix, long long size, const V *x, V *out)          \
    {                                                                                                               \
        multiply_dense(matrix, size, x, out);                                                                       \
    }                                                                                                               \
    extern "C" __global__ void begin_##suffix(const V *b, V factor, long long n, V *x, V *step)                      \
    {                                                                                                               \
        begin(b, factor, n, x, step);                                                                               \
    }

FOR_TYPE(short, float, float32)
FOR_TYPE(float, double, float64)

#define SCALE(Z, V, suffix)                                                                                         \
    extern "C" __global__ void scale_##suffix(const Z *x, const V *diagonal, double factor, long long n, V *out)     \
    {                                                                                                               \
        scale(x, diagonal, factor, n, out);                                                                         \
    }

SCALE(float, float, float32_float32)
SCALE(double, float, float64_float32)
SCALE(double, double, float64_float64)
