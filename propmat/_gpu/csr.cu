// Products with sparse matrices in CSR. LANES threads share a row, so that neighbouring threads read neighbouring
// entries.

const int LANES = 8;

// Calls write(row, (A x)[row]) for every row, in one of the threads that share the row.
template <class T, class Write>
__device__ void each_row(const T *data, const int *indices, const int *indptr, long long rows, const T *x, Write write)
{
    __shared__ T sums[MOST_THREADS];
    int lanes = min((int)blockDim.x, LANES), together = blockDim.x / lanes;
    int lane = threadIdx.x % lanes, own = threadIdx.x / lanes;
    FOR_GROUPS(group, (rows + together - 1) / together) {
        long long row = group * together + own;
        bool mine = own < together && row < rows;
        T sum = 0;
        if (mine)
            for (long long k = indptr[row] + lane; k < indptr[row + 1]; k += lanes)
                sum += data[k] * x[indices[k]];
        __syncthreads();
        sums[threadIdx.x] = sum;
        __syncthreads();
        if (mine && lane == 0) {
            for (int k = 1; k < lanes; k++)
                sum += sums[threadIdx.x + k];
            write(row, sum);
        }
    }
}

#define FOR_TYPE(Z, suffix)                                                                                       \
    extern "C" __global__ void multiply_##suffix(const Z *data, const int *indices, const int *indptr,             \
                                                 long long rows, const Z *x, Z *y)                                 \
    {                                                                                                              \
        each_row(data, indices, indptr, rows, x, [=](long long row, Z sum) { y[row] = sum; });                     \
    }

FOR_TYPE(float, float32)
FOR_TYPE(double, float64)

// step = old step + new (b - A x), out = x + step
extern "C" __global__ void relax(const float *data, const int *indices, const int *indptr, long long rows, const float *b,
                                 const float *x, float *step, float old, float fresh, float *out)
{
    each_row(data, indices, indptr, rows, x, [=](long long row, float sum) {
        step[row] = old * step[row] + fresh * (b[row] - sum);
        out[row] = x[row] + step[row];
    });
}
