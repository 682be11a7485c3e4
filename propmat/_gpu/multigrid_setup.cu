// Set-up of the multigrid hierarchy; twins of _cpu/multigrid_setup.py, where slots and layouts are described. One group
// processes one block.

const int PIXELS = 64;  // most pixels of a block of the first level
const int WIDTH = 16;   // most functions of such a block
const double EQUAL = 1 - 1e-5;  // bases are in single precision: pivots with a smaller relative difference are equal

// Index in order[begin..end) of the largest pivot, the first of equal ones; the same in all threads.
__device__ int largest(const double *pivots, const int *order, int begin, int end)
{
    double value = -1;
    for (int k = begin + threadIdx.x; k < end; k += blockDim.x)
        value = max(value, pivots[order[k]]);
    value = group_max(value);
    int place = end;
    for (int k = end - 1 - threadIdx.x; k >= begin; k -= blockDim.x)
        if (pivots[order[k]] >= value * EQUAL)
            place = k;
    return -group_max(-place);
}

// Cholesky with diagonal pivoting until all remaining pivots are below the threshold; see
// _cpu.multigrid_setup.eliminate.
__device__ int eliminate(const double *matrix, int n, int most, double threshold, double *upper, int *order, double *pivots)
{
    __syncthreads();
    FOR_THREADS(i, n) {
        pivots[i] = matrix[(long long)i * n + i];
        order[i] = i;
    }
    __syncthreads();
    int gone = 0;
    while (gone < n - 1) {
        int place = largest(pivots, order, gone, n), here = order[place], left = n - gone;
        double pivot = pivots[here];
        if (pivot < 1e-13 || (pivot < threshold && left <= most)) {
            if (left <= most)
                gone = max(0, n - min(most, (left + 7) / 8 * 8));
            break;
        }
        __syncthreads();
        if (threadIdx.x == 0) {
            order[place] = order[gone];
            order[gone] = here;
        }
        double scale = 1.0 / sqrt(pivot);
        FOR_THREADS(j, n) {
            double total = matrix[(long long)here * n + j];
            for (long long k = 0; k < gone; k++)
                total -= upper[k * n + here] * upper[k * n + j];
            total *= scale;
            upper[(long long)gone * n + j] = total;
            pivots[j] = j == here ? -1.0 : pivots[j] - total * total;
        }
        __syncthreads();
        gone++;
    }
    return min(gone, max(0, n - 8));
}

// Functions (columns) that are 1 on one remaining unknown, 0 on the others, and have least energy otherwise. A thread
// computes whole columns, which needs no synchronisation.
__device__ int extend(const double *upper, int n, int gone, int most, const int *order, double *functions)
{
    int count = min(n - gone, most);
    __syncthreads();
    FOR_THREADS(j, count) {
        for (int k = gone; k < n; k++)
            functions[order[k] * count + j] = k == gone + j ? 1.0 : 0.0;
        for (int k = gone - 1; k >= 0; k--) {
            const double *source = upper + (long long)k * n;
            double total = source[order[gone + j]];
            for (int i = k + 1; i < gone; i++)
                total += source[order[i]] * functions[order[i] * count + j];
            functions[order[k] * count + j] = -total / source[order[k]];
        }
    }
    __syncthreads();
    return count;
}

// S A S times `units`, rounded, in rows of unknown pixels.
template <class Entry>
__device__ void scale_pixels(const double *values, long long size, const int *runs, long long count,
                             const double *scale, double units, Entry *out)
{
    FOR_ALL(r, count) {
        long long here = runs[r];
        for (int k = 0; k < 13; k++) {
            int dy = (k + 2) / 5;
            long long there = here + k - 5 * dy + (dy > 0 ? runs[(3 + dy) * count + r] : 0);
            out[k * size + here] = rint(units * values[k * size + here] * scale[here] * scale[there]);
        }
    }
}

#define SCALE_PIXELS(Entry, suffix)                                                                                 \
    extern "C" __global__ void scale_pixels_##suffix(const double *values, long long size, const int *runs,         \
                                                     long long count, const double *scale, double units,            \
                                                     Entry *out)                                                    \
    {                                                                                                               \
        scale_pixels(values, size, runs, count, scale, units, out);                                                 \
    }

