// Vector updates of conjugate gradients. Scalars stay on the device; sums are added in a fixed order.

template <class Z>
__device__ void dot(const double *r, const Z *z, long long n, double *partial, long long chunks)
{
    FOR_GROUPS(c, chunks) {
        double sum = 0;
        for (long long i = c * n / chunks + threadIdx.x; i < (c + 1) * n / chunks; i += blockDim.x)
            sum += r[i] * z[i];
        sum = group_sum(sum);
        if (threadIdx.x == 0)
            partial[c] = sum;
    }
}

// p = z + beta p with beta = rᵀz / before, 0 unless before > 0; every group adds the partial sums of rᵀz for itself
template <class Z>
__device__ void turn(const Z *z, double *p, long long n, const double *partial, long long chunks, const double *before,
                     double *product)
{
    double sum = 0;
    FOR_THREADS(c, chunks)
        sum += partial[c];
    sum = group_sum(sum);
    double beta = *before > 0 ? sum / *before : 0;
    FOR_ALL(i, n)
        p[i] = z[i] + beta * p[i];
    if (blockIdx.x == 0 && threadIdx.x == 0)
        *product = sum;
}

#define FOR_TYPE(Z, suffix)                                                                                     \
    extern "C" __global__ void dot_##suffix(const double *r, const Z *z, long long n, double *partial,           \
                                            long long chunks)                                                    \
    {                                                                                                            \
        dot(r, z, n, partial, chunks);                                                                           \
    }                                                                                                            \
    extern "C" __global__ void turn_##suffix(const Z *z, double *p, long long n, const double *partial,          \
                                             long long chunks, const double *before, double *product)            \
    {                                                                                                            \
        turn(z, p, n, partial, chunks, before, product);                                                         \
    }

FOR_TYPE(float, float32)
FOR_TYPE(double, float64)

// x += alpha p, r -= alpha q with alpha = rz / curvature, where both are positive; else nothing moves
extern "C" __global__ void descend(double *x, double *r, const double *p, const double *q, long long n,
                                   const double *rz, const double *curvature, double *partial, long long chunks)
{
    double alpha = *rz > 0 && *curvature > 0 ? *rz / *curvature : 0;
    FOR_GROUPS(c, chunks) {
        double sum = 0;
        for (long long i = c * n / chunks + threadIdx.x; i < (c + 1) * n / chunks; i += blockDim.x) {
            x[i] += alpha * p[i];
            r[i] -= alpha * q[i];
            sum += r[i] * r[i];
        }
        sum = group_sum(sum);
        if (threadIdx.x == 0)
            partial[c] = sum;
    }
}
