// Definitions for all kernels. A group is a thread block of CUDA; blocks are those of multigrid. All loops are
// grid-stride or group-stride loops, so that results do not depend on the number of groups and threads, even with one
// of each. Threads are synchronised by __syncthreads() only.

#define FOR_ALL(i, count)                                                                                   \
    for (long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x; i < (count);                        \
         i += (long long)gridDim.x * blockDim.x)
#define FOR_GROUPS(p, count) for (long long p = blockIdx.x; p < (count); p += gridDim.x)
#define FOR_THREADS(i, count) for (int i = threadIdx.x; i < (count); i += blockDim.x)

enum { MOST_THREADS = 256 };

// Reduction over the threads of a group, in a fixed order; every thread gets the result.
template <class T, class Merge> __device__ T group_fold(T value, Merge merge)
{
    __shared__ T values[MOST_THREADS];
    __syncthreads();
    values[threadIdx.x] = value;
    __syncthreads();
    for (unsigned step = 1; step < blockDim.x; step *= 2) {
        if (threadIdx.x % (2 * step) == 0 && threadIdx.x + step < blockDim.x)
            values[threadIdx.x] = merge(values[threadIdx.x], values[threadIdx.x + step]);
        __syncthreads();
    }
    return values[0];
}

template <class T> __device__ T group_sum(T value)
{
    return group_fold(value, [](T a, T b) { return a + b; });
}

template <class T> __device__ T group_max(T value)
{
    return group_fold(value, [](T a, T b) { return max(a, b); });
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

// Number of unknowns of the blocks ahead of block p: the length of its lines (_cpu/multigrid.py).
__device__ long long line_width(long long p, const int *neighbours, const long long *sizes)
{
    long long width = 0;
    for (int s = 5; s < 9; s++)
        if (neighbours[9 * p + s] >= 0)
            width += sizes[neighbours[9 * p + s]];
    return width;
}
