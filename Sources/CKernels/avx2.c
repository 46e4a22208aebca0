// AVX2: eight values at a time. A row's last values are padded with what does not count: NaN for statistics, zero for
// counting; elementwise loops leave them to the portable kernel.
#include "kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define WIDE __attribute__((target("avx2,popcnt")))
#define WIDE_INLINE static inline __attribute__((always_inline, target("avx2,popcnt")))

// permutation[m] moves the lanes whose bit is set in m to the front.
static uint64_t permutation[256];

__attribute__((constructor)) static void make_permutations(void) {
    for (unsigned mask = 0; mask < 256; mask++) {
        unsigned length = 0;
        for (unsigned lane = 0; lane < 8; lane++)
            if (mask >> lane & 1) permutation[mask] |= (uint64_t)lane << (8 * length++);
    }
}

WIDE_INLINE __m256 load(const float *x, size_t n, float padding) {
    if (n >= 8) return _mm256_loadu_ps(x);
    float padded[8];
    for (size_t i = 0; i < 8; i++) padded[i] = i < n ? x[i] : padding;
    return _mm256_loadu_ps(padded);
}

WIDE_INLINE __m256 magnitude(__m256 x) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), x); }

// An ordered comparison with infinity is false for NaN.
WIDE_INLINE __m256 finite_mask(__m256 x) { return _mm256_cmp_ps(magnitude(x), _mm256_set1_ps(INFINITY), _CMP_LT_OQ); }

WIDE_INLINE __m256 min_where(__m256 low, __m256 x, __m256 mask) {
    return _mm256_min_ps(low, _mm256_blendv_ps(_mm256_set1_ps(INFINITY), x, mask));
}

WIDE_INLINE __m256 max_where(__m256 high, __m256 x, __m256 mask) {
    return _mm256_max_ps(high, _mm256_blendv_ps(_mm256_set1_ps(-INFINITY), x, mask));
}

WIDE_INLINE float smallest(__m256 x) {
    float lanes[8];
    _mm256_storeu_ps(lanes, x);
    float result = lanes[0];
    for (int i = 1; i < 8; i++) result = lanes[i] < result ? lanes[i] : result;
    return result;
}

WIDE_INLINE float largest(__m256 x) {
    float lanes[8];
    _mm256_storeu_ps(lanes, x);
    float result = lanes[0];
    for (int i = 1; i < 8; i++) result = lanes[i] > result ? lanes[i] : result;
    return result;
}

WIDE_INLINE __m256d lower(__m256 x) { return _mm256_cvtps_pd(_mm256_castps256_ps128(x)); }
WIDE_INLINE __m256d upper(__m256 x) { return _mm256_cvtps_pd(_mm256_extractf128_ps(x, 1)); }

WIDE static void range(const float *x, size_t n, octavo_row_range *r) {
    __m256 low[2] = {_mm256_set1_ps(r->min), _mm256_set1_ps(r->min)};
    __m256 high[2] = {_mm256_set1_ps(r->max), _mm256_set1_ps(r->max)};
    size_t count = 0, i = 0;
    for (; i + 16 <= n; i += 16) {
        __m256 a = _mm256_loadu_ps(x + i), b = _mm256_loadu_ps(x + i + 8);
        __m256 m = finite_mask(a), k = finite_mask(b);
        low[0] = min_where(low[0], a, m);
        high[0] = max_where(high[0], a, m);
        low[1] = min_where(low[1], b, k);
        high[1] = max_where(high[1], b, k);
        count += (size_t)__builtin_popcount((unsigned)_mm256_movemask_ps(m) << 8 | (unsigned)_mm256_movemask_ps(k));
    }
    for (; i < n; i += 8) {
        __m256 a = load(x + i, n - i, NAN), m = finite_mask(a);
        low[0] = min_where(low[0], a, m);
        high[0] = max_where(high[0], a, m);
        count += (size_t)__builtin_popcount((unsigned)_mm256_movemask_ps(m));
    }
    r->min = smallest(_mm256_min_ps(low[0], low[1]));
    r->max = largest(_mm256_max_ps(high[0], high[1]));
    r->finite += count;
}