SCALE_PIXELS(short, int16)
SCALE_PIXELS(float, float32)

// Local functions of every block of pixels. `matrices` is scratch memory, PIXELS x PIXELS numbers for each group; the
// functions overwrite the matrix.
extern "C" __global__ void pixel_functions(const double *values, const double *between, const double *scale,
                                           long long support, const long long *first, const int *members, const unsigned char *cells,
                                           long long blocks, long long edge, long long most, double threshold,
                                           double *matrices, float *out, long long *counts)
{
    __shared__ double upper[PIXELS * PIXELS];
    __shared__ double pivots[PIXELS];
    __shared__ int order[PIXELS], local[PIXELS];
    double *matrix = matrices + blockIdx.x * (long long)PIXELS * PIXELS;
    FOR_GROUPS(p, blocks) {
        long long begin = first[p];
        int n = first[p + 1] - begin;
        __syncthreads();
        FOR_THREADS(c, edge * edge)
            local[c] = -1;
        FOR_THREADS(i, n * n)
            matrix[i] = 0;
        __syncthreads();
        FOR_THREADS(i, n)
            local[cells[begin + i]] = i;
        __syncthreads();
        FOR_THREADS(i, n) {
            int y = cells[begin + i] / edge, x = cells[begin + i] % edge;
            for (int k = 0; k < 13; k++) {
                int dy = (k + 2) / 5, v = y + dy, u = x + k - 5 * dy;
                if (v < edge && u >= 0 && u < edge && local[v * edge + u] >= 0) {
                    int j = local[v * edge + u];
                    long long here = members[begin + i], entry = k * support + here;
                    double value = (values[entry] - between[entry]) * scale[here] * scale[members[begin + j]];
                    matrix[i * n + j] = matrix[j * n + i] = value;
                }
            }
        }
        int gone = eliminate(matrix, n, most, threshold, upper, order, pivots);
        int count = extend(upper, n, gone, most, order, matrix);
        FOR_THREADS(k, n * count)
            out[(begin + k / count) * most + k % count] = matrix[k];
        if (threadIdx.x == 0)
            counts[p] = count;
    }
}

// Local functions of every block of blocks, of at most `capacity` unknowns. Scratch memory of each group: 2 capacity² +
// capacity elements of `numbers`, 3 capacity elements of `places`.
extern "C" __global__ void block_functions(const double *stencil, const long long *offsets, const long long *sizes,
                                           const long long *starts, const int *neighbours, const bool *live,
                                           const long long *parent, const long long *first_child,
                                           const long long *children, long long blocks, long long most,
                                           double threshold, long long capacity, double *numbers, int *places, float *out,
                                           const long long *base, long long *counts)
{
    double *matrix = numbers + blockIdx.x * (2 * capacity * capacity + capacity);
    double *upper = matrix + capacity * capacity, *pivots = upper + capacity * capacity;
    int *order = places + blockIdx.x * 3 * capacity, *local = order + capacity, *begins = local + capacity;
    __shared__ int n, total;
    FOR_GROUPS(p, blocks) {
        __syncthreads();
        if (threadIdx.x == 0) {
            n = total = 0;
            for (long long c = first_child[p]; c < first_child[p + 1]; c++) {
                long long q = children[c];
                begins[c - first_child[p]] = total;
                for (long long j = starts[q]; j < starts[q] + sizes[q]; j++) {
                    local[total++] = live[j] ? n : -1;
                    n += live[j];
                }
            }
        }
        __syncthreads();
        for (long long i = threadIdx.x; i < (long long)n * n; i += blockDim.x)
            matrix[i] = 0;
        __syncthreads();
        for (long long c = first_child[p]; c < first_child[p + 1]; c++) {
            long long q = children[c];
            for (int s = 4; s < 9; s++) {
                int r = neighbours[9 * q + s];
                if (r < 0 || parent[r] != p)
                    continue;
                long long d = first_child[p], width = sizes[r], begin = offsets[5 * q + s - 4];
                while (children[d] != r)
                    d++;
                FOR_THREADS(k, sizes[q] * width) {
                    int a = local[begins[c - first_child[p]] + k / width], b = local[begins[d - first_child[p]] + k % width];
                    if (a >= 0 && b >= 0)
                        matrix[(long long)a * n + b] = matrix[(long long)b * n + a] = stencil[begin + k];
                }
            }
        }
        int gone = eliminate(matrix, n, most, threshold, upper, order, pivots);
        int count = extend(upper, n, gone, most, order, matrix);
        FOR_THREADS(k, total * count) {
            int i = local[k / count];
            out[(base[p] + k / count) * most + k % count] = i < 0 ? 0.0 : matrix[(long long)i * count + k % count];
        }
        if (threadIdx.x == 0)
            counts[p] = count;
    }
}

