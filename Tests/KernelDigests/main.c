// Prints a digest of what each kernel makes of seeded inputs. Their contracts give bits, so every processor and every
// OCTAVO_KERNELS must print the same. A line that differs names the function, the kind of input and its length.
#include "CKernels.h"
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

enum { MOST = 2100, CHANNELS = 37, ROOM = 1 << 16 };
static const char *const kinds[] = {"ordinary", "special", "ties", "tiny", "huge", "any", "edges", "constant"};

static uint64_t seed;
static uint32_t random_bits(void) {  // xorshift64 (Marsaglia)
    seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
    return (uint32_t)(seed >> 24);
}

static float value(size_t kind) {
    static const float specials[] = {NAN, -NAN, INFINITY, -INFINITY, 0, -0.0f, 0x1p-149f, -0x1p-149f, 0x1.fffffep127f,
        -0x1.fffffep127f, 0x1p-126f, 4, -4, 3.9999998f, -1e-30f, 127.5f, -127.5f, 255.5f};
    float ordinary = (float)(int32_t)random_bits() * 0x1p-29f;
    uint32_t bits = random_bits(), tiny = bits & 0x80ffffff;
    switch (kind) {
    case 0: return ordinary;
    case 1: return bits & 1 ? ordinary : specials[(bits >> 1) % (sizeof specials / sizeof *specials)];
    case 2: return (float)((int)(bits % 1201) - 600) * 0.125f;
    case 3: return memcpy(&ordinary, &tiny, sizeof tiny), ordinary;
    case 4: return ordinary * 0x1p120f;
    case 5: return memcpy(&ordinary, &bits, sizeof bits), ordinary;
    case 6: return (float)((int)(bits % 8193) - 4096) * 0x1p-12f;
    default: return 2.5f;
    }
}

// FNV-1a. A NaN is a NaN, whatever its sign and payload.
static uint64_t digest = 0xcbf29ce484222325;
static void add(const void *bytes, size_t count) {
    for (size_t i = 0; i < count; i++) digest = (digest ^ ((const uint8_t *)bytes)[i]) * 0x100000001b3;
}
static void add_floats(const float *x, size_t n) {
    for (size_t i = 0; i < n; i++) x[i] == x[i] ? add(x + i, sizeof *x) : add("NaN", 3);
}
static void finish(const char *name, size_t kind, size_t n) {
    printf("%s %s %zu %016llx\n", name, kinds[kind], n, (unsigned long long)digest);
    digest = 0xcbf29ce484222325;
}

static void observations(const float *x, size_t n, size_t kind) {
    static uint32_t bins[OCTAVO_BINS];
    static uint64_t counts[OCTAVO_BINS];
    for (int exponent = -64; exponent <= 128; exponent += exponent < -3 ? 61 : 15) {
        memset(bins, 0, sizeof bins);
        octavo_histogram_f32(x, n, exponent, bins), add(bins, sizeof bins);
    }
    for (size_t every = 1; every <= 4; every *= 4) {
        octavo_observation *state = octavo_observations_make(1);
        octavo_observe_f32(x, n, every, state);
        octavo_observation_summary s = octavo_observation_read(state);
        add(&s.min, sizeof s.min), add(&s.max, sizeof s.max), add(&s.finite, sizeof s.finite);
        add(&s.nonfinite, sizeof s.nonfinite), add(&s.mean_min, sizeof s.mean_min), add(&s.mean_max, sizeof s.mean_max);
        octavo_observation_bins(state, counts), add(counts, sizeof counts);
        octavo_observations_free(state);
    }
    finish("observe", kind, n);
}

static void channels(const float *x, const float *y, size_t n, size_t kind) {
    for (size_t c = 1; c <= CHANNELS; c += 4) {
        for (size_t inner = 1; inner <= 9; inner += 8) {  // by columns, by rows
            float low[CHANNELS], high[CHANNELS], most[CHANNELS];
            double sum[CHANNELS];
            octavo_error errors[CHANNELS] = {0};
            octavo_channel_stats_f32(x, n / c / inner, c, inner, low, high, sum);
            octavo_compare_f32(x, y, n / c / inner, c, inner, errors);
            octavo_max_abs_per_channel(x, n / c / inner, c, inner, most);
            add_floats(low, c), add_floats(high, c), add_floats(most, c);
            add(sum, c * sizeof *sum), add(errors, c * sizeof *errors);
        }
    }
    finish("channels", kind, n);
}

static void rounding(const float *x, size_t n, size_t kind, char *end) {
    static const float scales[] = {0.25f, 0.1f, 1e-30f, 0, 3e38f, 0x1p-149f, NAN, INFINITY};
    float *floats = (float *)end - n;
    for (size_t s = 0; s < sizeof scales / sizeof *scales; s++) {
        octavo_quantize_f32_s8(x, n, scales[s], (int8_t *)end - n), add(end - n, n);
        octavo_fake_quantize_s8(x, n, scales[s], floats), add_floats(floats, n);
        for (int zero = 0; zero <= 255; zero += 85) {
            octavo_quantize_f32_u8(x, n, scales[s], (uint8_t)zero, (uint8_t *)end - n), add(end - n, n);
            octavo_fake_quantize_u8(x, n, scales[s], (uint8_t)zero, floats), add_floats(floats, n);
        }
    }
    octavo_affine_f32_f32(x, n, 1 / 255.0f, 0.485f, 0.229f, floats), add_floats(floats, n);
    finish("rounding", kind, n);
}

static void products(const float *x, size_t n, size_t kind) {
    double gram[CHANNELS * CHANNELS] = {0}, sums[CHANNELS] = {0};
    octavo_gram_f32(x, n / CHANNELS, CHANNELS, gram, sums);
    for (size_t i = 0; i < CHANNELS * CHANNELS; i++) gram[i] == gram[i] ? add(gram + i, sizeof *gram) : add("NaN", 3);
    finish("products", kind, n);
}

/// The end of a buffer after which nothing can be read or written.
static char *guarded(void) {
    char *room = mmap(NULL, 2 * ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return mprotect(room + ROOM, ROOM, PROT_NONE) == 0 ? room + ROOM : NULL;
}

int main(void) {
    char *ends[] = {guarded(), guarded(), guarded()};
    for (size_t kind = 0; kind < sizeof kinds / sizeof *kinds; kind++) {
        for (size_t n = 0; n <= MOST; n += n < 200 ? 1 : 475) {
            float *x = (float *)ends[0] - n, *y = (float *)ends[1] - n;
            seed = 0x9e3779b97f4a7c15 + n;
            for (size_t i = 0; i < n; i++) x[i] = value(kind), y[i] = value(1);
            observations(x, n, kind), channels(x, y, n, kind), rounding(x, n, kind, ends[2]), products(x, n, kind);
        }
    }
}
