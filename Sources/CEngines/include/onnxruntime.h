// The entries of ONNX Runtime's C table that are used, by position.
//
// The library exports one function, OrtGetApiBase. It leads to a flat table of function pointers that only ever grows
// at its end, so a position means the same in every version. The version asked for (18) is the oldest that has all
// entries below. A status is NULL for success; otherwise it is read and then released.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

enum { OCTAVO_ORT_API_VERSION = 18, OCTAVO_ORT_ENTRIES = 280 };

typedef void (*octavo_ort_entry)(void);

typedef struct {
    octavo_ort_entry _Nullable entry[OCTAVO_ORT_ENTRIES];
} octavo_ort;

typedef struct {
    const octavo_ort *_Nullable (*_Nullable get_table)(uint32_t version);
    const char *_Nullable (*_Nullable get_version)(void);
} octavo_ort_base;

typedef const octavo_ort_base *_Nullable (*octavo_ort_get_base)(void);

typedef struct octavo_ort_status octavo_ort_status;
typedef struct octavo_ort_env octavo_ort_env;
typedef struct octavo_ort_options octavo_ort_options;
typedef struct octavo_ort_session octavo_ort_session;
typedef struct octavo_ort_run_options octavo_ort_run_options;
typedef struct octavo_ort_binding octavo_ort_binding;
typedef struct octavo_ort_value octavo_ort_value;
typedef struct octavo_ort_type octavo_ort_type;
typedef struct octavo_ort_shape octavo_ort_shape;
typedef struct octavo_ort_memory octavo_ort_memory;
typedef struct octavo_ort_allocator octavo_ort_allocator;
typedef struct octavo_ort_domain octavo_ort_domain;
typedef struct octavo_ort_kernel_info octavo_ort_kernel_info;
typedef struct octavo_ort_kernel_context octavo_ort_kernel_context;
typedef struct octavo_ort_shape_context octavo_ort_shape_context;

/// A created object or a text, written through an `out` argument.
#define OUT(type) type *_Nullable *_Nonnull
#define LIST(...) __VA_ARGS__

// A typed call of one entry. `types` are the entry's parameters; the wrapper takes the table before them.
#define ENTRY(position, result, name, types, arguments)                                                          \
    static inline result octavo_ort_##name(const octavo_ort *table, LIST types) {                                \
        return ((result(*) types)table->entry[position])arguments;                                               \
    }
#define STATUS octavo_ort_status *_Nullable

// Status and environment.
ENTRY(0, STATUS, create_status, (int code, const char *message), (code, message))
ENTRY(1, int, status_code, (const octavo_ort_status *status), (status))
ENTRY(2, const char *, status_message, (const octavo_ort_status *status), (status))
ENTRY(92, void, release_env, (octavo_ort_env *_Nullable env), (env))
ENTRY(93, void, release_status, (STATUS status), (status))
ENTRY(3, STATUS, create_env, (int severity, const char *name, OUT(octavo_ort_env) out), (severity, name, out))
ENTRY(6, STATUS, disable_telemetry, (const octavo_ort_env *env), (env))
ENTRY(125, STATUS, get_providers, (char *_Nullable *_Nullable *_Nonnull out, int *count), (out, count))
ENTRY(126, STATUS, release_providers, (char *_Nullable *_Nonnull list, int count), (list, count))
static inline const char *_Nullable octavo_ort_build_info(const octavo_ort *table) {
    return ((const char *(*)(void))table->entry[254])();
}