// Copies functions, of rows of fixed width, to rows of the padded size of each block.
extern "C" __global__ void pack(const float *functions, long long most, const long long *first, const long long *counts,
                                const long long *sizes, const long long *begins, long long blocks, float *packed)
{
    FOR_GROUPS(p, blocks) {
        long long count = counts[p], rows = first[p + 1] - first[p];
        FOR_THREADS(k, rows * count)
            packed[begins[p] + k / count * sizes[p] + k % count] = functions[(first[p] + k / count) * most + k % count];
    }
}

// Whether a step leaves the interval of length `most` that contains `here`.
__device__ bool leaves(long long here, long long step, long long most)
{
    return (here + step) / most != here / most;
}

// Galerkin product Pᵀ S A S P for blocks of pixels; see _cpu.multigrid_setup.galerkin_pixels.
extern "C" __global__ void galerkin_pixels(const double *values, long long support, const double *scale, long long block,
                                           long long edge, const float *basis, const long long *row, const int *owner, const int *where,
                                           const long long *first, const int *members, const unsigned char *cells,
                                           const int *number, long long columns, const long long *sizes,
                                           const long long *offsets, long long blocks, double *out)
{
    __shared__ double value[25 * PIXELS], product[PIXELS * WIDTH];
    __shared__ long long source[25 * PIXELS];
    __shared__ signed char slot[25 * PIXELS];
    __shared__ int width[5];
    FOR_GROUPS(p, blocks) {
        long long begin = first[p], size = sizes[p];
        int rows = first[p + 1] - begin;
        __syncthreads();
        FOR_THREADS(s, 5)
            width[s] = 0;
        __syncthreads();
        FOR_THREADS(e, 25 * rows) {
            int i = e / 25, dy = e % 25 / 5 - 2, dx = e % 5 - 2;
            long long y = where[2 * p] * edge + cells[begin + i] / edge, x = where[2 * p + 1] * edge + cells[begin + i] % edge;
            long long here = members[begin + i], there = number[(y + dy + 2) * columns + x + dx + 2];
            int q = there < 0 ? -1 : owner[there];
            slot[e] = -1;
            if (q < 0 || (block > 0 && (leaves(y, dy, block) || leaves(x, dx, block))))
                continue;
            bool ahead = dy > 0 || (dy == 0 && dx >= 0);
            value[e] = ahead ? values[(5 * dy + dx) * support + here] : values[(-5 * dy - dx) * support + there];
            int s = 3 * (where[2 * q] - where[2 * p]) + where[2 * q + 1] - where[2 * p + 1];
            if (s < 0 || value[e] == 0)
                continue;
            value[e] *= scale[here] * scale[there];
            slot[e] = s;
            source[e] = row[there];
            width[s] = sizes[q];
        }
        __syncthreads();
        for (int s = 0; s < 5; s++) {
            int columns = width[s];
            FOR_THREADS(k, rows * columns) {
                int i = k / columns, j = k % columns;
                double total = 0;
                for (int e = 25 * i; e < 25 * i + 25; e++)
                    if (slot[e] == s)
                        total += value[e] * basis[source[e] + j];
                product[k] = total;
            }
            __syncthreads();
            FOR_THREADS(k, size * columns) {
                int a = k / columns, j = k % columns;
                double total = 0;
                for (int i = 0; i < rows; i++)
                    total += basis[row[members[begin + i]] + a] * product[i * columns + j];
                out[offsets[5 * p + s] + k] = total;
            }
            __syncthreads();
        }
    }
}

