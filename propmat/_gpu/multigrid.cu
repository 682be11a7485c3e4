// The loops of one multigrid cycle over blocks, in single precision; twins of _cpu/multigrid.py. Blocks have 8 to 64
// unknowns or more; LANES threads share one, so that a warp processes two blocks and its reads are coalesced.

const int LANES = 16;

// step = old step + new (b - A x), out = x + step; diagonal matrices of A are the identity
extern "C" __global__ void relax_blocks(const short *values, float unit, const long long *offsets,
                                        const int *neighbours, const long long *starts, const long long *sizes,
                                        long long blocks, const float *b, const float *x, float *step, float old, float fresh, float *out)
{
    FOR_ALL(thread, blocks * LANES) {
        long long p = thread / LANES, lane = thread % LANES, size = sizes[p];
        for (long long i = lane; i < size; i += LANES) {
            long long here = starts[p] + i;
            float product = 0;
            for (int s = 0; s < 9; s++) {
                int q = neighbours[9 * p + s];
                if (q < 0 || s == 4)
                    continue;
                const float *other = x + starts[q];
                long long width = sizes[q];
                // For a neighbour behind, the matrix is stored with the neighbour, and its transpose is used.
                long long owner = s < 4 ? q : p, ahead = offsets[5 * owner + 1];
                long long line = line_width(owner, neighbours, sizes);
                const short *row = values + ahead + (offsets[5 * owner + (s < 4 ? 4 - s : s - 4)] - ahead) / sizes[owner];
                row += s < 4 ? i : i * line;
                long long stride = s < 4 ? line : 1;
                float total = 0;
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
extern "C" __global__ void restrict_blocks(const float *basis, const long long *begins, const long long *first,
                                           const int *members, const long long *starts, const long long *sizes,
                                           long long blocks, const float *residual, float *out)
{
    FOR_ALL(thread, blocks * LANES) {
        long long p = thread / LANES, lane = thread % LANES, size = sizes[p], rows = first[p + 1] - first[p];
        for (long long j = lane; j < size; j += LANES) {
            float total = 0;
            for (long long i = 0; i < rows; i++)
                total += basis[begins[p] + i * size + j] * residual[members[first[p] + i]];
            out[starts[p] + j] = total;
        }
    }
}

// out += P coarse
extern "C" __global__ void prolong(const float *basis, const long long *begins, const long long *first,
                                   const int *members, const long long *starts, const long long *sizes,
                                   long long blocks, const float *coarse, float *out)
{
    FOR_ALL(thread, blocks * LANES) {
        long long p = thread / LANES, lane = thread % LANES, size = sizes[p], rows = first[p + 1] - first[p];
        for (long long i = lane; i < rows; i += LANES) {
            float total = 0;
            for (long long j = 0; j < size; j++)
                total += basis[begins[p] + i * size + j] * coarse[starts[p] + j];
            out[members[first[p] + i]] += total;
        }
    }
}

// out = A x for a small dense matrix
extern "C" __global__ void multiply_dense(const float *matrix, long long size, const float *x, float *out)
{
    FOR_GROUPS(i, size) {
        float total = 0;
        FOR_THREADS(j, size)
            total += matrix[i * size + j] * x[j];
        total = group_sum(total);
        if (threadIdx.x == 0)
            out[i] = total;
    }
}

// x = step = factor b
extern "C" __global__ void begin(const float *b, float factor, long long n, float *x, float *step)
{
    FOR_ALL(i, n)
        x[i] = step[i] = factor * b[i];
}

#define FOR_TYPE(Z, suffix)                                                                                       \
    extern "C" __global__ void scale_##suffix(const Z *x, const float *diagonal, double factor, long long n,        \
                                              float *out)                                                           \
    {                                                                                                               \
        FOR_ALL(i, n)                                                                                               \
            out[i] = float(factor * x[i]) * diagonal[i];                                                            \
    }

FOR_TYPE(float, float32)
FOR_TYPE(double, float64)
