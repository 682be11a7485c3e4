// Vector updates of conjugate gradients. Scalars stay in device memory; sums are added in a fixed order.

// Partial sums of rᵀz.
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

// The sum of a few numbers, computed by every group.
__device__ double total(const double *numbers, long long count)
{
    double sum = 0;
    FOR_THREADS(k, count)
        sum += numbers[k];
    return group_sum(sum);
}

// p = z + beta p with beta = rᵀz / before, 0 unless before > 0
template <class Z>
__device__ void turn(const Z *z, double *p, long long n, const double *partial, long long chunks, const double *before,
                     double *product)
{
    double sum = total(partial, chunks);
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

// x += alpha p, r -= alpha q with alpha = rz / curvature, 0 unless both are positive; partial sums of rᵀr, then partial
// maxima of |p|
extern "C" __global__ void descend(double *x, double *r, const double *p, const double *q, long long n, const double *rz,
                                   const double *curvatures, long long count, double *partial, long long chunks)
{
    double curvature = total(curvatures, count), alpha = *rz > 0 && curvature > 0 ? *rz / curvature : 0;
    FOR_GROUPS(c, chunks) {
        double sum = 0, largest = 0;
        for (long long i = c * n / chunks + threadIdx.x; i < (c + 1) * n / chunks; i += blockDim.x) {
            x[i] += alpha * p[i];
            r[i] -= alpha * q[i];
            sum += r[i] * r[i];
            largest = max(largest, fabs(p[i]));
        }
        sum = group_sum(sum);
        largest = group_max(largest);
        if (threadIdx.x == 0) {
            partial[c] = sum;
            partial[chunks + c] = largest;
        }
    }
}

// out = (rᵀr, pᵀAp, rᵀz, max |alpha p|) from what `descend` has left
extern "C" __global__ void record(const double *rz, const double *curvatures, long long count, const double *partial,
                                  long long chunks, double *out)
{
    if (blockIdx.x > 0)
        return;
    double squared = total(partial, chunks), curvature = total(curvatures, count), largest = 0;
    FOR_THREADS(k, chunks)
        largest = max(largest, partial[chunks + k]);
    largest = group_max(largest);
    if (threadIdx.x == 0) {
        out[0] = squared;
        out[1] = curvature;
        out[2] = *rz;
        out[3] = *rz > 0 && curvature > 0 ? *rz / curvature * largest : 0;
    }
}
