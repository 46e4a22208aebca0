// Range and histogram of a tensor in one pass.
//
// A tensor is cut into chunks that stay in the first-level cache: one look finds the chunk's range, the histogram grows
// to it when it must, a second look counts. Bins are powers of two wide and nest, so growing loses nothing and the
// result is the same for every order of the values. Zeros, half of what follows a Relu, are counted apart: they all
// fall into one bin, and adding to one memory cell again and again waits for itself.
//
// Of a tensor with very many values a part is enough for the histogram: of each `every` stretches of 128 values one is
// counted. Which one depends on its place alone, as if thrown with dice so that it beats with no row of a picture, and so
// the result still does not depend on the order of the tensors. Range and what is not finite always come from all values.
//
// Counts are kept in 32 bits (a table of 32 KB, which stays in the cache) and moved to 64 bits before they can
// overflow.
//
// The extremes of each call, one sample, are summed as well: in fixed point, so that the sums are exact and therefore the
// same for every order of the samples.
#include "kernels.h"
#include <stdlib.h>
#include <string.h>

enum { CHUNK = 2048, STRETCH = 128 };

// Any sum of up to 2^31 floats, in units of 2^-149, the least of them: limb i counts 2^(32 i) units. A float's 24 bits touch
// two limbs; carries wait in the upper halves until the sum is read.
enum { LIMBS = 9 };

typedef struct {
    int64_t limbs[LIMBS];
} exact_sum;

struct octavo_observation {
    float min, max;
    int32_t exponent;
    uint64_t zeros, nonfinite;
    uint64_t samples;         // calls that had a finite value
    exact_sum lows, highs;    // of their extremes
    uint64_t narrow_total;  // the sum of `narrow`, below 2^32
    uint64_t wide_total;    // the sum of `wide`
    uint32_t narrow[OCTAVO_BINS];
    uint64_t wide[OCTAVO_BINS];
};

// ---- Range and histogram on their own ----

octavo_range octavo_range_empty(void) { return (octavo_range){.min = INFINITY, .max = -INFINITY}; }

void octavo_range_f32(const float *x, size_t n, octavo_range *r) {
    octavo_row_range row = {.min = r->min, .max = r->max};
    octavo_kernels_current()->range(x, n, &row);
    r->min = row.min + 0.0f;
    r->max = row.max + 0.0f;
    r->nonfinite += n - row.finite;
}

int octavo_histogram_exponent(float magnitude) {
    if (!(magnitude > 0)) return OCTAVO_MIN_EXPONENT;
    int exponent;
    if (frexpf(magnitude, &exponent) == 0.5f) exponent--;
    return exponent < OCTAVO_MIN_EXPONENT ? OCTAVO_MIN_EXPONENT : exponent;
}

static float scale_of(int exponent) { return ldexpf(OCTAVO_HALF_BINS, -exponent); }

static int clamped(int exponent) {
    if (exponent < OCTAVO_MIN_EXPONENT) return OCTAVO_MIN_EXPONENT;
    return exponent > OCTAVO_MAX_EXPONENT ? OCTAVO_MAX_EXPONENT : exponent;
}

void octavo_histogram_f32(const float *x, size_t n, int exponent, uint32_t *bins) {
    octavo_row_range row = {.min = INFINITY, .max = -INFINITY};
    const octavo_kernels *kernels = octavo_kernels_current();
    kernels->range(x, n, &row);
    float scale = scale_of(clamped(exponent));
    bool in_range = row.finite == n && row.min * scale >= -OCTAVO_HALF_BINS && row.max * scale <= OCTAVO_HALF_BINS;
    size_t counted = kernels->bin(x, n, scale, in_range, bins);
    bins[OCTAVO_HALF_BINS] += (uint32_t)(row.finite - counted);
}

// Bin k of the coarse histogram takes the fine bins k * 2^steps and following, counted from zero in both directions, so
// walking outwards reads every cell before it is overwritten.
#define DEFINE_MERGE(name, type)                                                   \
    static void name(type *bins, int steps) {                                      \
        if (steps <= 0) return;                                                    \
        int shift = steps < 12 ? steps : 12;                                       \
        for (size_t k = 0; k < OCTAVO_HALF_BINS; k++) {                            \
            type above = bins[OCTAVO_HALF_BINS + k];                               \
            type below = bins[OCTAVO_HALF_BINS - 1 - k];                           \
            bins[OCTAVO_HALF_BINS + k] = 0;                                        \
            bins[OCTAVO_HALF_BINS - 1 - k] = 0;                                    \
            bins[OCTAVO_HALF_BINS + (k >> shift)] += above;                        \
            bins[OCTAVO_HALF_BINS - 1 - (k >> shift)] += below;                    \
        }                                                                          \
    }
