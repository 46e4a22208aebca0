#include "CPictures.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>

typedef struct {
    const uint8_t *bytes;
    size_t count;
    char *message;
} Source;

static void pull(png_structp png, png_bytep target, png_size_t count) {
    Source *source = png_get_io_ptr(png);
    if (count > source->count) png_error(png, "the file ends early");
    memcpy(target, source->bytes, count);
    source->bytes += count;
    source->count -= count;
}

static void fail(png_structp png, png_const_charp text) {
    Source *source = png_get_error_ptr(png);
    snprintf(source->message, OCTAVO_PICTURE_MESSAGE, "%s", text);
    png_longjmp(png, 1);
}

static void ignore(png_structp png, png_const_charp text) {
    (void)png;
    (void)text;
}

static png_structp make(Source *source, png_infop *info) {
    png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, source, fail, ignore);
    *info = png ? png_create_info_struct(png) : NULL;
    if (!*info) {
        if (png) png_destroy_read_struct(&png, NULL, NULL);
        snprintf(source->message, OCTAVO_PICTURE_MESSAGE, "no memory is left");
        return NULL;
    }
    // The caller judges the size. Text and profiles are of no use here and may not take memory.
    png_set_user_limits(png, 0x7fffffff, 0x7fffffff);
    png_set_chunk_malloc_max(png, 8 << 20);
    png_set_chunk_cache_max(png, 64);
    png_set_read_fn(png, source, pull);
    return png;
}

int octavo_png_head(const uint8_t *bytes, size_t count, octavo_picture *picture, char *message) {
    Source source = {bytes, count, message};
    png_infop info;
    png_structp png = make(&source, &info);
    if (!png) return -1;
    if (setjmp(png_jmpbuf(png))) {
        png_destroy_read_struct(&png, &info, NULL);
        return -1;
    }
    png_read_info(png, info);
    picture->width = png_get_image_width(png, info);
    picture->height = png_get_image_height(png, info);
    picture->channels = png_get_channels(png, info) < 3 ? 1 : 3;
    if (png_get_color_type(png, info) == PNG_COLOR_TYPE_PALETTE) picture->channels = 3;
    png_destroy_read_struct(&png, &info, NULL);
    return 0;
}

int octavo_png_decode(const uint8_t *bytes, size_t count, octavo_picture picture, uint8_t *pixels, char *message) {
    Source source = {bytes, count, message};
    // Allocated before setjmp and never changed after it.
    png_bytep *const rows = malloc((size_t)picture.height * sizeof *rows);
    png_infop info;
    png_structp png = rows ? make(&source, &info) : NULL;
    if (!png) {
        if (!rows) snprintf(message, OCTAVO_PICTURE_MESSAGE, "no memory is left");
        free(rows);
        return -1;
    }
    if (setjmp(png_jmpbuf(png))) {
        png_destroy_read_struct(&png, &info, NULL);
        free(rows);
        return -1;
    }
    png_read_info(png, info);
    png_set_expand(png);
    png_set_scale_16(png);
    png_set_gray_to_rgb(png);
    png_set_filler(png, 0xff, PNG_FILLER_AFTER);
    png_set_interlace_handling(png);
    png_read_update_info(png, info);
    size_t stride = (size_t)picture.width * 4;
    if (png_get_image_width(png, info) != picture.width || png_get_image_height(png, info) != picture.height
        || png_get_rowbytes(png, info) != stride)
        png_error(png, "its head and its data differ");
    for (uint32_t y = 0; y < picture.height; y++) rows[y] = pixels + y * stride;
    png_read_image(png, rows);
    png_read_end(png, NULL);
    png_destroy_read_struct(&png, &info, NULL);
    free(rows);
    return 0;
}
