// Which kernels run: the widest the processor has, or the ones OCTAVO_KERNELS names.
#include "kernels.h"
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

static const octavo_kernels *named(const char *name) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (strcmp(name, "avx512") == 0 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")
        && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("popcnt"))
        return &octavo_kernels_avx512;
    if (strcmp(name, "avx2") == 0 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("popcnt"))
        return &octavo_kernels_avx2;
#elif defined(__aarch64__)
    if (strcmp(name, "neon") == 0) return &octavo_kernels_neon;
#endif
    return strcmp(name, "reference") == 0 ? &octavo_kernels_reference : NULL;
}

static const octavo_kernels *chosen(void) {
    const char *forced = getenv("OCTAVO_KERNELS");
    if (forced && *forced) {
        const octavo_kernels *kernels = named(forced);
        if (kernels) return kernels;
        fprintf(stderr, "OCTAVO_KERNELS=%s: not available on this processor; using reference\n", forced);
        return &octavo_kernels_reference;
    }
    static const char *const by_width[] = {"avx512", "avx2", "neon"};
    for (size_t i = 0; i < sizeof by_width / sizeof *by_width; i++) {
        const octavo_kernels *kernels = named(by_width[i]);
        if (kernels) return kernels;
    }
    return &octavo_kernels_reference;
}

static const octavo_kernels *_Atomic common;
static _Thread_local const octavo_kernels *own;

const octavo_kernels *octavo_kernels_current(void) {
    if (own) return own;
    const octavo_kernels *kernels = atomic_load_explicit(&common, memory_order_acquire);
    if (kernels) return kernels;
    // Two threads may choose at once; they choose the same.
    kernels = chosen();
    atomic_store_explicit(&common, kernels, memory_order_release);
    return kernels;
}

const char *octavo_kernels_name(void) { return octavo_kernels_current()->name; }

bool octavo_kernels_available(const char *name) { return named(name) != NULL; }

bool octavo_kernels_use_on_this_thread(const char *name) {
    const octavo_kernels *kernels = name ? named(name) : NULL;
    if (name && !kernels) return false;
    own = kernels;
    return true;
}
