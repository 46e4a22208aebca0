// Second moments of what a layer's weights are multiplied with.
//
// The sums run over the rows in order for each pair of columns, whatever the width of the vectors, and nothing is fused,
// so every variant gives the same bits.
#include "kernels.h"
#include <stdlib.h>

enum { BLOCK = 64 };

// acc[i][j] += sum over rows of row[i] * row[j] for j >= i, in single precision over at most BLOCK rows.
#define DEFINE_GRAM(name, attributes)                                                                       \
    attributes static void name(const float *rows, size_t count, size_t k, float *line, double *gram) {     \
        for (size_t i = 0; i < k; i++) {                                                                    \
            memset(line + i, 0, (k - i) * sizeof *line);                                                    \
            for (size_t r = 0; r < count; r++) {                                                            \
                const float *row = rows + r * k;                                                            \
                float a = row[i];                                                                           \
                if (a == 0) continue;                                                                       \
                for (size_t j = i; j < k; j++) line[j] += a * row[j];                                       \
            }                                                                                               \
            for (size_t j = i; j < k; j++) gram[i * k + j] += line[j];                                      \
        }                                                                                                   \
    }

DEFINE_GRAM(gram_reference, )
#if defined(__x86_64__)
DEFINE_GRAM(gram_avx2, __attribute__((target("avx2"))))
DEFINE_GRAM(gram_avx512, __attribute__((target("avx512f,prefer-256-bit"))))
#endif

static void gram(const float *rows, size_t count, size_t k, float *line, double *out, bool plain) {
#if defined(__x86_64__)
    if (!plain && __builtin_cpu_supports("avx512f")) return gram_avx512(rows, count, k, line, out);
    if (!plain && __builtin_cpu_supports("avx2")) return gram_avx2(rows, count, k, line, out);
#endif
    gram_reference(rows, count, k, line, out);
}

static bool add(const float *rows, size_t count, size_t k, double *out, double *sums, bool plain) {
    float *line = malloc((k ? k : 1) * sizeof *line);
    if (!line) return false;
    for (size_t start = 0; start < count; start += BLOCK) {
        size_t length = count - start < BLOCK ? count - start : BLOCK;
        gram(rows + start * k, length, k, line, out, plain);
    }
    for (size_t r = 0; r < count; r++)
        for (size_t j = 0; j < k; j++) sums[j] += rows[r * k + j];
    free(line);
    return true;
}

bool octavo_gram_f32(const float *rows, size_t count, size_t k, double *gram, double *sums) {
    return add(rows, count, k, gram, sums, false);
}

bool octavo_gram_f32_reference(const float *rows, size_t count, size_t k, double *gram, double *sums) {
    return add(rows, count, k, gram, sums, true);
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