// Bin numbers, counted from zero, of eight values, as in the AVX-512 kernel.
WIDE_INLINE __m256i bin_numbers(__m256 v, __m256 scale, bool in_range) {
    const __m256i minus_one = _mm256_set1_epi32(-1);
    __m256 scaled = _mm256_mul_ps(_mm256_or_ps(v, _mm256_set1_ps(-0.0f)), scale);
    if (!in_range) scaled = _mm256_max_ps(scaled, _mm256_set1_ps(-OCTAVO_HALF_BINS));
    __m256i f = _mm256_cvttps_epi32(_mm256_floor_ps(scaled));
    if (!in_range) f = _mm256_min_epi32(f, minus_one);
    __m256i above_zero = _mm256_xor_si256(_mm256_srai_epi32(_mm256_castps_si256(v), 31), minus_one);
    return _mm256_xor_si256(f, above_zero);
}

// Bin numbers of the values that count are packed into a small buffer first, as in the AVX-512 kernel.
WIDE_INLINE size_t bin_packed(const float *x, size_t n, float scale, bool in_range, uint32_t *middle) {
    enum { BLOCK = 512 };
    int32_t packed[BLOCK + 8];
    const __m256 factor = _mm256_set1_ps(scale), zero = _mm256_setzero_ps();
    size_t counted = 0;
    for (size_t start = 0; start < n; start += BLOCK) {
        size_t end = n - start < BLOCK ? n : start + BLOCK, length = 0, j = 0;
        for (size_t i = start; i < end; i += 8) {
            __m256 v = load(x + i, end - i, 0);
            __m256 counts = _mm256_cmp_ps(v, zero, _CMP_NEQ_OQ);
            if (!in_range) counts = _mm256_and_ps(counts, finite_mask(v));
            __m256i k = bin_numbers(v, factor, in_range);
            unsigned mask = (unsigned)_mm256_movemask_ps(counts);
            __m256i order = _mm256_cvtepu8_epi32(_mm_cvtsi64_si128((long long)permutation[mask]));
            _mm256_storeu_si256((__m256i *)(packed + length), _mm256_permutevar8x32_epi32(k, order));
            length += (size_t)__builtin_popcount(mask);
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
    __m256d sum[2] = {_mm256_setzero_pd(), _mm256_setzero_pd()};
    __m256 low = _mm256_set1_ps(INFINITY), high = _mm256_set1_ps(-INFINITY);
    for (size_t i = 0; i < n; i += 8) {
        __m256 v = load(x + i, n - i, NAN), m = finite_mask(v);
        low = min_where(low, v, m);
        high = max_where(high, v, m);
        v = _mm256_and_ps(v, m);
        sum[0] = _mm256_add_pd(sum[0], lower(v));
        sum[1] = _mm256_add_pd(sum[1], upper(v));
    }
    _mm256_storeu_pd(s->sum, sum[0]);
    _mm256_storeu_pd(s->sum + 4, sum[1]);
    s->min = smallest(low);
    s->max = largest(high);
}

typedef struct {
    __m256d reference[2], reference_squared[2], error[2], error_squared[2];
} sums;

WIDE_INLINE void add_half(sums *s, int half, __m256d value, __m256d test) {
    __m256d error = _mm256_sub_pd(test, value);
    s->reference[half] = _mm256_add_pd(s->reference[half], value);
    s->reference_squared[half] = _mm256_add_pd(s->reference_squared[half], _mm256_mul_pd(value, value));
    s->error[half] = _mm256_add_pd(s->error[half], error);
    s->error_squared[half] = _mm256_add_pd(s->error_squared[half], _mm256_mul_pd(error, error));
}

WIDE_INLINE void add_pair(sums *s, __m256 a, __m256 b, __m256 mask) {
    a = _mm256_and_ps(a, mask);
    b = _mm256_and_ps(b, mask);
    add_half(s, 0, lower(a), lower(b));
    add_half(s, 1, upper(a), upper(b));
}

WIDE_INLINE void store_pair(double *to, const __m256d *from) {
    _mm256_storeu_pd(to, from[0]);
    _mm256_storeu_pd(to + 4, from[1]);
}

WIDE_INLINE void load_pair(__m256d *to, const double *from) {
    to[0] = _mm256_loadu_pd(from);
    to[1] = _mm256_loadu_pd(from + 4);
}

WIDE static void compare_row(const float *reference, const float *test, size_t n, octavo_row_error *e) {
    sums s;
    memset(&s, 0, sizeof s);
    uint64_t count = 0;
    for (size_t i = 0; i < n; i += 8) {
        __m256 a = load(reference + i, n - i, NAN), b = load(test + i, n - i, NAN);
        __m256 mask = _mm256_and_ps(finite_mask(a), finite_mask(b));
        add_pair(&s, a, b, mask);
        count += (uint64_t)__builtin_popcount((unsigned)_mm256_movemask_ps(mask));
    }
    store_pair(e->reference, s.reference);
    store_pair(e->reference_squared, s.reference_squared);
    store_pair(e->error, s.error);
    store_pair(e->error_squared, s.error_squared);
    e->count = count;
}

WIDE static float max_abs_row(const float *x, size_t n) {
    __m256 result = _mm256_setzero_ps();
    for (size_t i = 0; i < n; i += 8) {
        __m256 v = load(x + i, n - i, 0);
        result = _mm256_max_ps(result, _mm256_and_ps(magnitude(v), finite_mask(v)));
    }
    return largest(result);
}

WIDE static void stats_columns(
    const float *x, size_t rows, size_t stride, size_t columns, float *min, float *max, double *sum) {
    size_t c = 0;
    for (; c + 8 <= columns; c += 8) {
        __m256d total[2];
        load_pair(total, sum + c);
        __m256 low = _mm256_loadu_ps(min + c), high = _mm256_loadu_ps(max + c);
        for (size_t r = 0; r < rows; r++) {
            __m256 v = _mm256_loadu_ps(x + r * stride + c), m = finite_mask(v);
            low = min_where(low, v, m);
            high = max_where(high, v, m);
            v = _mm256_and_ps(v, m);
            total[0] = _mm256_add_pd(total[0], lower(v));
            total[1] = _mm256_add_pd(total[1], upper(v));
        }
        store_pair(sum + c, total);
        _mm256_storeu_ps(min + c, low);
        _mm256_storeu_ps(max + c, high);
    }
    octavo_reference_stats_columns(x + c, rows, stride, columns - c, min + c, max + c, sum + c);
}

// Eight channels' sums, turned from records into vectors and back. At most 2^31 rows.
WIDE_INLINE void compare_block(const float *reference, const float *test, size_t rows, size_t stride, octavo_error *e) {
    double lanes[4][8];
    for (size_t c = 0; c < 8; c++) {
        lanes[0][c] = e[c].reference;
        lanes[1][c] = e[c].reference_squared;
        lanes[2][c] = e[c].error;
        lanes[3][c] = e[c].error_squared;
    }
    sums s;
    load_pair(s.reference, lanes[0]);
    load_pair(s.reference_squared, lanes[1]);
    load_pair(s.error, lanes[2]);
    load_pair(s.error_squared, lanes[3]);
    __m256i counts = _mm256_setzero_si256();
    for (size_t r = 0; r < rows; r++) {
        __m256 a = _mm256_loadu_ps(reference + r * stride), b = _mm256_loadu_ps(test + r * stride);
        __m256 mask = _mm256_and_ps(finite_mask(a), finite_mask(b));
        add_pair(&s, a, b, mask);
        counts = _mm256_sub_epi32(counts, _mm256_castps_si256(mask));
    }
    uint32_t counted[8];
    _mm256_storeu_si256((__m256i *)counted, counts);
    store_pair(lanes[0], s.reference);
    store_pair(lanes[1], s.reference_squared);
    store_pair(lanes[2], s.error);
    store_pair(lanes[3], s.error_squared);
    for (size_t c = 0; c < 8; c++) {
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
    size_t c = 0;
    for (; c + 8 <= columns; c += 8) compare_block(reference + c, test + c, rows, stride, e + c);
    octavo_reference_compare_columns(reference + c, test + c, rows, stride, columns - c, e + c);
}

WIDE static void max_abs_columns(const float *x, size_t rows, size_t stride, size_t columns, float *out) {
    size_t whole = columns / 8 * 8;
    for (size_t r = 0; r < rows; r++) {
        for (size_t c = 0; c < whole; c += 8) {
            __m256 v = _mm256_loadu_ps(x + r * stride + c);
            v = _mm256_and_ps(magnitude(v), finite_mask(v));
            _mm256_storeu_ps(out + c, _mm256_max_ps(_mm256_loadu_ps(out + c), v));
        }
    }
    octavo_reference_max_abs_columns(x + whole, rows, stride, columns - whole, out + whole);
}

// Steps from the zero point, clamped and rounded; NaN gives 0. Conversion rounds to nearest even, every thread's mode.
WIDE_INLINE __m256i steps(__m256 x, __m256 scale, __m256 low, __m256 high) {
    __m256 scaled = _mm256_div_ps(x, scale);
    scaled = _mm256_and_ps(scaled, _mm256_cmp_ps(scaled, scaled, _CMP_ORD_Q));
    return _mm256_cvtps_epi32(_mm256_min_ps(_mm256_max_ps(scaled, low), high));
}

// Eight integers within a byte's range, as bytes.
WIDE_INLINE __m128i narrow(__m256i k) {
    const __m256i pick = _mm256_set1_epi32(0x0c080400);
    __m256i packed = _mm256_shuffle_epi8(k, pick);
    return _mm_unpacklo_epi32(_mm256_castsi256_si128(packed), _mm256_extracti128_si256(packed, 1));
}

WIDE static void quantize_s8(const float *x, size_t n, float scale, int8_t *q) {
    const __m256 by = _mm256_set1_ps(scale), low = _mm256_set1_ps(-127), high = _mm256_set1_ps(127);
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        _mm_storel_epi64((__m128i *)(q + i), narrow(steps(_mm256_loadu_ps(x + i), by, low, high)));
    octavo_reference_quantize_s8(x + i, n - i, scale, q + i);
}

WIDE static void quantize_u8(const float *x, size_t n, float scale, uint8_t zero, uint8_t *q) {
    const __m256 by = _mm256_set1_ps(scale);
    const __m256 low = _mm256_set1_ps(-(float)zero), high = _mm256_set1_ps(255 - (float)zero);
    const __m256i shift = _mm256_set1_epi32(zero);
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        __m256i k = _mm256_add_epi32(steps(_mm256_loadu_ps(x + i), by, low, high), shift);
        _mm_storel_epi64((__m128i *)(q + i), narrow(k));
    }
    octavo_reference_quantize_u8(x + i, n - i, scale, zero, q + i);
}

// Returns how many values it did.
WIDE_INLINE size_t fake_quantize(const float *x, size_t n, float scale, float lowest, float highest, float *y) {
    const __m256 by = _mm256_set1_ps(scale), low = _mm256_set1_ps(lowest), high = _mm256_set1_ps(highest);
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        __m256i k = steps(_mm256_loadu_ps(x + i), by, low, high);
        _mm256_storeu_ps(y + i, _mm256_mul_ps(_mm256_cvtepi32_ps(k), by));
    }
    return i;
}

WIDE static void fake_quantize_u8(const float *x, size_t n, float scale, uint8_t zero, float *y) {
    size_t i = fake_quantize(x, n, scale, -(float)zero, 255 - (float)zero, y);
    octavo_reference_fake_quantize_u8(x + i, n - i, scale, zero, y + i);
}

WIDE static void fake_quantize_s8(const float *x, size_t n, float scale, float *y) {
    size_t i = fake_quantize(x, n, scale, -127, 127, y);
    octavo_reference_fake_quantize_s8(x + i, n - i, scale, y + i);
}

const octavo_kernels octavo_kernels_avx2 = {
    .name = "avx2",
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
