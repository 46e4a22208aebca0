// AVX-512 (F, BW, VL, DQ): sixteen values at a time, eight where sums are kept in double.
#include "kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define WIDE __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,popcnt")))
#define WIDE_INLINE static inline __attribute__((always_inline, target("avx512f,avx512bw,avx512vl,avx512dq,popcnt")))

WIDE_INLINE __mmask16 first16(size_t n) { return n >= 16 ? 0xffff : (__mmask16)((1u << n) - 1); }
WIDE_INLINE __mmask8 first8(size_t n) { return n >= 8 ? 0xff : (__mmask8)((1u << n) - 1); }

// An ordered comparison with infinity is false for NaN.
WIDE_INLINE __mmask16 finite16(__m512 x) {
    return _mm512_cmp_ps_mask(_mm512_abs_ps(x), _mm512_set1_ps(INFINITY), _CMP_LT_OQ);
}

WIDE_INLINE __m256 abs8(__m256 x) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), x); }

WIDE_INLINE __mmask8 finite8(__m256 x) {
    return _mm256_cmp_ps_mask(abs8(x), _mm256_set1_ps(INFINITY), _CMP_LT_OQ);
}

WIDE static void range(const float *x, size_t n, octavo_row_range *r) {
    __m512 low[2] = {_mm512_set1_ps(r->min), _mm512_set1_ps(r->min)};
    __m512 high[2] = {_mm512_set1_ps(r->max), _mm512_set1_ps(r->max)};
    size_t finite = 0, i = 0;
    for (; i + 32 <= n; i += 32) {
        __m512 a = _mm512_loadu_ps(x + i), b = _mm512_loadu_ps(x + i + 16);
        __mmask16 m = finite16(a), k = finite16(b);
        low[0] = _mm512_mask_min_ps(low[0], m, low[0], a);
        high[0] = _mm512_mask_max_ps(high[0], m, high[0], a);
        low[1] = _mm512_mask_min_ps(low[1], k, low[1], b);
        high[1] = _mm512_mask_max_ps(high[1], k, high[1], b);
        finite += (size_t)__builtin_popcount((uint32_t)m << 16 | k);
    }
    for (; i < n; i += 16) {
        __mmask16 inside = first16(n - i);
        __m512 a = _mm512_maskz_loadu_ps(inside, x + i);
        __mmask16 m = inside & finite16(a);
        low[0] = _mm512_mask_min_ps(low[0], m, low[0], a);
        high[0] = _mm512_mask_max_ps(high[0], m, high[0], a);
        finite += (size_t)__builtin_popcount(m);
    }
    r->min = _mm512_reduce_min_ps(_mm512_min_ps(low[0], low[1]));
    r->max = _mm512_reduce_max_ps(_mm512_max_ps(high[0], high[1]));
    r->finite += finite;
}

