// Positions of the blocks of a multigrid hierarchy, and the layout of their data; twins of _cpu/blocks.py, where the
// arrays are described. Prefix sums over blocks are computed by a single group: there are few blocks, and one launch
// then replaces about twenty.

// Exclusive prefix sum: calls write(i, sum of value(k) over k < i) for i < count; returns the total.
template <class Value, class Write> __device__ long long group_scan(long long count, Value value, Write write)
{
    __shared__ long long sums[MOST_THREADS];
    long long begin = threadIdx.x * count / blockDim.x, end = (threadIdx.x + 1) * count / blockDim.x;
    long long own = 0, before = 0, total = 0;
    for (long long i = begin; i < end; i++)
        own += value(i);
    __syncthreads();
    sums[threadIdx.x] = own;
    __syncthreads();
    for (unsigned k = 0; k < blockDim.x; k++) {
        before += k < threadIdx.x ? sums[k] : 0;
        total += sums[k];
    }
    for (long long i = begin; i < end; i++) {
        long long here = value(i);
        write(i, before);
        before += here;
    }
    return total;
}

// Number of unknown pixels in every square of edge x edge pixels, plus 2^32 if there are any, so that one prefix sum
// counts both the blocks (upper 32 bits) and the pixels (lower 32 bits).
extern "C" __global__ void count_pixels(const bool *unknown, long long height, long long width, long long edge,
                                        long long across, long long squares, long long *counts)
{
    FOR_ALL(p, squares) {
        long long count = 0, top = p / across * edge, left = p % across * edge;
        for (long long y = top; y < min(top + edge, height); y++)
            for (long long x = left; x < min(left + edge, width); x++)
                count += unknown[y * width + x];
        counts[p] = count + ((long long)(count > 0) << 32);
    }
}

// Map, coordinates and members of the blocks of pixels; `ends` are the inclusive prefix sums of `count_pixels`.
extern "C" __global__ void blocks_of_pixels(const bool *unknown, const int *number, long long height, long long width,
                                            long long edge, long long across, long long squares, const long long *ends,
                                            int *grid, int *where, long long *first, int *members, unsigned char *cells)
{
    FOR_ALL(p, squares) {
        long long before = p > 0 ? ends[p - 1] : 0, block = before >> 32, k = before & 0xFFFFFFFF;
        bool holds = ends[p] != before;
        grid[p] = holds ? block : -1;
        if (p == squares - 1)
            first[block + holds] = ends[p] & 0xFFFFFFFF;
        if (!holds)
            continue;
        long long top = p / across * edge, left = p % across * edge;
        where[2 * block] = p / across;
        where[2 * block + 1] = p % across;
        first[block] = k;
        for (long long y = top; y < min(top + edge, height); y++)
            for (long long x = left; x < min(left + edge, width); x++)
                if (unknown[y * width + x]) {
                    members[k] = number[(y + 2) * (width + 4) + x + 2];
                    cells[k++] = (y - top) * edge + x - left;
                }
    }
}

// The block in each of the nine slots of every block, -1 for none.
extern "C" __global__ void find_neighbours(const int *grid, long long height, long long width, const int *where,
                                           long long blocks, int *out)
{
    FOR_ALL(i, 9 * blocks) {
        long long s = i % 9, y = where[i / 9 * 2] + s / 3 - 1, x = where[i / 9 * 2 + 1] + s % 3 - 1;
        out[i] = y >= 0 && y < height && x >= 0 && x < width ? grid[y * width + x] : -1;
    }
}

