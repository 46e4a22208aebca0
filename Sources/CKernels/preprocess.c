// Elementwise preprocessing and quantization entry points. A byte has 256 values: the formula is computed once for each
// and looked up, which is exact by construction and as fast as memory.
#include "kernels.h"
#include <stdlib.h>

static float affine(float x, float scale, float mean, float std) {
    float scaled = x * scale;
    float centered = scaled - mean;
    return centered / std;
}

static void fill_table(float *table, float scale, float mean, float std) {
    for (int value = 0; value < 256; value++) table[value] = affine((float)value, scale, mean, std);
}

void octavo_affine_u8_f32(const uint8_t *x, size_t n, float scale, float mean, float std, float *out) {
    float table[256];
    fill_table(table, scale, mean, std);
    for (size_t i = 0; i < n; i++) out[i] = table[x[i]];
}

void octavo_affine_f32_f32(const float *x, size_t n, float scale, float mean, float std, float *out) {
    for (size_t i = 0; i < n; i++) out[i] = affine(x[i], scale, mean, std);
}

// One table per output channel.
static float *make_tables(size_t c, float scale, const float *mean, const float *std) {
    float *tables = calloc(c ? c : 1, 256 * sizeof *tables);
    if (!tables) return NULL;
    for (size_t k = 0; k < c; k++) fill_table(tables + k * 256, scale, mean[k], std[k]);
    return tables;
}

bool octavo_preprocess_u8_nhwc_nchw(
    const uint8_t *x, size_t h, size_t w, size_t c, float scale, const float *mean, const float *std, bool reverse,
    float *out) {
    float *tables = make_tables(c, scale, mean, std);
    if (!tables) return false;
    size_t pixels = h * w;
    for (size_t k = 0; k < c; k++) {
        const uint8_t *from = x + (reverse ? c - 1 - k : k);
        const float *table = tables + k * 256;
        float *to = out + k * pixels;
        for (size_t i = 0; i < pixels; i++) to[i] = table[from[i * c]];
    }
    free(tables);
    return true;
}

bool octavo_preprocess_u8_nhwc_nhwc(
    const uint8_t *x, size_t h, size_t w, size_t c, float scale, const float *mean, const float *std, bool reverse,
    float *out) {
    float *tables = make_tables(c, scale, mean, std);
    if (!tables) return false;
    for (size_t i = 0; i < h * w; i++)
        for (size_t k = 0; k < c; k++) out[i * c + k] = tables[k * 256 + x[i * c + (reverse ? c - 1 - k : k)]];
    free(tables);
    return true;
}

void octavo_preprocess_f32_nhwc_nchw(
    const float *x, size_t h, size_t w, size_t c, float scale, const float *mean, const float *std, bool reverse,
    float *out) {
    size_t pixels = h * w;
    for (size_t k = 0; k < c; k++) {
        const float *from = x + (reverse ? c - 1 - k : k);
        float *to = out + k * pixels;
        for (size_t i = 0; i < pixels; i++) to[i] = affine(from[i * c], scale, mean[k], std[k]);
    }
}

void octavo_quantize_f32_s8(const float *x, size_t n, float scale, int8_t *q) {
    octavo_kernels_current()->quantize_s8(x, n, scale, q);
}

void octavo_quantize_f32_u8(const float *x, size_t n, float scale, uint8_t zero, uint8_t *q) {
    octavo_kernels_current()->quantize_u8(x, n, scale, zero, q);
}

void octavo_fake_quantize_u8(const float *x, size_t n, float scale, uint8_t zero, float *y) {
    octavo_kernels_current()->fake_quantize_u8(x, n, scale, zero, y);
}

void octavo_fake_quantize_s8(const float *x, size_t n, float scale, float *y) {
    octavo_kernels_current()->fake_quantize_s8(x, n, scale, y);
}
