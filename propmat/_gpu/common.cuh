// What all kernels share. Every loop is over items at a stride, so that a kernel is right for any number of groups and of
// threads in a group, one of each included. Threads meet at __syncthreads() only.

#define FOR_ALL(i, count)                                                                                   \
    for (long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x; i < (count);                        \
         i += (long long)gridDim.x * blockDim.x)
#define FOR_GROUPS(p, count) for (long long p = blockIdx.x; p < (count); p += gridDim.x)
#define FOR_THREADS(i, count) for (int i = threadIdx.x; i < (count); i += blockDim.x)

enum { MOST_THREADS = 256 };

// The sum over the threads of a group, the same in all of them; in a fixed order.
template <class T> __device__ T group_sum(T value)
{
    __shared__ T sums[MOST_THREADS];
    __syncthreads();
    sums[threadIdx.x] = value;
    __syncthreads();
    for (unsigned step = 1; step < blockDim.x; step *= 2) {
        if (threadIdx.x % (2 * step) == 0 && threadIdx.x + step < blockDim.x)
            sums[threadIdx.x] += sums[threadIdx.x + step];
        __syncthreads();
    }
    return sums[0];
}

// The largest value of the threads of a group, the same in all of them.
template <class T> __device__ T group_max(T value)
{
    __shared__ T values[MOST_THREADS];
    __syncthreads();
    values[threadIdx.x] = value;
    __syncthreads();
    for (unsigned step = 1; step < blockDim.x; step *= 2) {
        if (threadIdx.x % (2 * step) == 0 && threadIdx.x + step < blockDim.x)
            values[threadIdx.x] = max(values[threadIdx.x], values[threadIdx.x + step]);
        __syncthreads();
    }
    return values[0];
}

// Whether the unknown pixels of a small rectangle lie in more than one block.
__device__ bool straddles(const bool *unknown, long long width, long long top, long long left, int rows, int columns,
                          long long block)
{
    if (top / block == (top + rows - 1) / block && left / block == (left + columns - 1) / block)
        return false;
    long long found_y = -1, found_x = -1;
    for (long long y = top; y < top + rows; y++)
        for (long long x = left; x < left + columns; x++)
            if (unknown[y * width + x]) {
                if (found_y >= 0 && (found_y != y / block || found_x != x / block))
                    return true;
                found_y = y / block;
                found_x = x / block;
            }
    return false;
}