// Galerkin product Pᵀ A P for blocks of blocks, one group for each pair of a block and one of the slots 4-8; `products`
// is scratch memory, `capacity` numbers for each group.
extern "C" __global__ void galerkin_blocks(const double *stencil, const long long *offsets, const long long *sizes,
                                           const int *neighbours, const long long *parent, const float *basis,
                                           const long long *begins, const int *where, const long long *first,
                                           const long long *children, const long long *wide,
                                           const long long *coarse_offsets, long long blocks, long long most,
                                           long long capacity, double *products, double *out)
{
    double *product = products + blockIdx.x * capacity;
    FOR_GROUPS(pair, 5 * blocks) {
        long long p = pair / 5, slot = pair % 5, height = wide[p];
        for (long long c = first[p]; c < first[p + 1]; c++) {
            long long q = children[c], rows = sizes[q], width = 0;
            for (int s = 0; s < 9; s++) {
                int r = neighbours[9 * q + s];
                if (r < 0)
                    continue;
                long long other = parent[r], dy = where[2 * other] - where[2 * p], dx = where[2 * other + 1] - where[2 * p + 1];
                if (3 * dy + dx != slot || (most > 0 && (leaves(where[2 * p], dy, most) || leaves(where[2 * p + 1], dx, most))))
                    continue;
                long long inner = sizes[r], begin = s >= 4 ? offsets[5 * q + s - 4] : offsets[5 * r + 4 - s];
                long long down = s >= 4 ? inner : 1, right = s >= 4 ? 1 : rows;
                bool fresh = width == 0;
                width = wide[other];
                FOR_THREADS(k, rows * width) {
                    long long i = k / width, j = k % width;
                    double total = fresh ? 0 : product[k];
                    for (long long m = 0; m < inner; m++)
                        total += stencil[begin + i * down + m * right] * basis[begins[r] + m * width + j];
                    product[k] = total;  // read and written by this thread only
                }
            }
            __syncthreads();
            FOR_THREADS(k, height * width) {
                long long a = k / width, j = k % width;
                double total = 0;
                for (long long i = 0; i < rows; i++)
                    total += basis[begins[q] + i * height + a] * product[i * width + j];
                out[coarse_offsets[pair] + k] += total;
            }
            __syncthreads();
        }
    }
}

// Cholesky in place; an unknown that depends on the previous ones, up to rounding, is not `live` and left out.
__device__ void factor_block(double *block, long long size, bool *live)
{
    for (long long j = 0; j < size; j++) {
        double sum = 0, before = block[j * size + j];
        FOR_THREADS(k, j)
            sum += block[j * size + k] * block[j * size + k];
        sum = before - group_sum(sum);
        double pivot = before > 0 && sum > 1e-9 * before ? sqrt(sum) : 0;
        if (threadIdx.x == 0) {
            live[j] = pivot > 0;
            block[j * size + j] = pivot;
        }
        for (long long i = j + 1 + threadIdx.x; i < size; i += blockDim.x) {
            double total = block[i * size + j];
            for (long long k = 0; k < j; k++)
                total -= block[i * size + k] * block[j * size + k];
            block[i * size + j] = pivot > 0 ? total / pivot : 0;
        }
        __syncthreads();
    }
}

// L⁻ᵀ row by row, one thread for each row; rows and columns of unknowns that are not live are zero
__device__ void invert_factor(const double *block, long long size, double *out)
{
    FOR_THREADS(j, size) {
        double *row = out + j * size;
        for (long long i = 0; i < size; i++)
            row[i] = 0;
        if (block[j * size + j] == 0)
            continue;
        row[j] = 1.0 / block[j * size + j];
        for (long long i = j + 1; i < size; i++) {
            double total = 0;
            for (long long k = j; k < i; k++)
                total -= block[i * size + k] * row[k];
            row[i] = block[i * size + i] > 0 ? total / block[i * size + i] : 0;
        }
    }
    __syncthreads();
}