// Session options.
ENTRY(10, STATUS, create_options, (OUT(octavo_ort_options) out), (out))
ENTRY(100, void, release_options, (octavo_ort_options *_Nullable options), (options))
ENTRY(11, STATUS, set_optimized_path, (octavo_ort_options *options, const char *path), (options, path))
ENTRY(13, STATUS, set_execution_mode, (octavo_ort_options *options, int mode), (options, mode))
ENTRY(14, STATUS, enable_profiling, (octavo_ort_options *options, const char *prefix), (options, prefix))
ENTRY(16, STATUS, enable_memory_pattern, (octavo_ort_options *options), (options))
ENTRY(17, STATUS, disable_memory_pattern, (octavo_ort_options *options), (options))
ENTRY(19, STATUS, disable_arena, (octavo_ort_options *options), (options))
ENTRY(22, STATUS, set_log_severity, (octavo_ort_options *options, int severity), (options, severity))
ENTRY(23, STATUS, set_optimization, (octavo_ort_options *options, int level), (options, level))
ENTRY(24, STATUS, set_intra_threads, (octavo_ort_options *options, int count), (options, count))
ENTRY(25, STATUS, set_inter_threads, (octavo_ort_options *options, int count), (options, count))
ENTRY(124, STATUS, fix_dimension, (octavo_ort_options *options, const char *name, int64_t value),
      (options, name, value))
ENTRY(130, STATUS, add_configuration, (octavo_ort_options *options, const char *key, const char *value),
      (options, key, value))
ENTRY(273, STATUS, set_deterministic, (octavo_ort_options *options, bool value), (options, value))
ENTRY(28, STATUS, add_domain, (octavo_ort_options *options, octavo_ort_domain *domain), (options, domain))

// Sessions.
ENTRY(7, STATUS, create_session,
      (const octavo_ort_env *env, const char *path, const octavo_ort_options *options, OUT(octavo_ort_session) out),
      (env, path, options, out))
ENTRY(8, STATUS, create_session_from_bytes,
      (const octavo_ort_env *env, const void *bytes, size_t length, const octavo_ort_options *options,
       OUT(octavo_ort_session) out),
      (env, bytes, length, options, out))
ENTRY(95, void, release_session, (octavo_ort_session *_Nullable session), (session))
ENTRY(30, STATUS, input_count, (const octavo_ort_session *session, size_t *out), (session, out))
ENTRY(31, STATUS, output_count, (const octavo_ort_session *session, size_t *out), (session, out))
ENTRY(33, STATUS, input_type, (const octavo_ort_session *session, size_t index, OUT(octavo_ort_type) out),
      (session, index, out))
ENTRY(34, STATUS, output_type, (const octavo_ort_session *session, size_t index, OUT(octavo_ort_type) out),
      (session, index, out))
ENTRY(36, STATUS, input_name,
      (const octavo_ort_session *session, size_t index, octavo_ort_allocator *allocator, OUT(char) out),
      (session, index, allocator, out))
ENTRY(37, STATUS, output_name,
      (const octavo_ort_session *session, size_t index, octavo_ort_allocator *allocator, OUT(char) out),
      (session, index, allocator, out))
ENTRY(110, STATUS, end_profiling, (octavo_ort_session *session, octavo_ort_allocator *allocator, OUT(char) out),
      (session, allocator, out))

// Runs. One session may run on several threads at once.
ENTRY(9, STATUS, run,
      (octavo_ort_session *session, const octavo_ort_run_options *_Nullable options,
       const char *_Nullable const *_Nonnull input_names, const octavo_ort_value *_Nullable const *_Nonnull inputs,
       size_t input_count, const char *_Nullable const *_Nonnull output_names, size_t output_count,
       OUT(octavo_ort_value) outputs),
      (session, options, input_names, inputs, input_count, output_names, output_count, outputs))
ENTRY(39, STATUS, create_run_options, (OUT(octavo_ort_run_options) out), (out))
ENTRY(46, STATUS, terminate, (octavo_ort_run_options *options), (options))
ENTRY(97, void, release_run_options, (octavo_ort_run_options *_Nullable options), (options))
ENTRY(133, STATUS, run_with_binding,
      (octavo_ort_session *session, const octavo_ort_run_options *_Nullable options, const octavo_ort_binding *binding),
      (session, options, binding))
ENTRY(134, STATUS, create_binding, (octavo_ort_session *session, OUT(octavo_ort_binding) out), (session, out))
ENTRY(135, void, release_binding, (octavo_ort_binding *_Nullable binding), (binding))
ENTRY(136, STATUS, bind_input, (octavo_ort_binding *binding, const char *name, const octavo_ort_value *value),
      (binding, name, value))
