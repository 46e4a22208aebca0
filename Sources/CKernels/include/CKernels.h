// The inner loops: calibration statistics, comparison, quantization, preprocessing.
//
// Every function has one meaning and several bodies (portable, AVX2, AVX-512, NEON) that give the same bits: element
// order, number of partial sums and rounding are part of each contract below. The body is chosen once, by processor;
// the environment variable OCTAVO_KERNELS=reference|avx2|avx512|neon forces one.
//
// "Finite" means neither NaN nor an infinity. No input value is undefined behaviour. Pointers need only the alignment
// of their element.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

// ---- Which body runs ----

/// The name of the kernels in use: "reference", "avx2", "avx512" or "neon".
const char *octavo_kernels_name(void);

/// True when this processor can run the named kernels.
bool octavo_kernels_available(const char *name);

/// Makes the calling thread use the named kernels (NULL: back to the common choice). False, and no change, when they
/// are not available. For tests and benchmarks.
bool octavo_kernels_use_on_this_thread(const char *_Nullable name);

// ---- Range ----

typedef struct {
    float min;           // of the finite values; +infinity before the first
    float max;           // of the finite values; -infinity before the first
    uint64_t nonfinite;  // how many values were NaN or infinite
} octavo_range;

/// A range that has seen nothing.
octavo_range octavo_range_empty(void);

/// Folds n values into r. A zero is reported as +0, whatever its sign.
void octavo_range_f32(const float *x, size_t n, octavo_range *r);

// ---- Histograms ----
//
// A histogram of exponent e covers [-2^e, 2^e] with 8192 bins of width w = 2^(e-12), half of them on each side of zero:
// bin 4096 + k holds (k w, (k + 1) w], bin 4095 - k holds [-(k + 1) w, -k w), and zero is in bin 4096. A value on an
// edge is in the bin nearer to zero, so bins nest: the histogram of exponent e + 1 is the one of exponent e with its
// bins added in pairs, and counting finely and merging is the same as counting coarsely.

enum { OCTAVO_HALF_BINS = 4096, OCTAVO_BINS = 8192, OCTAVO_MIN_EXPONENT = -64, OCTAVO_MAX_EXPONENT = 128 };

/// The smallest exponent in OCTAVO_MIN_EXPONENT...OCTAVO_MAX_EXPONENT whose histogram covers a finite magnitude.
int octavo_histogram_exponent(float magnitude);

/// Adds n values to 8192 bins. Values beyond the range count in the outermost bins; others than finite are skipped.
void octavo_histogram_f32(const float *x, size_t n, int exponent, uint32_t *bins);

/// Turns 8192 bins of exponent e into those of exponent e + steps, in place.
void octavo_histogram_merge_pairs(uint64_t *bins, int steps);

// ---- Observation: range and growing histogram of one tensor, in one pass ----

/// What has been seen of a tensor. About 100 KB; not for several threads at once.
typedef struct octavo_observation octavo_observation;

typedef struct {
    float min;           // as octavo_range
    float max;
    uint64_t finite;     // how many values the histogram holds
    uint64_t nonfinite;
    int exponent;        // of the histogram
    uint64_t samples;    // calls of octavo_observe_f32 that had a finite value
    double mean_min;     // of the minima of those calls, whatever their order; 0 without any
    double mean_max;
} octavo_observation_summary;

/// An array of empty observations, or NULL when there is no memory for it. Memory that is never used is never touched.
octavo_observation *_Nullable octavo_observations_make(size_t count);
void octavo_observations_free(octavo_observation *_Nullable array);
octavo_observation *octavo_observation_at(octavo_observation *array, size_t index);

/// Adds n values to range and count of what is not finite, and one stretch of 128 in `every` (1, 2, 4, 8 or 16) to the
/// histogram. With 1 nothing but the means of the extremes depends on the order or the cutting of the values, otherwise on
/// their places in x. What one call shows is one sample.
void octavo_observe_f32(const float *x, size_t n, size_t every, octavo_observation *state);

/// Adds everything that `from` has seen to `into`.
void octavo_observation_merge(octavo_observation *into, const octavo_observation *from);

octavo_observation_summary octavo_observation_read(const octavo_observation *state);

/// Writes the 8192 counts of the histogram.
void octavo_observation_bins(const octavo_observation *state, uint64_t *bins);

// ---- Per channel, layout [outer, channels, inner] ----
//
// Sums are taken in double in one fixed order. A row is the `inner` values of one (outer, channel) pair; its value i
// goes to partial sum i mod 8; the row's sum is ((s0+s4)+(s2+s6))+((s1+s5)+(s3+s7)); rows are added to the channel in
// order of `outer`. With one channel, everything is a single row.

/// Minimum, maximum and sum of each channel's finite values. Each array holds `channels` elements and is overwritten; a
/// channel without finite values gets +infinity, -infinity, 0.
void octavo_channel_stats_f32(
    const float *x, size_t outer, size_t channels, size_t inner, float *min, float *max, double *sum);