DEFINE_MERGE(merge_narrow, uint32_t)
DEFINE_MERGE(merge_wide, uint64_t)

void octavo_histogram_merge_pairs(uint64_t *bins, int steps) { merge_wide(bins, steps); }

// ---- Exact sums ----

static void add_exactly(float x, exact_sum *sum) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    uint32_t exponent = bits >> 23 & 0xff;
    uint64_t units = (bits & 0x7fffff) | (exponent ? 0x800000u : 0);
    uint32_t shift = exponent ? exponent - 1 : 0;
    units <<= shift % 32;
    int64_t sign = bits >> 31 ? -1 : 1;
    sum->limbs[shift / 32] += sign * (int64_t)(units & UINT32_MAX);
    sum->limbs[shift / 32 + 1] += sign * (int64_t)(units >> 32);
}

static void add_sums(exact_sum *into, const exact_sum *from) {
    for (size_t i = 0; i < LIMBS; i++) into->limbs[i] += from->limbs[i];
}

// Leaves every limb but the highest in 0...2^32 - 1.
static void carry(exact_sum *sum) {
    for (size_t i = 0; i + 1 < LIMBS; i++) {
        int64_t low = sum->limbs[i] & UINT32_MAX;
        sum->limbs[i + 1] += (sum->limbs[i] - low) / ((int64_t)1 << 32);
        sum->limbs[i] = low;
    }
}

// The sum as a double, within a unit of its last place.
static double value_of(exact_sum sum) {
    carry(&sum);
    bool negative = sum.limbs[LIMBS - 1] < 0;
    if (negative) {
        for (size_t i = 0; i < LIMBS; i++) sum.limbs[i] = -sum.limbs[i];
        carry(&sum);
    }
    double value = 0;
    for (size_t i = LIMBS; i-- > 0;) value += ldexp((double)sum.limbs[i], 32 * (int)i - 149);
    return negative ? -value : value;
}

// ---- Observations ----

octavo_observation *octavo_observations_make(size_t count) {
    octavo_observation *array = calloc(count ? count : 1, sizeof *array);
    if (!array) return NULL;
    for (size_t i = 0; i < count; i++) {
        array[i].min = INFINITY;
        array[i].max = -INFINITY;
        array[i].exponent = OCTAVO_MIN_EXPONENT;
    }
    return array;
}

void octavo_observations_free(octavo_observation *array) { free(array); }

octavo_observation *octavo_observation_at(octavo_observation *array, size_t index) { return array + index; }

static void grow(octavo_observation *state, int exponent) {
    if (exponent <= state->exponent) return;
    if (state->narrow_total) merge_narrow(state->narrow, exponent - state->exponent);
    if (state->wide_total) merge_wide(state->wide, exponent - state->exponent);
    state->exponent = exponent;
}

static void widen(octavo_observation *state) {
    for (size_t k = 0; k < OCTAVO_BINS; k++) {
        state->wide[k] += state->narrow[k];
        state->narrow[k] = 0;
    }
    state->wide_total += state->narrow_total;
    state->narrow_total = 0;
}

// A constant stretch (padding, saturation): adding one by one to one cell would wait for itself.
static void count_constant(float value, uint64_t count, octavo_observation *state) {
    if (value == 0) {
        state->zeros += count;
        return;
    }
    state->narrow[octavo_bin_number(value, scale_of(state->exponent))] += (uint32_t)count;
    state->narrow_total += count;
}

static void count(
    const octavo_kernels *kernels, const float *x, size_t n, const octavo_row_range *row, octavo_observation *state) {
    if (row->finite == 0) return;
    if (row->min == row->max) {
        count_constant(row->min, row->finite, state);
        return;
    }
    size_t counted = kernels->bin(x, n, scale_of(state->exponent), row->finite == n, state->narrow);
    state->narrow_total += counted;
    state->zeros += row->finite - counted;
}

// The stretch of group `group` that is counted: Fibonacci hashing (Knuth, The Art of Computer Programming, 6.4).
static size_t thrown(size_t group, size_t every) { return ((uint32_t)group * 0x9e3779b1u >> 16) & (every - 1); }