ENTRY(137, STATUS, bind_output, (octavo_ort_binding *binding, const char *name, const octavo_ort_value *value),
      (binding, name, value))

// Values, types and shapes.
ENTRY(49, STATUS, wrap_tensor,
      (const octavo_ort_memory *memory, void *data, size_t length, const int64_t *_Nullable dims, size_t rank, int type,
       OUT(octavo_ort_value) out),
      (memory, data, length, dims, rank, type, out))
ENTRY(50, STATUS, is_tensor, (const octavo_ort_value *value, int *out), (value, out))
ENTRY(51, STATUS, tensor_data, (octavo_ort_value *value, void *_Nullable *_Nonnull out), (value, out))
ENTRY(65, STATUS, value_shape, (const octavo_ort_value *value, OUT(octavo_ort_shape) out), (value, out))
ENTRY(96, void, release_value, (octavo_ort_value *_Nullable value), (value))
ENTRY(55, STATUS, tensor_shape_of_type,
      (const octavo_ort_type *type, const octavo_ort_shape *_Nullable *_Nonnull out), (type, out))
ENTRY(56, STATUS, kind_of_type, (const octavo_ort_type *type, int *out), (type, out))
ENTRY(98, void, release_type, (octavo_ort_type *_Nullable type), (type))
ENTRY(60, STATUS, element_type, (const octavo_ort_shape *shape, int *out), (shape, out))
ENTRY(61, STATUS, rank, (const octavo_ort_shape *shape, size_t *out), (shape, out))
ENTRY(62, STATUS, dimensions, (const octavo_ort_shape *shape, int64_t *_Nullable dims, size_t rank),
      (shape, dims, rank))
ENTRY(63, STATUS, dimension_names,
      (const octavo_ort_shape *shape, const char *_Nullable *_Nullable names, size_t rank), (shape, names, rank))
ENTRY(64, STATUS, element_count, (const octavo_ort_shape *shape, size_t *out), (shape, out))
ENTRY(99, void, release_shape, (octavo_ort_shape *_Nullable shape), (shape))

// Memory. The default allocator is borrowed.
ENTRY(69, STATUS, create_cpu_memory, (int allocator_type, int memory_type, OUT(octavo_ort_memory) out),
      (allocator_type, memory_type, out))
ENTRY(94, void, release_memory, (octavo_ort_memory *_Nullable memory), (memory))
ENTRY(78, STATUS, default_allocator, (OUT(octavo_ort_allocator) out), (out))
ENTRY(76, STATUS, allocator_free, (octavo_ort_allocator *allocator, void *_Nullable memory), (allocator, memory))

// Custom operators.
struct octavo_ort_operator;
ENTRY(26, STATUS, create_domain, (const char *name, OUT(octavo_ort_domain) out), (name, out))
ENTRY(27, STATUS, add_operator, (octavo_ort_domain *domain, const struct octavo_ort_operator *operator_),
      (domain, operator_))
ENTRY(101, void, release_domain, (octavo_ort_domain *_Nullable domain), (domain))
ENTRY(86, STATUS, attribute_int, (const octavo_ort_kernel_info *info, const char *name, int64_t *out),
      (info, name, out))
ENTRY(88, STATUS, kernel_input_count, (const octavo_ort_kernel_context *context, size_t *out), (context, out))
ENTRY(90, STATUS, kernel_input,
      (const octavo_ort_kernel_context *context, size_t index, const octavo_ort_value *_Nullable *_Nonnull out),
      (context, index, out))
ENTRY(91, STATUS, kernel_output,
      (octavo_ort_kernel_context *context, size_t index, const int64_t *_Nullable dims, size_t rank,
       OUT(octavo_ort_value) out),
      (context, index, dims, rank, out))
ENTRY(268, STATUS, inferred_input, (const octavo_ort_shape_context *context, size_t index, OUT(octavo_ort_shape) out),
      (context, index, out))
ENTRY(270, STATUS, infer_output,
      (const octavo_ort_shape_context *context, size_t index, const octavo_ort_shape *shape), (context, index, shape))

#undef ENTRY
#undef STATUS
#undef OUT
#undef LIST

#pragma clang assume_nonnull end
