#include "CPictures.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h>

// A progressive file may repeat scans without end; encoders write about ten.
#define SCAN_LIMIT 100

typedef struct {
    struct jpeg_error_mgr base;
    jmp_buf escape;
    char *message;
} Errors;

static void fail(j_common_ptr info) {
    Errors *errors = (Errors *)info->err;
    char text[JMSG_LENGTH_MAX];
    info->err->format_message(info, text);
    snprintf(errors->message, OCTAVO_PICTURE_MESSAGE, "%s", text);
    longjmp(errors->escape, 1);
}

// Warnings come with level -1. Only what leaves pixels undecoded is an error.
static void emit(j_common_ptr info, int level) {
    if (level >= 0) return;
    int code = info->err->msg_code;
    if (code == JWRN_JPEG_EOF || code == JWRN_HIT_MARKER || code == JWRN_HUFF_BAD_CODE || code == JWRN_ARITH_BAD_CODE
        || code == JWRN_MUST_RESYNC)
        fail(info);
}

static void watch(j_common_ptr info) {
    if (info->is_decompressor && ((j_decompress_ptr)info)->input_scan_number > SCAN_LIMIT) {
        Errors *errors = (Errors *)info->err;
        snprintf(errors->message, OCTAVO_PICTURE_MESSAGE, "more than %d scans", SCAN_LIMIT);
        longjmp(errors->escape, 1);
    }
}

static void begin(struct jpeg_decompress_struct *info, Errors *errors, char *message) {
    info->err = jpeg_std_error(&errors->base);
    errors->base.error_exit = fail;
    errors->base.emit_message = emit;
    errors->message = message;
}

static void read_head(struct jpeg_decompress_struct *info, const uint8_t *bytes, size_t count) {
    jpeg_create_decompress(info);
    jpeg_mem_src(info, bytes, count);
    jpeg_read_header(info, TRUE);
}

int octavo_jpeg_head(const uint8_t *bytes, size_t count, octavo_picture *picture, char *message) {
    struct jpeg_decompress_struct info;
    Errors errors;
    memset(&info, 0, sizeof info);
    begin(&info, &errors, message);
    if (setjmp(errors.escape)) {
        jpeg_destroy_decompress(&info);
        return -1;
    }
    read_head(&info, bytes, count);
    picture->width = info.image_width;
    picture->height = info.image_height;
    picture->channels = info.num_components;
    jpeg_destroy_decompress(&info);
    return 0;
}

// In place. Files with Adobe's marker hold the complements, so that a product gives the colour; others are turned first.
static void cmyk_to_rgb(uint8_t *row, uint32_t width, int inverted) {
    for (uint32_t x = 0; x < width; x++, row += 4) {
        int key = inverted ? row[3] : 255 - row[3];
        for (int c = 0; c < 3; c++) {
            int product = (inverted ? row[c] : 255 - row[c]) * key + 128;
            row[c] = (uint8_t)((product + (product >> 8)) >> 8);
        }
    }
}

int octavo_jpeg_decode(const uint8_t *bytes, size_t count, octavo_picture picture, uint8_t *pixels, char *message) {
    struct jpeg_decompress_struct info;
    struct jpeg_progress_mgr progress;
    Errors errors;
    memset(&info, 0, sizeof info);
    memset(&progress, 0, sizeof progress);
    begin(&info, &errors, message);
    if (setjmp(errors.escape)) {
        jpeg_destroy_decompress(&info);
        return -1;
    }
    read_head(&info, bytes, count);
    progress.progress_monitor = watch;
    info.progress = &progress;
    int cmyk = info.num_components == 4;
    info.out_color_space = cmyk ? JCS_CMYK : JCS_EXT_RGBX;
    jpeg_start_decompress(&info);
    if (info.output_width != picture.width || info.output_height != picture.height || info.output_components != 4) {
        snprintf(message, OCTAVO_PICTURE_MESSAGE, "its head and its data differ");
        jpeg_destroy_decompress(&info);
        return -1;
    }
    size_t stride = (size_t)picture.width * 4;
    while (info.output_scanline < info.output_height) {
        JSAMPROW rows[1] = {pixels + info.output_scanline * stride};
        jpeg_read_scanlines(&info, rows, 1);
        if (cmyk) cmyk_to_rgb(rows[0], picture.width, info.saw_Adobe_marker);
    }
    jpeg_finish_decompress(&info);
    jpeg_destroy_decompress(&info);
    return 0;
}
