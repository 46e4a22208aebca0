// The portable kernels, and what the others are compared with bit for bit. Plain loops: read these to know what a
// kernel means.
#include "kernels.h"

void octavo_reference_range(const float *x, size_t n, octavo_row_range *r) {
    for (size_t i = 0; i < n; i++) {
        if (!octavo_is_finite(x[i])) continue;
        r->finite++;
        if (x[i] < r->min) r->min = x[i];
        if (x[i] > r->max) r->max = x[i];
    }
}

size_t octavo_reference_bin(const float *x, size_t n, float scale, bool in_range, uint32_t *bins) {
    size_t counted = 0;
    for (size_t i = 0; i < n; i++) {
        if (!(in_range || octavo_is_finite(x[i])) || x[i] == 0) continue;
        bins[octavo_bin_number(x[i], scale)]++;
        counted++;
    }
    return counted;
}

void octavo_reference_stats_row(const float *x, size_t n, octavo_row_stats *s) {
    *s = (octavo_row_stats){.min = INFINITY, .max = -INFINITY};
    for (size_t i = 0; i < n; i++) {
        if (!octavo_is_finite(x[i])) continue;
        s->sum[i % OCTAVO_LANES] += x[i];
        if (x[i] < s->min) s->min = x[i];
        if (x[i] > s->max) s->max = x[i];
    }
}

void octavo_reference_compare_row(const float *reference, const float *test, size_t n, octavo_row_error *e) {
    *e = (octavo_row_error){0};
    for (size_t i = 0; i < n; i++) {
        if (!octavo_is_finite(reference[i]) || !octavo_is_finite(test[i])) continue;
        size_t lane = i % OCTAVO_LANES;
        double value = reference[i], error = (double)test[i] - value;
        e->reference[lane] += value;
        e->reference_squared[lane] += value * value;
        e->error[lane] += error;
        e->error_squared[lane] += error * error;
        e->count++;
    }
}

float octavo_reference_max_abs_row(const float *x, size_t n) {
    float result = 0;
    for (size_t i = 0; i < n; i++)
        if (octavo_is_finite(x[i]) && fabsf(x[i]) > result) result = fabsf(x[i]);
    return result;
}

void octavo_reference_stats_columns(
    const float *x, size_t rows, size_t stride, size_t columns, float *min, float *max, double *sum) {
    for (size_t r = 0; r < rows; r++) {
        for (size_t c = 0; c < columns; c++) {
            float value = x[r * stride + c];
            if (!octavo_is_finite(value)) continue;
            sum[c] += value;
            if (value < min[c]) min[c] = value;
            if (value > max[c]) max[c] = value;
        }
    }
}

void octavo_reference_compare_columns(
    const float *reference, const float *test, size_t rows, size_t stride, size_t columns, octavo_error *e) {
    for (size_t r = 0; r < rows; r++) {
        for (size_t c = 0; c < columns; c++) {
            float a = reference[r * stride + c], b = test[r * stride + c];
            if (!octavo_is_finite(a) || !octavo_is_finite(b)) {
                e[c].skipped++;
                continue;
            }
            double value = a, error = (double)b - value;
            e[c].reference += value;
            e[c].reference_squared += value * value;
            e[c].error += error;
            e[c].error_squared += error * error;
            e[c].count++;
        }
    }
}

void octavo_reference_max_abs_columns(const float *x, size_t rows, size_t stride, size_t columns, float *out) {
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < columns; c++) {
            float value = x[r * stride + c];
            if (octavo_is_finite(value) && fabsf(value) > out[c]) out[c] = fabsf(value);
        }
}

// The quantized value as a float, relative to the zero point. The bounds are whole numbers, so clamping before rounding
// equals clamping after, and no conversion to an integer can overflow.
static float steps(float x, float scale, float low, float high) {
    float scaled = x / scale;
    if (scaled != scaled) return 0;
    return nearbyintf(scaled < low ? low : scaled > high ? high : scaled);
}

void octavo_reference_quantize_s8(const float *x, size_t n, float scale, int8_t *q) {
    for (size_t i = 0; i < n; i++) q[i] = (int8_t)steps(x[i], scale, -127, 127);
}

void octavo_reference_quantize_u8(const float *x, size_t n, float scale, uint8_t zero, uint8_t *q) {
    for (size_t i = 0; i < n; i++) q[i] = (uint8_t)((int)steps(x[i], scale, -(float)zero, 255 - (float)zero) + zero);
}

// Adding +0 turns a negative zero into the zero an integer holds.
void octavo_reference_fake_quantize_u8(const float *x, size_t n, float scale, uint8_t zero, float *y) {
    for (size_t i = 0; i < n; i++) y[i] = (steps(x[i], scale, -(float)zero, 255 - (float)zero) + 0.0f) * scale;
}

void octavo_reference_fake_quantize_s8(const float *x, size_t n, float scale, float *y) {
    for (size_t i = 0; i < n; i++) y[i] = (steps(x[i], scale, -127, 127) + 0.0f) * scale;
}

const octavo_kernels octavo_kernels_reference = {
    .name = "reference",
    .range = octavo_reference_range,
    .bin = octavo_reference_bin,
    .stats_row = octavo_reference_stats_row,
    .compare_row = octavo_reference_compare_row,
    .max_abs_row = octavo_reference_max_abs_row,
    .stats_columns = octavo_reference_stats_columns,
    .compare_columns = octavo_reference_compare_columns,
    .max_abs_columns = octavo_reference_max_abs_columns,
    .quantize_s8 = octavo_reference_quantize_s8,
    .quantize_u8 = octavo_reference_quantize_u8,
    .fake_quantize_u8 = octavo_reference_fake_quantize_u8,
    .fake_quantize_s8 = octavo_reference_fake_quantize_s8,
};