typedef struct {
    double reference;          // sum of the reference values
    double reference_squared;  // sum of their squares
    double error;              // sum of test - reference
    double error_squared;      // sum of (test - reference)^2
    uint64_t count;            // pairs counted: those with both values finite
    uint64_t skipped;          // pairs left out
} octavo_error;

/// Adds the comparison of two tensors of one shape to `channels` entries; the caller zeroes them first.
void octavo_compare_f32(
    const float *reference, const float *test, size_t outer, size_t channels, size_t inner, octavo_error *per_channel);

/// Adds the products of all pairs of columns j >= i of `count` rows to gram[i * k + j], and the columns' sums to `sums`. The
/// result depends on the order of the rows only, not on the processor. False when there is no memory for a line of k.
bool octavo_gram_f32(const float *rows, size_t count, size_t k, double *gram, double *sums);
bool octavo_gram_f32_reference(const float *rows, size_t count, size_t k, double *gram, double *sums);

/// How a convolution walks over the planes of one group: sizes in values, none of them 0 but the pads.
typedef struct {
    size_t channels, height, width, kernel_y, kernel_x, stride_y, stride_x, dilation_y, dilation_x, pad_top, pad_left;
    size_t out_height, out_width;
} octavo_patch_shape;

/// Gathers what the kernel sees at `count` output positions, `step` apart from `first` on, as rows of channels * kernel
/// values; what lies outside the planes is 0.
void octavo_patches_f32(
    const float *x, const octavo_patch_shape *shape, size_t first, size_t step, size_t count, float *rows);

/// The largest magnitude of each channel's finite values, 0 without any. `out` is overwritten.
void octavo_max_abs_per_channel(const float *x, size_t outer, size_t channels, size_t inner, float *out);

/// The same for each row of a matrix: outer 1, channels = rows, inner = columns.
void octavo_max_abs_per_row(const float *x, size_t rows, size_t columns, float *out);

// ---- Quantization ----
//
// q = clamp(round(x / scale) + zero), ties to even, true division, as ONNX QuantizeLinear. NaN becomes the zero point.

/// Symmetric signed: clamped to -127...127.
void octavo_quantize_f32_s8(const float *x, size_t n, float scale, int8_t *q);
void octavo_quantize_f32_u8(const float *x, size_t n, float scale, uint8_t zero, uint8_t *q);

/// Quantizes and dequantizes: y = (q - zero) * scale. y may be x.
void octavo_fake_quantize_u8(const float *x, size_t n, float scale, uint8_t zero, float *y);
void octavo_fake_quantize_s8(const float *x, size_t n, float scale, float *y);

// ---- Preprocessing ----
//
// out = (x * scale - mean) / std: three float32 operations, each rounded.

void octavo_affine_u8_f32(const uint8_t *x, size_t n, float scale, float mean, float std, float *out);
void octavo_affine_f32_f32(const float *x, size_t n, float scale, float mean, float std, float *out);

/// A picture [h, w, c] of bytes to planes [c, h, w]. mean and std hold c values in the order of the output channels;
/// `reverse` reads the input channels backwards (RGB to BGR). False when there is no memory for its tables.
bool octavo_preprocess_u8_nhwc_nchw(
    const uint8_t *x, size_t h, size_t w, size_t c, float scale, const float *mean, const float *std, bool reverse,
    float *out);

/// The same with the output in [h, w, c].
bool octavo_preprocess_u8_nhwc_nhwc(
    const uint8_t *x, size_t h, size_t w, size_t c, float scale, const float *mean, const float *std, bool reverse,
    float *out);

/// A picture [h, w, c] of float32 to planes [c, h, w].
void octavo_preprocess_f32_nhwc_nchw(
    const float *x, size_t h, size_t w, size_t c, float scale, const float *mean, const float *std, bool reverse,
    float *out);

// ---- Resampling ----
//
// Rows of pixels of four bytes, shrunk or grown by weighted sums: result = clamp((sum(weight * byte) + 2^21) >> 22), across
// first, then down over what that has rounded. The weights of one result add up to 2^22.

enum { OCTAVO_RESAMPLE_BITS = 22 };

/// Which pixels of a row enter each of `count` results: `length[x]` pixels from `first[x]` on with the weights from
/// `weights + x * width` on.
typedef struct {
    int32_t count, width;
    const int32_t *first, *length, *weights;
} octavo_taps;

/// One row of pixels to one row of taps->count pixels.
void octavo_resample_across(const uint8_t *source, const octavo_taps *taps, uint8_t *target);

/// `length` rows of `width` bytes, `stride` bytes apart, to one.
void octavo_resample_down(
    const uint8_t *source, size_t stride, size_t width, const int32_t *weights, int32_t length, uint8_t *target);

/// Smallest and largest of the first three bytes of `count` pixels of four; 255 and 0 for none.
void octavo_pixels_extremes(const uint8_t *pixels, size_t count, uint8_t *low, uint8_t *high);

#pragma clang assume_nonnull end
