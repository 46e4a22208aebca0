// Nanoseconds per element of each kernel, for every body this processor can run. One JSON line per measurement; rounds
// of the bodies are interleaved and the median is reported.
//
//   clang -std=gnu17 -O2 -ISources/CKernels/include Benchmarks/kernels/kernels.c Sources/CKernels/*.c -lm -o kernels
//   ./kernels [elements]
#include "CKernels.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { ROUNDS = 15, BODIES = 4, CHANNELS = 96 };

static size_t n = 300000;
static float *x, *y, *out;
static uint8_t *bytes;
static octavo_observation *state;
static octavo_error *errors;
static double sums[CHANNELS];
static float lows[CHANNELS], highs[CHANNELS];
static uint32_t bins[OCTAVO_BINS];

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void range(void) {
    octavo_range r = octavo_range_empty();
    octavo_range_f32(x, n, &r);
}
static void histogram(void) { octavo_histogram_f32(x, n, 3, bins); }
static void observe(void) { octavo_observe_f32(x, n, 1, state); }
static void stats_inner(void) { octavo_channel_stats_f32(x, 1, CHANNELS, n / CHANNELS, lows, highs, sums); }
static void stats_last(void) { octavo_channel_stats_f32(x, n / CHANNELS, CHANNELS, 1, lows, highs, sums); }
static void compare_inner(void) { octavo_compare_f32(x, y, 1, CHANNELS, n / CHANNELS, errors); }
static void compare_7x7(void) { octavo_compare_f32(x, y, n / CHANNELS / 49, CHANNELS, 49, errors); }
static void compare_last(void) { octavo_compare_f32(x, y, n / CHANNELS, CHANNELS, 1, errors); }
static void max_abs(void) { octavo_max_abs_per_row(x, CHANNELS, n / CHANNELS, lows); }
static void quantize_s8(void) { octavo_quantize_f32_s8(x, n, 0.03f, (int8_t *)bytes); }
static void quantize_u8(void) { octavo_quantize_f32_u8(x, n, 0.03f, 7, bytes); }
static void fake_quantize(void) { octavo_fake_quantize_u8(x, n, 0.03f, 7, out); }
static void preprocess(void) {
    static const float mean[] = {0.4f, 0.5f, 0.6f}, std[] = {0.2f, 0.3f, 0.25f};
    octavo_preprocess_u8_nhwc_nchw(bytes, n / 3, 1, 3, 1 / 255.f, mean, std, false, out);
}

static float normal(void) {
    double s = 0;
    for (int i = 0; i < 12; i++) s += (double)rand() / RAND_MAX;
    return (float)(s - 6);
}

static void fill(const char *data) {
    for (size_t i = 0; i < n; i++) {
        float v = normal();
        if (data[0] == 'r') v = v > 0 ? v : 0;             // relu
        if (data[0] == 'c') v = 3;                         // constant
        if (data[0] == 's') v = v > 0 ? fminf(v * 4, 6) : 0;  // saturated (Clip)
        x[i] = v;
        y[i] = v + 0.01f * normal();
        bytes[i] = (uint8_t)rand();
    }
}

static int by_value(const void *a, const void *b) {
    double d = *(const double *)a - *(const double *)b;
    return (d > 0) - (d < 0);
}

static void measure(const char *name, const char *data, void (*run)(void)) {
    static const char *const bodies[BODIES] = {"reference", "avx2", "avx512", "neon"};
    double times[BODIES][ROUNDS];
    for (int round = -2; round < ROUNDS; round++) {
        for (int b = 0; b < BODIES; b++) {
            if (!octavo_kernels_use_on_this_thread(bodies[b])) continue;
            double start = now();
            run();
            if (round >= 0) times[b][round] = (now() - start) / (double)n;
        }
    }
    printf("{\"kernel\": \"%s\", \"data\": \"%s\", \"elements\": %zu", name, data, n);
    for (int b = 0; b < BODIES; b++) {
        if (!octavo_kernels_available(bodies[b])) continue;
        qsort(times[b], ROUNDS, sizeof(double), by_value);
        printf(", \"%s\": %.3f", bodies[b], times[b][ROUNDS / 2]);
    }
    printf("}\n");
}

int main(int count, char **arguments) {
    if (count > 1) n = strtoull(arguments[1], NULL, 10);
    x = malloc(n * sizeof *x);
    y = malloc(n * sizeof *y);
    out = malloc(n * sizeof *out);
    bytes = malloc(n);
    errors = calloc(CHANNELS, sizeof *errors);
    state = octavo_observations_make(1);
    static const char *const kinds[] = {"normal", "relu", "saturated", "constant"};
    for (int k = 0; k < 4; k++) {
        fill(kinds[k]);
        measure("observe", kinds[k], observe);
        measure("histogram", kinds[k], histogram);
    }
    fill("normal");
    measure("range", "normal", range);
    measure("channel stats, channels first", "normal", stats_inner);
    measure("channel stats, channels last", "normal", stats_last);
    measure("compare, channels first", "normal", compare_inner);
    measure("compare, 7x7 planes", "normal", compare_7x7);
    measure("compare, channels last", "normal", compare_last);
    measure("max abs per row", "normal", max_abs);
    measure("quantize s8", "normal", quantize_s8);
    measure("quantize u8", "normal", quantize_u8);
    measure("fake quantize u8", "normal", fake_quantize);
    measure("preprocess u8 nhwc nchw", "bytes", preprocess);
}