// L⁻ᵀ of every diagonal matrix L Lᵀ, which is replaced by the identity.
extern "C" __global__ void factor_blocks(double *stencil, const long long *offsets, const long long *sizes,
                                         const long long *starts, const long long *where, long long blocks,
                                         double *inverses, bool *live)
{
    FOR_GROUPS(p, blocks) {
        long long size = sizes[p];
        double *own = stencil + offsets[5 * p];
        factor_block(own, size, live + starts[p]);
        invert_factor(own, size, inverses + where[p]);
        FOR_THREADS(k, size * size)
            own[k] = k / size == k % size;
        __syncthreads();
    }
}

// Calls visit(q, begin, i, j, width) for every entry (i, j) of the matrices between block p and the neighbours q ahead.
template <class Visit>
__device__ void each_ahead(long long p, const int *neighbours, const long long *offsets, const long long *sizes, Visit visit)
{
    for (int s = 5; s < 9; s++) {
        int q = neighbours[9 * p + s];
        if (q < 0)
            continue;
        long long width = sizes[q], begin = offsets[5 * p + s - 4];
        FOR_THREADS(k, sizes[p] * width)
            visit(q, begin, k / width, k % width, width);
    }
}

// fresh = P_p L_p⁻ᵀ and half = A_pq L_q⁻ᵀ for all blocks p and neighbours q ahead.
extern "C" __global__ void transform_right(const double *stencil, const long long *offsets, const long long *sizes,
                                           const long long *where, const double *inverses, const int *neighbours,
                                           long long blocks, const long long *first, const long long *begins,
                                           const float *basis, float *fresh, double *half)
{
    FOR_GROUPS(p, blocks) {
        long long size = sizes[p];
        FOR_THREADS(k, (first[p + 1] - first[p]) * size) {
            double total = 0;
            for (long long m = 0; m < size; m++)
                total += basis[begins[p] + k / size * size + m] * inverses[where[p] + m * size + k % size];
            fresh[begins[p] + k] = total;
        }
        each_ahead(p, neighbours, offsets, sizes, [=](int q, long long begin, int i, int j, long long width) {
            double total = 0;
            for (long long m = 0; m < width; m++)
                total += stencil[begin + i * width + m] * inverses[where[q] + m * width + j];
            half[begin + i * width + j] = total;
        });
    }
}

// A_pq = L_p⁻¹ half; also written to `values`, times `units` and rounded, as lines (_cpu/multigrid.py).
template <class Entry>
__device__ void transform_left(double *stencil, const long long *offsets, const long long *sizes,
                               const long long *where, const double *inverses, const int *neighbours,
                               long long blocks, const double *half, double units, Entry *values)
{
    FOR_GROUPS(p, blocks) {
        long long size = sizes[p], line = line_width(p, neighbours, sizes);
        each_ahead(p, neighbours, offsets, sizes, [=](int, long long begin, int i, int j, long long width) {
            double total = 0;
            for (long long m = 0; m < size; m++)
                total += inverses[where[p] + m * size + i] * half[begin + m * width + j];
            stencil[begin + i * width + j] = total;
            long long ahead = offsets[5 * p + 1];
            values[ahead + (begin - ahead) / size + i * line + j] = rint(units * total);
        });
    }
}

#define TRANSFORM_LEFT(Entry, suffix)                                                                               \
    extern "C" __global__ void transform_left_##suffix(double *stencil, const long long *offsets,                    \
                                                       const long long *sizes, const long long *where,              \
                                                       const double *inverses, const int *neighbours,               \
                                                       long long blocks, const double *half, double units,          \
                                                       Entry *values)                                               \
    {                                                                                                               \
        transform_left(stencil, offsets, sizes, where, inverses, neighbours, blocks, half, units, values);          \
    }

TRANSFORM_LEFT(short, int16)
TRANSFORM_LEFT(float, float32)

// L⁻ᵀ of a matrix L Lᵀ, which is overwritten by L.
extern "C" __global__ void invert_dense(double *matrix, long long size, double *rows, bool *live)
{
    if (blockIdx.x == 0) {
        factor_block(matrix, size, live);
        invert_factor(matrix, size, rows);
    }
}
