// Lanczos coefficients, to estimate the largest eigenvalue for smoothers, by conjugate gradients with a single
// reduction per step (Chronopoulos and Gear 1989, https://doi.org/10.1016/0377-0427(89)90045-9). Scalars stay in device
// memory.

// Pseudo-random numbers in [-1, 1), the same as those of _cpu.lanczos.noise.
template <class V> __device__ void noise(const bool *live, long long n, V *out)
{
    FOR_ALL(i, n) {
        unsigned key = i;
        key *= 0x9E3779B9u;
        key ^= key >> 16;
        key *= 0x85EBCA6Bu;
        key ^= key >> 13;
        key *= 0xC2B2AE35u;
        key ^= key >> 16;
        out[i] = live[i] ? V(key * 0x1p-31 - 1.0) : V(0);
    }
}

// Partial sums of rᵀr and rᵀw for w = -A r.
template <class V> __device__ void dots(const V *r, const V *w, long long n, double *partial, long long chunks)
{
    FOR_GROUPS(c, chunks) {
        double squares = 0, products = 0;
        for (long long i = c * n / chunks + threadIdx.x; i < (c + 1) * n / chunks; i += blockDim.x) {
            squares += (double)r[i] * r[i];
            products += (double)r[i] * w[i];
        }
        squares = group_sum(squares);
        products = group_sum(products);
        if (threadIdx.x == 0) {
            partial[2 * c] = squares;
            partial[2 * c + 1] = products;
        }
    }
}

// Step k: s = -A p = w + beta s and r += alpha s; (rᵀr, pᵀAp) goes to row k of `sums`.
template <class V>
__device__ void advance(V *r, const V *w, V *s, long long n, const double *partial, long long chunks, long long k,
                        double *sums)
{
    double squares = 0, products = 0;
    FOR_THREADS(c, chunks) {
        squares += partial[2 * c];
        products += partial[2 * c + 1];
    }
    squares = group_sum(squares);
    products = group_sum(products);
    double beta = k > 0 ? squares / sums[2 * k - 2] : 0;
    double curvature = -products - (k > 0 ? beta * beta * sums[2 * k - 1] : 0), alpha = squares / curvature;
    FOR_ALL(i, n) {
        s[i] = w[i] + beta * s[i];
        r[i] += alpha * s[i];
    }
    if (blockIdx.x == 0 && threadIdx.x == 0) {
        sums[2 * k] = squares;
        sums[2 * k + 1] = curvature;
    }
}

#define FOR_TYPE(V, suffix)                                                                                         \
    extern "C" __global__ void noise_##suffix(const bool *live, long long n, V *out)                                 \
    {                                                                                                               \
        noise(live, n, out);                                                                                        \
    }                                                                                                               \
    extern "C" __global__ void dots_##suffix(const V *r, const V *w, long long n, double *partial, long long chunks) \
    {                                                                                                               \
        dots(r, w, n, partial, chunks);                                                                             \
    }                                                                                                               \
    extern "C" __global__ void advance_##suffix(V *r, const V *w, V *s, long long n, const double *partial,          \
                                                long long chunks, long long k, double *sums)                        \
    {                                                                                                               \
        advance(r, w, s, n, partial, chunks, k, sums);                                                              \
    }

FOR_TYPE(float, float32)
FOR_TYPE(double, float64)