// Coarse blocks of factor x factor blocks. `totals` are the number of coarse blocks, the number of members, and the
// largest number of members of a block.
extern "C" __global__ void group_blocks(const int *grid, long long height, long long width, const long long *sizes,
                                        long long factor, int *coarse, int *where, long long *first, long long *parent,
                                        long long *children, long long *first_child, long long *within,
                                        long long *totals)
{
    if (blockIdx.x > 0)
        return;
    long long across = (width + factor - 1) / factor, squares = (height + factor - 1) / factor * across;
    // Calls visit(q) for all finer blocks q in a square.
    auto each = [=](long long square, auto visit) {
        long long top = square / across * factor, left = square % across * factor;
        for (long long y = top; y < min(top + factor, height); y++)
            for (long long x = left; x < min(left + factor, width); x++)
                if (grid[y * width + x] >= 0)
                    visit(grid[y * width + x]);
    };
    auto count = [=](long long square) {
        long long found = 0;
        each(square, [&](int) { found++; });
        return found;
    };
    auto unknowns = [=](long long square) {
        long long found = 0;
        each(square, [&](int q) { found += sizes[q]; });
        return found;
    };
    long long blocks = group_scan(
        squares, [=](long long square) { return (long long)(count(square) > 0); },
        [=](long long square, long long before) {
            bool holds = count(square) > 0;
            coarse[square] = holds ? before : -1;
            if (holds) {
                where[2 * before] = square / across;
                where[2 * before + 1] = square % across;
            }
        });
    first_child[blocks] = group_scan(squares, count, [=](long long square, long long before) {
        if (coarse[square] >= 0)
            first_child[coarse[square]] = before;
        each(square, [&](int q) { children[before++] = q; });
    });
    long long most = 0;
    long long members = first[blocks] = group_scan(squares, unknowns, [&](long long square, long long before) {
        if (coarse[square] < 0)
            return;
        long long begin = first[coarse[square]] = before;
        each(square, [&](int q) {
            parent[q] = coarse[square];
            within[q] = before - begin;
            before += sizes[q];
        });
        most = max(most, before - begin);
    });
    most = group_max(most);
    if (threadIdx.x == 0) {
        totals[0] = blocks;
        totals[1] = members;
        totals[2] = most;
    }
}

// The members of coarse blocks: the unknowns of their children q.
extern "C" __global__ void list_members(const long long *parent, const long long *within, const long long *first,
                                        const long long *starts, const long long *sizes, long long blocks, int *members)
{
    FOR_GROUPS(q, blocks) {
        FOR_THREADS(i, sizes[q])
            members[first[parent[q]] + within[q] + i] = starts[q] + i;
    }
}

// Sizes of blocks, padded to multiples of `lanes`, and the offsets of their unknowns, bases, diagonal matrices and
// matrices by slot; `totals` are the totals of these, and the largest size.
extern "C" __global__ void lay_out(const long long *counts, const long long *first, const int *neighbours,
                                   long long blocks, long long lanes, long long *sizes, long long *starts,
                                   long long *begins, long long *corners, long long *offsets, long long *totals)
{
    if (blockIdx.x > 0)
        return;
    long long largest = 0;
    FOR_THREADS(p, blocks) {
        sizes[p] = (counts[p] + lanes - 1) / lanes * lanes;
        largest = max(largest, sizes[p]);
    }
    largest = group_max(largest);
    auto into = [](long long *out) { return [=](long long p, long long before) { out[p] = before; }; };
    auto size = [=](long long p) { return sizes[p]; };
    auto length = [=](long long p) { return (first[p + 1] - first[p]) * sizes[p]; };
    auto square = [=](long long p) { return sizes[p] * sizes[p]; };
    auto width = [=](long long k) {
        int q = neighbours[k / 5 * 9 + 4 + k % 5];
        return q < 0 ? 0 : sizes[k / 5] * sizes[q];
    };
    long long found[5] = {group_scan(blocks, size, into(starts)), group_scan(blocks, length, into(begins)),
                          group_scan(blocks, square, into(corners)), group_scan(5 * blocks, width, into(offsets)),
                          largest};
    for (int k = 0; k < 5 && threadIdx.x == 0; k++)
        totals[k] = found[k];
}

// The block of every member pixel, and the start of its row of the basis.
extern "C" __global__ void locate(const long long *first, const int *members, const long long *begins,
                                  const long long *sizes, long long blocks, int *owner, long long *row)
{
    FOR_GROUPS(p, blocks) {
        FOR_THREADS(i, first[p + 1] - first[p]) {
            owner[members[first[p] + i]] = p;
            row[members[first[p] + i]] = begins[p] + i * sizes[p];
        }
    }
}

// The matrix of a level as a dense array.
extern "C" __global__ void dense(const double *stencil, const long long *offsets, const int *neighbours,
                                 const long long *starts, const long long *sizes, long long blocks, long long size,
                                 double *out)
{
    FOR_GROUPS(pair, 5 * blocks) {
        long long p = pair / 5;
        int q = neighbours[9 * p + 4 + pair % 5];
        if (q < 0)
            continue;
        FOR_THREADS(k, sizes[p] * sizes[q]) {
            long long row = starts[p] + k / sizes[q], column = starts[q] + k % sizes[q];
            out[row * size + column] = out[column * size + row] = stencil[offsets[pair] + k];
        }
    }
}