// Bin numbers, counted from zero, of sixteen values. With f = floor(-|x| * scale) they are f below zero and -f - 1, the
// complement of f, above.
WIDE_INLINE __m512i bin_numbers(__m512 v, __m512 scale, bool in_range) {
    const __m512i sign = _mm512_set1_epi32(INT32_MIN);
    __m512i bits = _mm512_castps_si512(v);
    __m512 scaled = _mm512_mul_ps(_mm512_castsi512_ps(_mm512_or_si512(bits, sign)), scale);
    if (!in_range) scaled = _mm512_max_ps(scaled, _mm512_set1_ps(-OCTAVO_HALF_BINS));
    __m512i f = _mm512_cvt_roundps_epi32(scaled, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
    if (!in_range) f = _mm512_min_epi32(f, _mm512_set1_epi32(-1));
    __m512i below_zero = _mm512_srai_epi32(bits, 31);
    return _mm512_ternarylogic_epi32(f, below_zero, f, 0xc3);  // not (f xor below_zero)
}

// Bin numbers of the values that count are packed into a small buffer first: zeros vanish there, and the loop that adds
// has nothing else to do.
WIDE_INLINE size_t bin_packed(const float *x, size_t n, float scale, bool in_range, uint32_t *middle) {
    enum { BLOCK = 512 };
    int32_t packed[BLOCK + 16];
    const __m512 factor = _mm512_set1_ps(scale), zero = _mm512_setzero_ps();
    size_t counted = 0;
    for (size_t start = 0; start < n; start += BLOCK) {
        size_t end = n - start < BLOCK ? n : start + BLOCK, length = 0, j = 0;
        for (size_t i = start; i < end; i += 16) {
            __m512 v = end - i >= 16 ? _mm512_loadu_ps(x + i) : _mm512_maskz_loadu_ps(first16(end - i), x + i);
            __mmask16 counts = _mm512_cmp_ps_mask(v, zero, _CMP_NEQ_OQ);
            if (!in_range) counts &= finite16(v);
            __m512i k = bin_numbers(v, factor, in_range);
            _mm512_storeu_si512(packed + length, _mm512_maskz_compress_epi32(counts, k));
            length += (size_t)__builtin_popcount(counts);
        }
        for (; j + 4 <= length; j += 4) {
            middle[packed[j]]++;
            middle[packed[j + 1]]++;
            middle[packed[j + 2]]++;
            middle[packed[j + 3]]++;
        }
        for (; j < length; j++) middle[packed[j]]++;
        counted += length;
    }
    return counted;
}

WIDE static size_t bin(const float *x, size_t n, float scale, bool in_range, uint32_t *bins) {
    uint32_t *middle = bins + OCTAVO_HALF_BINS;
    return in_range && scale >= OCTAVO_NO_UNDERFLOW ? bin_packed(x, n, scale, true, middle)
                                                    : bin_packed(x, n, scale, false, middle);
}

WIDE static void stats_row(const float *x, size_t n, octavo_row_stats *s) {
    __m512d sum = _mm512_setzero_pd();
    __m256 low = _mm256_set1_ps(INFINITY), high = _mm256_set1_ps(-INFINITY);
    for (size_t i = 0; i < n; i += 8) {
        __mmask8 inside = first8(n - i);
        __m256 v = _mm256_maskz_loadu_ps(inside, x + i);
        __mmask8 m = inside & finite8(v);
        low = _mm256_mask_min_ps(low, m, low, v);
        high = _mm256_mask_max_ps(high, m, high, v);
        sum = _mm512_add_pd(sum, _mm512_cvtps_pd(_mm256_maskz_mov_ps(m, v)));
    }
    _mm512_storeu_pd(s->sum, sum);
    __m512 lows = _mm512_insertf32x8(_mm512_set1_ps(INFINITY), low, 0);
    __m512 highs = _mm512_insertf32x8(_mm512_set1_ps(-INFINITY), high, 0);
    s->min = _mm512_reduce_min_ps(lows);
    s->max = _mm512_reduce_max_ps(highs);
}

typedef struct {
    __m512d reference, reference_squared, error, error_squared;
} sums;

WIDE_INLINE void add_pair(sums *s, __m256 a, __m256 b, __mmask8 m) {
    __m512d value = _mm512_cvtps_pd(_mm256_maskz_mov_ps(m, a));
    __m512d error = _mm512_sub_pd(_mm512_cvtps_pd(_mm256_maskz_mov_ps(m, b)), value);
    s->reference = _mm512_add_pd(s->reference, value);
    s->reference_squared = _mm512_add_pd(s->reference_squared, _mm512_mul_pd(value, value));
    s->error = _mm512_add_pd(s->error, error);
    s->error_squared = _mm512_add_pd(s->error_squared, _mm512_mul_pd(error, error));
}

WIDE static void compare_row(const float *reference, const float *test, size_t n, octavo_row_error *e) {
    sums s = {_mm512_setzero_pd(), _mm512_setzero_pd(), _mm512_setzero_pd(), _mm512_setzero_pd()};
    uint64_t count = 0;
    for (size_t i = 0; i < n; i += 8) {
        __mmask8 inside = first8(n - i);
        __m256 a = _mm256_maskz_loadu_ps(inside, reference + i), b = _mm256_maskz_loadu_ps(inside, test + i);
        __mmask8 m = inside & finite8(a) & finite8(b);
        add_pair(&s, a, b, m);
        count += (uint64_t)__builtin_popcount(m);
    }
    _mm512_storeu_pd(e->reference, s.reference);
    _mm512_storeu_pd(e->reference_squared, s.reference_squared);
    _mm512_storeu_pd(e->error, s.error);
    _mm512_storeu_pd(e->error_squared, s.error_squared);
    e->count = count;
}

WIDE_INLINE __m512 finite_magnitude(__m512 v) {
    return _mm512_maskz_mov_ps(finite16(v), _mm512_abs_ps(v));
}

WIDE static float max_abs_row(const float *x, size_t n) {
    __m512 largest = _mm512_setzero_ps();
    for (size_t i = 0; i < n; i += 16)
        largest = _mm512_max_ps(largest, finite_magnitude(_mm512_maskz_loadu_ps(first16(n - i), x + i)));
    return _mm512_reduce_max_ps(largest);
}

WIDE static void stats_columns(
    const float *x, size_t rows, size_t stride, size_t columns, float *min, float *max, double *sum) {
    for (size_t c = 0; c < columns; c += 8) {
        __mmask8 inside = first8(columns - c);
        __m512d total = _mm512_maskz_loadu_pd(inside, sum + c);
        __m256 low = _mm256_maskz_loadu_ps(inside, min + c), high = _mm256_maskz_loadu_ps(inside, max + c);
        for (size_t r = 0; r < rows; r++) {
            __m256 v = _mm256_maskz_loadu_ps(inside, x + r * stride + c);
            __mmask8 m = finite8(v);
            low = _mm256_mask_min_ps(low, m, low, v);
            high = _mm256_mask_max_ps(high, m, high, v);
            total = _mm512_add_pd(total, _mm512_cvtps_pd(_mm256_maskz_mov_ps(m, v)));
        }
        _mm512_mask_storeu_pd(sum + c, inside, total);
        _mm256_mask_storeu_ps(min + c, inside, low);
        _mm256_mask_storeu_ps(max + c, inside, high);
    }
}

// Eight channels' sums, turned from records into vectors and back.
WIDE_INLINE void compare_block(
    const float *reference, const float *test, size_t rows, size_t stride, size_t columns, octavo_error *e) {
    __mmask8 inside = first8(columns);
    double lanes[4][8] = {{0}};
    for (size_t c = 0; c < columns; c++) {
        lanes[0][c] = e[c].reference;
        lanes[1][c] = e[c].reference_squared;
        lanes[2][c] = e[c].error;
        lanes[3][c] = e[c].error_squared;
    }
    sums s = {
        _mm512_loadu_pd(lanes[0]), _mm512_loadu_pd(lanes[1]), _mm512_loadu_pd(lanes[2]), _mm512_loadu_pd(lanes[3])};
    __m512i counts = _mm512_setzero_si512();
    const __m512i one = _mm512_set1_epi64(1);
    for (size_t r = 0; r < rows; r++) {
        __m256 a = _mm256_maskz_loadu_ps(inside, reference + r * stride);
        __m256 b = _mm256_maskz_loadu_ps(inside, test + r * stride);
        __mmask8 m = finite8(a) & finite8(b);
        add_pair(&s, a, b, m);
        counts = _mm512_mask_add_epi64(counts, m, counts, one);
    }
    uint64_t counted[8];
    _mm512_storeu_si512(counted, counts);
    _mm512_storeu_pd(lanes[0], s.reference);
    _mm512_storeu_pd(lanes[1], s.reference_squared);
    _mm512_storeu_pd(lanes[2], s.error);
    _mm512_storeu_pd(lanes[3], s.error_squared);
    for (size_t c = 0; c < columns; c++) {
        e[c].reference = lanes[0][c];
        e[c].reference_squared = lanes[1][c];
        e[c].error = lanes[2][c];
        e[c].error_squared = lanes[3][c];
        e[c].count += counted[c];
        e[c].skipped += rows - counted[c];
    }
}

WIDE static void compare_columns(
    const float *reference, const float *test, size_t rows, size_t stride, size_t columns, octavo_error *e) {
    for (size_t c = 0; c < columns; c += 8) {
        size_t width = columns - c < 8 ? columns - c : 8;
        compare_block(reference + c, test + c, rows, stride, width, e + c);
    }
}

WIDE static void max_abs_columns(const float *x, size_t rows, size_t stride, size_t columns, float *out) {
    for (size_t r = 0; r < rows; r++) {
        for (size_t c = 0; c < columns; c += 16) {
            __mmask16 inside = first16(columns - c);
            __m512 v = finite_magnitude(_mm512_maskz_loadu_ps(inside, x + r * stride + c));
            _mm512_mask_storeu_ps(out + c, inside, _mm512_max_ps(_mm512_maskz_loadu_ps(inside, out + c), v));
        }
    }
}

// Steps from the zero point, clamped and rounded; NaN gives 0.
WIDE_INLINE __m512i steps(__m512 x, __m512 scale, __m512 low, __m512 high) {
    __m512 scaled = _mm512_div_ps(x, scale);
    scaled = _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(scaled, scaled, _CMP_ORD_Q), scaled);
    scaled = _mm512_min_ps(_mm512_max_ps(scaled, low), high);
    return _mm512_cvt_roundps_epi32(scaled, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

WIDE static void quantize_s8(const float *x, size_t n, float scale, int8_t *q) {
    const __m512 by = _mm512_set1_ps(scale), low = _mm512_set1_ps(-127), high = _mm512_set1_ps(127);
    for (size_t i = 0; i < n; i += 16) {
        __mmask16 inside = first16(n - i);
        __m512i k = steps(_mm512_maskz_loadu_ps(inside, x + i), by, low, high);
        _mm_mask_storeu_epi8(q + i, inside, _mm512_cvtepi32_epi8(k));
    }
}

WIDE static void quantize_u8(const float *x, size_t n, float scale, uint8_t zero, uint8_t *q) {
    const __m512 by = _mm512_set1_ps(scale);
    const __m512 low = _mm512_set1_ps(-(float)zero), high = _mm512_set1_ps(255 - (float)zero);
    const __m512i shift = _mm512_set1_epi32(zero);
    for (size_t i = 0; i < n; i += 16) {
        __mmask16 inside = first16(n - i);
        __m512i k = steps(_mm512_maskz_loadu_ps(inside, x + i), by, low, high);
        _mm_mask_storeu_epi8(q + i, inside, _mm512_cvtepi32_epi8(_mm512_add_epi32(k, shift)));
    }
}

WIDE_INLINE void fake_quantize(const float *x, size_t n, float scale, float lowest, float highest, float *y) {
    const __m512 by = _mm512_set1_ps(scale), low = _mm512_set1_ps(lowest), high = _mm512_set1_ps(highest);
    for (size_t i = 0; i < n; i += 16) {
        __mmask16 inside = first16(n - i);
        __m512i k = steps(_mm512_maskz_loadu_ps(inside, x + i), by, low, high);
        _mm512_mask_storeu_ps(y + i, inside, _mm512_mul_ps(_mm512_cvtepi32_ps(k), by));
    }
}

WIDE static void fake_quantize_u8(const float *x, size_t n, float scale, uint8_t zero, float *y) {
    fake_quantize(x, n, scale, -(float)zero, 255 - (float)zero, y);
}

WIDE static void fake_quantize_s8(const float *x, size_t n, float scale, float *y) {
    fake_quantize(x, n, scale, -127, 127, y);
}

const octavo_kernels octavo_kernels_avx512 = {
    .name = "avx512",
    .range = range,
    .bin = bin,
    .stats_row = stats_row,
    .compare_row = compare_row,
    .max_abs_row = max_abs_row,
    .stats_columns = stats_columns,
    .compare_columns = compare_columns,
    .max_abs_columns = max_abs_columns,
    .quantize_s8 = quantize_s8,
    .quantize_u8 = quantize_u8,
    .fake_quantize_u8 = fake_quantize_u8,
    .fake_quantize_s8 = fake_quantize_s8,
};
#endif
