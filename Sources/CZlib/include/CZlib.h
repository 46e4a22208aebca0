// zlib, with the two checksums of its formats at the speed of memory: zlib 1.2's own take a third of the processor time of an
// upload that is stored uncompressed.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <zlib.h>

/// The same value as zlib's crc32_z. `crc` is 0 at the start.
uint32_t octavo_crc32(uint32_t crc, const void *bytes, size_t count);

/// The same value as zlib's adler32_z. `adler` is 1 at the start.
uint32_t octavo_adler32(uint32_t adler, const void *bytes, size_t count);
