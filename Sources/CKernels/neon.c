// NEON, four values at a time, for the loops a compiler does not vectorize by itself. Sums in double stay with the
// portable kernels: a NEON register holds two.
#include "kernels.h"

#if defined(__aarch64__)
#include <arm_neon.h>

static inline uint32x4_t finite_mask(float32x4_t x) { return vcaltq_f32(x, vdupq_n_f32(INFINITY)); }

static void range(const float *x, size_t n, octavo_row_range *r) {
    float32x4_t low = vdupq_n_f32(INFINITY), high = vdupq_n_f32(-INFINITY);
    size_t i = 0;
    while (i + 4 <= n) {
        // A lane of the 32-bit counter gains one per step: stop well before it is full.
        size_t end = n - i > (1u << 30) ? i + (1u << 30) : n;
        uint32x4_t counts = vdupq_n_u32(0);
        for (; i + 4 <= end; i += 4) {
            float32x4_t v = vld1q_f32(x + i);
            uint32x4_t m = finite_mask(v);
            low = vminq_f32(low, vbslq_f32(m, v, vdupq_n_f32(INFINITY)));
            high = vmaxq_f32(high, vbslq_f32(m, v, vdupq_n_f32(-INFINITY)));
            counts = vsubq_u32(counts, m);
        }
        r->finite += vaddlvq_u32(counts);
    }
    float lowest = vminvq_f32(low), highest = vmaxvq_f32(high);
    if (lowest < r->min) r->min = lowest;
    if (highest > r->max) r->max = highest;
    octavo_reference_range(x + i, n - i, r);
}

static size_t bin(const float *x, size_t n, float scale, bool in_range, uint32_t *bins) {
    const int32x4_t minus_one = vdupq_n_s32(-1);
    size_t counted = 0, i = 0;
    for (; i + 4 <= n; i += 4) {
        float32x4_t v = vld1q_f32(x + i);
        uint32x4_t counts = vmvnq_u32(vceqzq_f32(v));
        if (!in_range) counts = vandq_u32(counts, finite_mask(v));
        if (vmaxvq_u32(counts) == 0) continue;
        // As in the AVX-512 kernel.
        float32x4_t scaled = vmaxq_f32(vnegq_f32(vmulq_n_f32(vabsq_f32(v), scale)), vdupq_n_f32(-OCTAVO_HALF_BINS));
        int32x4_t f = vminq_s32(vcvtmq_s32_f32(scaled), minus_one);
        int32x4_t k = veorq_s32(f, vmvnq_s32(vshrq_n_s32(vreinterpretq_s32_f32(v), 31)));
        int32_t index[4];
        uint32_t counting[4];
        vst1q_s32(index, vaddq_s32(k, vdupq_n_s32(OCTAVO_HALF_BINS)));
        vst1q_u32(counting, counts);
        for (int lane = 0; lane < 4; lane++) {
            if (!counting[lane]) continue;
            bins[index[lane]]++;
            counted++;
        }
    }
    return counted + octavo_reference_bin(x + i, n - i, scale, in_range, bins);
}

static float max_abs_row(const float *x, size_t n) {
    float32x4_t result = vdupq_n_f32(0);
    size_t i = 0;
    for (; i + 4 <= n; i += 4) {
        float32x4_t v = vld1q_f32(x + i);
        result = vmaxq_f32(result, vbslq_f32(finite_mask(v), vabsq_f32(v), vdupq_n_f32(0)));
    }
    float most = vmaxvq_f32(result), rest = octavo_reference_max_abs_row(x + i, n - i);
    return rest > most ? rest : most;
}

// Steps from the zero point, clamped and rounded to nearest even; NaN gives 0.
static inline int32x4_t steps(float32x4_t x, float32x4_t scale, float32x4_t low, float32x4_t high) {
    float32x4_t scaled = vdivq_f32(x, scale);
    scaled = vbslq_f32(vceqq_f32(scaled, scaled), scaled, vdupq_n_f32(0));
    return vcvtnq_s32_f32(vminq_f32(vmaxq_f32(scaled, low), high));
}

static void quantize_s8(const float *x, size_t n, float scale, int8_t *q) {
    const float32x4_t by = vdupq_n_f32(scale), low = vdupq_n_f32(-127), high = vdupq_n_f32(127);
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        int16x4_t a = vmovn_s32(steps(vld1q_f32(x + i), by, low, high));
        int16x4_t b = vmovn_s32(steps(vld1q_f32(x + i + 4), by, low, high));
        vst1_s8(q + i, vmovn_s16(vcombine_s16(a, b)));
    }
    octavo_reference_quantize_s8(x + i, n - i, scale, q + i);
}

static void quantize_u8(const float *x, size_t n, float scale, uint8_t zero, uint8_t *q) {
    const float32x4_t by = vdupq_n_f32(scale), low = vdupq_n_f32(-(float)zero), high = vdupq_n_f32(255 - (float)zero);
    const int32x4_t shift = vdupq_n_s32(zero);
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        int16x4_t a = vmovn_s32(vaddq_s32(steps(vld1q_f32(x + i), by, low, high), shift));
        int16x4_t b = vmovn_s32(vaddq_s32(steps(vld1q_f32(x + i + 4), by, low, high), shift));
        vst1_u8(q + i, vmovn_u16(vreinterpretq_u16_s16(vcombine_s16(a, b))));
    }
    octavo_reference_quantize_u8(x + i, n - i, scale, zero, q + i);
}

// Returns how many values it did.
static inline size_t fake_quantize(const float *x, size_t n, float scale, float lowest, float highest, float *y) {
    const float32x4_t by = vdupq_n_f32(scale), low = vdupq_n_f32(lowest), high = vdupq_n_f32(highest);
    size_t i = 0;
    for (; i + 4 <= n; i += 4)
        vst1q_f32(y + i, vmulq_f32(vcvtq_f32_s32(steps(vld1q_f32(x + i), by, low, high)), by));
    return i;
}

static void fake_quantize_u8(const float *x, size_t n, float scale, uint8_t zero, float *y) {
    size_t i = fake_quantize(x, n, scale, -(float)zero, 255 - (float)zero, y);
    octavo_reference_fake_quantize_u8(x + i, n - i, scale, zero, y + i);
}

static void fake_quantize_s8(const float *x, size_t n, float scale, float *y) {
    size_t i = fake_quantize(x, n, scale, -127, 127, y);
    octavo_reference_fake_quantize_s8(x + i, n - i, scale, y + i);
}

const octavo_kernels octavo_kernels_neon = {
    .name = "neon",
    .range = range,
    .bin = bin,
    .stats_row = octavo_reference_stats_row,
    .compare_row = octavo_reference_compare_row,
    .max_abs_row = max_abs_row,
    .stats_columns = octavo_reference_stats_columns,
    .compare_columns = octavo_reference_compare_columns,
    .max_abs_columns = octavo_reference_max_abs_columns,
    .quantize_s8 = quantize_s8,
    .quantize_u8 = quantize_u8,
    .fake_quantize_u8 = fake_quantize_u8,
    .fake_quantize_s8 = fake_quantize_s8,
};
#endif
