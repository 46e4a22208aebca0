#include "kernels.h"

// Two passes of integer weights over pixels of four bytes, the second over what the first has rounded to bytes. Sums stay
// below 255 * 2^22 * 2, so 32 bits hold them.

typedef uint8_t Bytes4 __attribute__((vector_size(4)));
typedef int32_t Ints4 __attribute__((vector_size(16)));

#define HALF (1 << (OCTAVO_RESAMPLE_BITS - 1))
#define CHUNK 512

static inline __attribute__((always_inline)) uint8_t clip(int32_t sum) {
    sum >>= OCTAVO_RESAMPLE_BITS;
    return (uint8_t)(sum < 0 ? 0 : sum > 255 ? 255 : sum);
}

static inline __attribute__((always_inline)) void across(
    const uint8_t *source, const octavo_taps *taps, uint8_t *target) {
    for (int32_t x = 0; x < taps->count; x++) {
        const int32_t *weights = taps->weights + (size_t)x * taps->width;
        const uint8_t *pixel = source + (size_t)taps->first[x] * 4;
        Ints4 sum = {HALF, HALF, HALF, HALF};
        for (int32_t tap = 0; tap < taps->length[x]; tap++) {
            Bytes4 bytes;
            __builtin_memcpy(&bytes, pixel + (size_t)tap * 4, 4);
            sum += __builtin_convertvector(bytes, Ints4) * weights[tap];
        }
        for (int c = 0; c < 4; c++) target[(size_t)x * 4 + c] = clip(sum[c]);
    }
}

static inline __attribute__((always_inline)) void down(
    const uint8_t *source, size_t stride, size_t width, const int32_t *weights, int32_t length, uint8_t *target) {
    int32_t sums[CHUNK];
    for (size_t start = 0; start < width; start += CHUNK) {
        size_t count = width - start < CHUNK ? width - start : CHUNK;
        for (size_t i = 0; i < count; i++) sums[i] = HALF;
        for (int32_t tap = 0; tap < length; tap++) {
            const uint8_t *row = source + (size_t)tap * stride + start;
            int32_t weight = weights[tap];
            for (size_t i = 0; i < count; i++) sums[i] += row[i] * weight;
        }
        for (size_t i = 0; i < count; i++) target[start + i] = clip(sums[i]);
    }
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static void across_avx2(const uint8_t *s, const octavo_taps *taps, uint8_t *t) {
    across(s, taps, t);
}
__attribute__((target("avx2"))) static void down_avx2(
    const uint8_t *s, size_t stride, size_t width, const int32_t *weights, int32_t length, uint8_t *t) {
    down(s, stride, width, weights, length, t);
}
#endif

void octavo_resample_across(const uint8_t *source, const octavo_taps *taps, uint8_t *target) {
#if defined(__x86_64__)
    if (octavo_kernels_current() != &octavo_kernels_reference) return across_avx2(source, taps, target);
#endif
    across(source, taps, target);
}

void octavo_resample_down(
    const uint8_t *source, size_t stride, size_t width, const int32_t *weights, int32_t length, uint8_t *target) {
#if defined(__x86_64__)
    if (octavo_kernels_current() != &octavo_kernels_reference) return down_avx2(source, stride, width, weights, length, target);
#endif
    down(source, stride, width, weights, length, target);
}

// Byte by byte in lanes of their own, so that a compiler makes vectors of them.
void octavo_pixels_extremes(const uint8_t *pixels, size_t count, uint8_t *low, uint8_t *high) {
    uint8_t least[64], most[64];
    for (int i = 0; i < 64; i++) {
        least[i] = 255;
        most[i] = 0;
    }
    size_t bytes = count * 4, whole = bytes & ~(size_t)63;
    for (size_t start = 0; start < whole; start += 64)
        for (int i = 0; i < 64; i++) {
            uint8_t byte = pixels[start + i];
            least[i] = byte < least[i] ? byte : least[i];
            most[i] = byte > most[i] ? byte : most[i];
        }
    for (size_t at = whole; at < bytes; at++) {
        uint8_t byte = pixels[at];
        least[at & 63] = byte < least[at & 63] ? byte : least[at & 63];
        most[at & 63] = byte > most[at & 63] ? byte : most[at & 63];
    }
    *low = 255;
    *high = 0;
    for (int i = 0; i < 64; i++) {
        if ((i & 3) == 3) continue;
        if (least[i] < *low) *low = least[i];
        if (most[i] > *high) *high = most[i];
    }
}
