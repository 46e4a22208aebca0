// The parts that differ per processor: loops over one contiguous row, or over a block of columns. What surrounds them
// (chunks, channels, growing histograms) is written once, in observe.c and channels.c.
#pragma once
#include "CKernels.h"
#include <math.h>
#include <string.h>

// A fused multiply-add rounds once where the contract says twice.
#pragma STDC FP_CONTRACT OFF

enum { OCTAVO_LANES = 8 };

// From this scale on, not even the smallest float becomes zero when it is scaled.
#define OCTAVO_NO_UNDERFLOW 1.0f

typedef struct {
    float min, max;
    uint64_t finite;
} octavo_row_range;

typedef struct {
    double sum[OCTAVO_LANES];
    float min, max;
} octavo_row_stats;

typedef struct {
    double reference[OCTAVO_LANES], reference_squared[OCTAVO_LANES], error[OCTAVO_LANES], error_squared[OCTAVO_LANES];
    uint64_t count;
} octavo_row_error;

typedef struct {
    const char *name;

    // Range of the finite values, folded into r.
    void (*range)(const float *x, size_t n, octavo_row_range *r);

    // Counts the finite values other than zero in their bins (see octavo_bin_number); returns how many it counted. With
    // in_range the caller knows that every |x| * scale is at most 4096. n < 2^32.
    size_t (*bin)(const float *x, size_t n, float scale, bool in_range, uint32_t *bins);

    // One row, into fresh partial sums.
    void (*stats_row)(const float *x, size_t n, octavo_row_stats *s);
    void (*compare_row)(const float *reference, const float *test, size_t n, octavo_row_error *e);
    float (*max_abs_row)(const float *x, size_t n);

    // `rows` rows of `columns` values, `stride` values apart; each column goes into its own sum in order of the rows.
    void (*stats_columns)(
        const float *x, size_t rows, size_t stride, size_t columns, float *min, float *max, double *sum);
    void (*compare_columns)(
        const float *reference, const float *test, size_t rows, size_t stride, size_t columns, octavo_error *e);
    void (*max_abs_columns)(const float *x, size_t rows, size_t stride, size_t columns, float *out);

    void (*quantize_s8)(const float *x, size_t n, float scale, int8_t *q);
    void (*quantize_u8)(const float *x, size_t n, float scale, uint8_t zero, uint8_t *q);
    void (*fake_quantize_u8)(const float *x, size_t n, float scale, uint8_t zero, float *y);
    void (*fake_quantize_s8)(const float *x, size_t n, float scale, float *y);
} octavo_kernels;

extern const octavo_kernels octavo_kernels_reference;
#if defined(__x86_64__)
extern const octavo_kernels octavo_kernels_avx2;
extern const octavo_kernels octavo_kernels_avx512;
#elif defined(__aarch64__)
extern const octavo_kernels octavo_kernels_neon;
#endif

// The portable kernels by name: others hand them what is left at the end of a row.
void octavo_reference_range(const float *x, size_t n, octavo_row_range *r);
size_t octavo_reference_bin(const float *x, size_t n, float scale, bool in_range, uint32_t *bins);
void octavo_reference_stats_row(const float *x, size_t n, octavo_row_stats *s);
void octavo_reference_compare_row(const float *reference, const float *test, size_t n, octavo_row_error *e);
float octavo_reference_max_abs_row(const float *x, size_t n);
void octavo_reference_stats_columns(
    const float *x, size_t rows, size_t stride, size_t columns, float *min, float *max, double *sum);
void octavo_reference_compare_columns(
    const float *reference, const float *test, size_t rows, size_t stride, size_t columns, octavo_error *e);
void octavo_reference_max_abs_columns(const float *x, size_t rows, size_t stride, size_t columns, float *out);
void octavo_reference_quantize_s8(const float *x, size_t n, float scale, int8_t *q);
void octavo_reference_quantize_u8(const float *x, size_t n, float scale, uint8_t zero, uint8_t *q);
void octavo_reference_fake_quantize_u8(const float *x, size_t n, float scale, uint8_t zero, float *y);
void octavo_reference_fake_quantize_s8(const float *x, size_t n, float scale, float *y);

/// The kernels for the calling thread.
const octavo_kernels *octavo_kernels_current(void);

static inline bool octavo_is_finite(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return (bits & 0x7f800000u) != 0x7f800000u;
}

/// The bin of a finite value at scale 1 / width; what is beyond the range counts in the outermost bin.
static inline size_t octavo_bin_number(float x, float scale) {
    float steps = ceilf(fminf(fabsf(x) * scale, OCTAVO_HALF_BINS));
    size_t k = steps >= 1 ? (size_t)steps - 1 : 0;
    return x < 0 ? OCTAVO_HALF_BINS - 1 - k : OCTAVO_HALF_BINS + k;
}

/// The fixed order in which the eight partial sums of a row are added.
static inline double octavo_tree(const double *s) {
    return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
}
