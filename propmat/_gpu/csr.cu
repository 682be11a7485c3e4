// y = A x for a matrix with stored entries. LANES threads share a row, so that neighbouring threads read
// neighbouring entries.

const int LANES = 8;

extern "C" __global__ void multiply(const double *data, const int *indices, const int *indptr,
                                    long long rows, const double *x, double *y)
{
    __shared__ double sums[MOST_THREADS];
    int lanes = min((int)blockDim.x, LANES), together = blockDim.x / lanes;
    int lane = threadIdx.x % lanes, own = threadIdx.x / lanes;
    FOR_GROUPS(group, (rows + together - 1) / together) {
        long long row = group * together + own;
        bool mine = own < together && row < rows;
        double sum = 0;
        if (mine)
            for (long long k = indptr[row] + lane; k < indptr[row + 1]; k += lanes)
                sum += data[k] * x[indices[k]];
        __syncthreads();
        sums[threadIdx.x] = sum;
        __syncthreads();
        if (mine && lane == 0) {
            for (int k = 1; k < lanes; k++)
                sum += sums[threadIdx.x + k];
            y[row] = sum;
        }
    }
}
