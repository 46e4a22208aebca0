// Second moments of what a layer's weights are multiplied with.
//
// The sums run over the rows in order for each pair of columns, whatever the width of the vectors, and nothing is fused,
// so every variant gives the same bits.
#include "kernels.h"
#include <stdlib.h>

// Rows whose sums are kept in single precision; columns on either side of a tile, which lies in registers.
enum { BLOCK = 64, TALL = 4, WIDE = 16 };

// out[i][j] += sum over rows of row[i] * row[j] for one tile of columns. The rows are `stride` apart.
#define DEFINE_TILE(name, attributes)                                                                       \
    attributes static void name(                                                                            \
        const float *restrict left, const float *restrict right, size_t count, size_t stride,               \
        float (*restrict out)[WIDE]) {                                                                      \
        float sums[TALL][WIDE] = {{0}};                                                                     \
        for (size_t r = 0; r < count; r++, left += stride, right += stride)                                 \
            for (size_t i = 0; i < TALL; i++)                                                               \
                for (size_t j = 0; j < WIDE; j++) sums[i][j] += left[i] * right[j];                         \
        memcpy(out, sums, sizeof sums);                                                                     \
    }

typedef void tile_sums(const float *, const float *, size_t, size_t, float (*)[WIDE]);
DEFINE_TILE(tile_reference, )
#if defined(__x86_64__)
DEFINE_TILE(tile_avx2, __attribute__((target("avx2"))))
DEFINE_TILE(tile_avx512, __attribute__((target("avx512f,prefer-256-bit"))))
#endif

static tile_sums *tile_for_processor(void) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f")) return tile_avx512;
    if (__builtin_cpu_supports("avx2")) return tile_avx2;
#endif
    return tile_reference;
}

// The upper triangle of [k, k], tile by tile; `rows` are padded with zeros to `stride`, a multiple of WIDE.
static void gram(const float *rows, size_t count, size_t k, size_t stride, double *out, tile_sums *sums) {
    float tile[TALL][WIDE];
    for (size_t top = 0; top < k; top += TALL)
        for (size_t left = top / WIDE * WIDE; left < k; left += WIDE) {
            sums(rows + top, rows + left, count, stride, tile);
            for (size_t i = top; i < top + TALL && i < k; i++)
                for (size_t j = i > left ? i : left; j < left + WIDE && j < k; j++)
                    out[i * k + j] += tile[i - top][j - left];
        }
}

static bool add(const float *rows, size_t count, size_t k, double *out, double *sums, tile_sums *tile) {
    size_t stride = (k + WIDE - 1) / WIDE * WIDE;
    float *padded = calloc(BLOCK * stride + 1, sizeof *padded);
    if (!padded) return false;
    for (size_t start = 0; start < count; start += BLOCK) {
        size_t length = count - start < BLOCK ? count - start : BLOCK;
        for (size_t r = 0; r < length; r++) {
            const float *row = rows + (start + r) * k;
            memcpy(padded + r * stride, row, k * sizeof *row);
            for (size_t j = 0; j < k; j++) sums[j] += row[j];
        }
        gram(padded, length, k, stride, out, tile);
    }
    free(padded);
    return true;
}

bool octavo_gram_f32(const float *rows, size_t count, size_t k, double *gram, double *sums) {
    return add(rows, count, k, gram, sums, tile_for_processor());
}

bool octavo_gram_f32_reference(const float *rows, size_t count, size_t k, double *gram, double *sums) {
    return add(rows, count, k, gram, sums, tile_reference);
}

void octavo_patches_f32(
    const float *x, const octavo_patch_shape *s, size_t first, size_t step, size_t count, float *rows) {
    for (size_t p = 0; p < count; p++) {
        size_t position = first + p * step;
        ptrdiff_t top = (ptrdiff_t)(position / s->out_width * s->stride_y) - (ptrdiff_t)s->pad_top;
        ptrdiff_t left = (ptrdiff_t)(position % s->out_width * s->stride_x) - (ptrdiff_t)s->pad_left;
        for (size_t c = 0; c < s->channels; c++) {
            const float *plane = x + c * s->height * s->width;
            for (size_t ky = 0; ky < s->kernel_y; ky++) {
                ptrdiff_t y = top + (ptrdiff_t)(ky * s->dilation_y);
                for (size_t kx = 0; kx < s->kernel_x; kx++) {
                    ptrdiff_t column = left + (ptrdiff_t)(kx * s->dilation_x);
                    bool inside = y >= 0 && y < (ptrdiff_t)s->height && column >= 0 && column < (ptrdiff_t)s->width;
                    *rows++ = inside ? plane[y * (ptrdiff_t)s->width + column] : 0;
                }
            }
        }
    }
}
