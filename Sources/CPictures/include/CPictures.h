#pragma once

#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

// JPEG and PNG files in memory to rows of four bytes a pixel: red, green, blue and one that means nothing.

// What the head of a file says.
typedef struct {
    uint32_t width;
    uint32_t height;
    // Of the file: 1 grey, 3 colours, 4 CMYK or colours with alpha.
    int channels;
} octavo_picture;

// Bytes of a message, its 0 included.
enum { OCTAVO_PICTURE_MESSAGE = 200 };

// Each returns 0, or -1 with the library's words in `message`. Nothing is decoded by the head's functions. `pixels` has
// width * height * 4 bytes. A file that ends early is an error, stray bytes between markers are none.
int octavo_jpeg_head(const uint8_t *bytes, size_t count, octavo_picture *picture, char *message);
int octavo_jpeg_decode(const uint8_t *bytes, size_t count, octavo_picture picture, uint8_t *pixels, char *message);
int octavo_png_head(const uint8_t *bytes, size_t count, octavo_picture *picture, char *message);
int octavo_png_decode(const uint8_t *bytes, size_t count, octavo_picture picture, uint8_t *pixels, char *message);

#pragma clang assume_nonnull end