static void count_some(
    const octavo_kernels *kernels, const float *x, size_t n, size_t first, size_t every, const octavo_row_range *row,
    octavo_observation *state) {
    for (size_t group = first / every; group * every * STRETCH < first * STRETCH + n; group++) {
        size_t start = (group * every + thrown(group, every) - first) * STRETCH;
        if (start >= n) continue;
        size_t length = n - start < STRETCH ? n - start : STRETCH;
        octavo_row_range part = {.min = row->min, .max = row->max, .finite = length};
        if (row->finite != n) {
            part = (octavo_row_range){.min = INFINITY, .max = -INFINITY};
            kernels->range(x + start, length, &part);
        }
        count(kernels, x + start, length, &part, state);
    }
}

static void observe_chunk(
    const octavo_kernels *kernels, const float *x, size_t n, size_t first, size_t every, octavo_row_range *whole,
    octavo_observation *state) {
    octavo_row_range row = {.min = INFINITY, .max = -INFINITY};
    kernels->range(x, n, &row);
    state->nonfinite += n - row.finite;
    if (row.finite == 0) return;
    if (row.min < whole->min) whole->min = row.min;
    if (row.max > whole->max) whole->max = row.max;
    grow(state, octavo_histogram_exponent(fmaxf(fabsf(row.min), fabsf(row.max))));
    if (state->narrow_total + n > UINT32_MAX) widen(state);
    if (every == 1) {
        count(kernels, x, n, &row, state);
    } else {
        count_some(kernels, x, n, first, every, &row, state);
    }
}

static void note_extremes(const octavo_row_range *whole, octavo_observation *state) {
    if (whole->min < state->min) state->min = whole->min;
    if (whole->max > state->max) state->max = whole->max;
    add_exactly(whole->min, &state->lows);
    add_exactly(whole->max, &state->highs);
    state->samples++;
}

void octavo_observe_f32(const float *x, size_t n, size_t every, octavo_observation *state) {
    const octavo_kernels *kernels = octavo_kernels_current();
    octavo_row_range whole = {.min = INFINITY, .max = -INFINITY};
    for (size_t start = 0; start < n; start += CHUNK) {
        size_t length = n - start < CHUNK ? n - start : CHUNK;
        observe_chunk(kernels, x + start, length, start / STRETCH, every, &whole, state);
    }
    if (whole.min <= whole.max) note_extremes(&whole, state);
}

void octavo_observation_merge(octavo_observation *into, const octavo_observation *from) {
    grow(into, from->exponent);
    widen(into);
    int shift = into->exponent - from->exponent;
    if (shift > 12) shift = 12;
    for (size_t k = 0; k < OCTAVO_HALF_BINS; k++) {
        size_t above = OCTAVO_HALF_BINS + k, below = OCTAVO_HALF_BINS - 1 - k;
        into->wide[OCTAVO_HALF_BINS + (k >> shift)] += from->narrow[above] + from->wide[above];
        into->wide[OCTAVO_HALF_BINS - 1 - (k >> shift)] += from->narrow[below] + from->wide[below];
    }
    into->wide_total += from->narrow_total + from->wide_total;
    into->zeros += from->zeros;
    into->nonfinite += from->nonfinite;
    if (from->min < into->min) into->min = from->min;
    if (from->max > into->max) into->max = from->max;
    add_sums(&into->lows, &from->lows);
    add_sums(&into->highs, &from->highs);
    into->samples += from->samples;
}

octavo_observation_summary octavo_observation_read(const octavo_observation *state) {
    double samples = state->samples ? (double)state->samples : 1;
    return (octavo_observation_summary){
        .min = state->min + 0.0f,
        .max = state->max + 0.0f,
        .finite = state->zeros + state->narrow_total + state->wide_total,
        .nonfinite = state->nonfinite,
        .exponent = state->exponent,
        .samples = state->samples,
        .mean_min = value_of(state->lows) / samples,
        .mean_max = value_of(state->highs) / samples,
    };
}

void octavo_observation_bins(const octavo_observation *state, uint64_t *bins) {
    for (size_t k = 0; k < OCTAVO_BINS; k++) bins[k] = state->narrow[k] + state->wide[k];
    bins[OCTAVO_HALF_BINS] += state->zeros;
}
