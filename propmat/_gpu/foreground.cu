// Multilevel estimation of foreground and background colours; twin of _cpu/foreground.py, where the update is
// described. All pixels of one colour of the checkerboard are updated in parallel, from those of the other colour.

// Image and alpha on a grid, and its layers interpolated from the coarser grid.
extern "C" __global__ void load(const double *image, const double *alpha, long long image_width, long long channels,
                                const long long *rows, const long long *columns, long long height, long long width,
                                const double *smaller, long long small_height, long long small_width,
                                const long long *small_rows, const long long *small_columns, float *colours,
                                float *matte, float *estimate)
{
    FOR_ALL(i, height * width) {
        long long y = i / width, x = i % width, from = rows[y] * image_width + columns[x];
        long long before = small_rows[y] * small_width + small_columns[x];
        matte[i] = alpha[from];
        for (long long c = 0; c < channels; c++) {
            colours[i * channels + c] = image[from * channels + c];
            for (int layer = 0; layer < 2; layer++)
                estimate[(layer * height * width + i) * channels + c] =
                    smaller[(layer * small_height * small_width + before) * channels + c];
        }
    }
}

// One Gauss-Seidel half sweep over the pixels of colour `square` of the checkerboard.
extern "C" __global__ void relax(const float *colours, const float *matte, long long height, long long width,
                                 long long channels, long long square, float regularization, float gradient_weight,
                                 float *estimate)
{
    long long next[4] = {-width, width, -1, 1};
    FOR_ALL(i, height * width) {
        long long y = i / width, x = i % width;
        if ((y + x) % 2 != square)
            continue;
        bool there[4] = {y > 0, y + 1 < height, x > 0, x + 1 < width};
        float edge[4], total = 0, a = matte[i], b = 1.0f - a;
        for (int k = 0; k < 4; k++) {
            edge[k] = there[k] ? regularization + gradient_weight * fabsf(a - matte[i + next[k]]) : 0.0f;
            total += edge[k];
        }
        float gain = 1.0f / (a * a + b * b + (a * b > 0 ? total : 0.0f)), inverse = 1.0f / total;
        for (long long c = 0; c < channels; c++) {
            float *foreground = estimate + i * channels + c, *background = foreground + height * width * channels;
            float f = 0, g = 0;
            for (int k = 0; k < 4; k++)
                if (there[k]) {
                    f += edge[k] * foreground[next[k] * channels];
                    g += edge[k] * background[next[k] * channels];
                }
            f *= inverse;
            g *= inverse;
            float step = gain * (colours[i * channels + c] - a * f - b * g);
            *foreground = f + a * step;
            *background = g + b * step;
        }
    }
}

// Both layers in double precision; where alpha is 1 (0), the foreground (background) is exactly the image.
extern "C" __global__ void store(const double *image, long long image_width, long long channels, const long long *rows,
                                 const long long *columns, long long height, long long width, const float *matte,
                                 const float *estimate, double *layers)
{
    FOR_ALL(i, 2 * height * width) {
        long long layer = i / (height * width), pixel = i % (height * width);
        long long from = rows[pixel / width] * image_width + columns[pixel % width];
        bool alone = matte[pixel] == 1.0f - layer;
        for (long long c = 0; c < channels; c++)
            layers[i * channels + c] = alone ? image[from * channels + c] : estimate[i * channels + c];
    }
}
