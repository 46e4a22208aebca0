// CRC-32 (RFC 1952) by carry-less multiplication and Adler-32 (RFC 1950) in 32-byte vectors. Each does what fits its vectors
// and leaves the rest, and processors without the instructions, to zlib.

#include "CZlib.h"

#if defined(__x86_64__)
#include <immintrin.h>

// CRC-32 is the remainder of the message, as a polynomial over GF(2), modulo P. So 128 bits that stand `d` bits before other
// 128 bits may be replaced by anything congruent that stands at the place of those: the low half times x^(d+64) mod P, plus
// the high half times x^d mod P ("fold"; bit order is reflected, hence low before high). After folding a message to
// 16 bytes, zlib's crc32 of these, without its initial inversion, is the remainder.
__attribute__((target("pclmul,sse4.1"))) static inline __m128i fold(__m128i far, __m128i near, __m128i powers) {
    const __m128i low = _mm_clmulepi64_si128(far, powers, 0x00);
    const __m128i high = _mm_clmulepi64_si128(far, powers, 0x11);
    return _mm_xor_si128(_mm_xor_si128(low, high), near);
}

__attribute__((target("pclmul,sse4.1"))) static uint32_t octavo_crc32_pclmul(
    uint32_t crc, const unsigned char *bytes, size_t count) {
    // x^(512+32), x^(512-32) and x^(128+32), x^(128-32) mod P, reflected and shifted by one as the product needs it.
    const __m128i by_64 = _mm_set_epi64x(0x1c6e41596, 0x154442bd4);
    const __m128i by_16 = _mm_set_epi64x(0x0ccaa009e, 0x1751997d0);
    const __m128i *next = (const __m128i *)bytes;
    __m128i lane[4];
    for (int i = 0; i < 4; i++) lane[i] = _mm_loadu_si128(next++);
    lane[0] = _mm_xor_si128(lane[0], _mm_cvtsi32_si128((int)~crc));
    size_t left = count - 64;
    for (; left >= 64; left -= 64) {
        for (int i = 0; i < 4; i++) lane[i] = fold(lane[i], _mm_loadu_si128(next++), by_64);
    }
    __m128i state = lane[0];
    for (int i = 1; i < 4; i++) state = fold(state, lane[i], by_16);
    for (; left >= 16; left -= 16) state = fold(state, _mm_loadu_si128(next++), by_16);
    unsigned char rest[16];
    _mm_storeu_si128((__m128i *)rest, state);
    // ~0 makes zlib begin with 0.
    const uint32_t folded = (uint32_t)crc32_z(0xffffffff, rest, sizeof rest);
    return (uint32_t)crc32_z(folded, (const unsigned char *)next, left);
}

__attribute__((target("avx2"))) static inline uint32_t sum_of_lanes(__m256i v) {
    __m128i s = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0x4e));
    s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0xb1));
    return (uint32_t)_mm_cvtsi128_si32(s);
}

// a = 1 + sum of the bytes, b = sum of all values a had, both mod 65521. For one vector of 32 bytes: a grows by their sum,
// b by 32 times the a before it and by 32, 31, ... 1 times the bytes.
__attribute__((target("avx2"))) static uint32_t octavo_adler32_avx2(
    uint32_t adler, const unsigned char *bytes, size_t count) {
    const uint32_t modulus = 65521;
    // As in zlib's NMAX: the most bytes, here a multiple of 32, for which b stays below 2^32.
    const size_t stretch = 5536;
    const __m256i zero = _mm256_setzero_si256();
    const __m256i ones = _mm256_set1_epi16(1);
    const __m256i weights = _mm256_setr_epi8(
        32, 31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3,
        2, 1);
    uint32_t a = adler & 0xffff, b = adler >> 16;
    while (count >= 32) {
        const size_t part = (count < stretch ? count : stretch) & ~(size_t)31;
        __m256i sums = zero, sums_before = zero, weighted = zero;
        for (const unsigned char *end = bytes + part; bytes < end; bytes += 32) {
            const __m256i v = _mm256_loadu_si256((const __m256i *)bytes);
            sums_before = _mm256_add_epi32(sums_before, sums);
            sums = _mm256_add_epi32(sums, _mm256_sad_epu8(v, zero));
            weighted = _mm256_add_epi32(weighted, _mm256_madd_epi16(_mm256_maddubs_epi16(v, weights), ones));
        }
        b = (b + a * (uint32_t)part + 32 * sum_of_lanes(sums_before) + sum_of_lanes(weighted)) % modulus;
        a = (a + sum_of_lanes(sums)) % modulus;
        count -= part;
    }
    return (uint32_t)adler32_z(b << 16 | a, bytes, count);
}
#endif

uint32_t octavo_crc32(uint32_t crc, const void *bytes, size_t count) {
    // zlib takes a null pointer as a question for the initial value.
    if (count == 0) return crc;
#if defined(__x86_64__)
    if (count >= 64 && __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.1")) {
        return octavo_crc32_pclmul(crc, bytes, count);
    }
#endif
    return (uint32_t)crc32_z(crc, bytes, count);
}

uint32_t octavo_adler32(uint32_t adler, const void *bytes, size_t count) {
    if (count == 0) return adler;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2")) return octavo_adler32_avx2(adler, bytes, count);
#endif
    return (uint32_t)adler32_z(adler, bytes, count);
}
