// Per-channel sums over [outer, channels, inner]: row by row where rows are long, by blocks of columns where channels
// come last. The order of additions is the one the header promises in both.
#include "kernels.h"

// Rows handled before the next block of columns: small enough that what was read stays cached for the next block.
enum { TILE_ROWS = 64 };

typedef struct {
    size_t outer, channels, inner;
} layout;

// One channel is one long row.
static layout normalized(size_t outer, size_t channels, size_t inner) {
    return channels == 1 ? (layout){1, 1, outer * inner} : (layout){outer, channels, inner};
}

void octavo_channel_stats_f32(
    const float *x, size_t outer, size_t channels, size_t inner, float *min, float *max, double *sum) {
    const octavo_kernels *kernels = octavo_kernels_current();
    layout l = normalized(outer, channels, inner);
    for (size_t c = 0; c < channels; c++) {
        min[c] = INFINITY;
        max[c] = -INFINITY;
        sum[c] = 0;
    }
    if (l.inner == 1 && l.channels > 1) {
        for (size_t o = 0; o < l.outer; o += TILE_ROWS) {
            size_t rows = l.outer - o < TILE_ROWS ? l.outer - o : TILE_ROWS;
            kernels->stats_columns(x + o * l.channels, rows, l.channels, l.channels, min, max, sum);
        }
    } else {
        for (size_t o = 0; o < l.outer; o++) {
            for (size_t c = 0; c < l.channels; c++) {
                octavo_row_stats row;
                kernels->stats_row(x + (o * l.channels + c) * l.inner, l.inner, &row);
                if (row.min < min[c]) min[c] = row.min;
                if (row.max > max[c]) max[c] = row.max;
                sum[c] += octavo_tree(row.sum);
            }
        }
    }
    for (size_t c = 0; c < channels; c++) {
        min[c] += 0.0f;
        max[c] += 0.0f;
    }
}

void octavo_compare_f32(
    const float *reference, const float *test, size_t outer, size_t channels, size_t inner, octavo_error *per_channel) {
    const octavo_kernels *kernels = octavo_kernels_current();
    layout l = normalized(outer, channels, inner);
    if (l.inner == 1 && l.channels > 1) {
        for (size_t o = 0; o < l.outer; o += TILE_ROWS) {
            size_t rows = l.outer - o < TILE_ROWS ? l.outer - o : TILE_ROWS, start = o * l.channels;
            kernels->compare_columns(reference + start, test + start, rows, l.channels, l.channels, per_channel);
        }
        return;
    }
    for (size_t o = 0; o < l.outer; o++) {
        for (size_t c = 0; c < l.channels; c++) {
            size_t start = (o * l.channels + c) * l.inner;
            octavo_row_error row;
            kernels->compare_row(reference + start, test + start, l.inner, &row);
            octavo_error *e = per_channel + c;
            e->reference += octavo_tree(row.reference);
            e->reference_squared += octavo_tree(row.reference_squared);
            e->error += octavo_tree(row.error);
            e->error_squared += octavo_tree(row.error_squared);
            e->count += row.count;
            e->skipped += l.inner - row.count;
        }
    }
}

void octavo_max_abs_per_channel(const float *x, size_t outer, size_t channels, size_t inner, float *out) {
    const octavo_kernels *kernels = octavo_kernels_current();
    layout l = normalized(outer, channels, inner);
    for (size_t c = 0; c < channels; c++) out[c] = 0;
    if (l.inner == 1 && l.channels > 1) {
        kernels->max_abs_columns(x, l.outer, l.channels, l.channels, out);
        return;
    }
    for (size_t o = 0; o < l.outer; o++) {
        for (size_t c = 0; c < l.channels; c++) {
            float largest = kernels->max_abs_row(x + (o * l.channels + c) * l.inner, l.inner);
            if (largest > out[c]) out[c] = largest;
        }
    }
}

void octavo_max_abs_per_row(const float *x, size_t rows, size_t columns, float *out) {
    octavo_max_abs_per_channel(x, 1, rows, columns, out);
}
