// The engine reads an operator from a caller-owned record of 26 words, mostly callbacks that get the record itself as
// first argument; what follows the 26 words is ours. So each session has its own records, and a kernel finds its
// observer there.
//
// Observe declares that its output is its input (an alias), so the engine keeps one buffer; should it not, the kernel
// copies. The shape is passed on for the nodes after it.
#include "CEngines.h"
#include <stdlib.h>
#include <string.h>

typedef struct octavo_ort_operator octavo_ort_operator;

struct octavo_ort_operator {
    uint32_t version;
    void *(*create_kernel)(const octavo_ort_operator *, const octavo_ort *, const octavo_ort_kernel_info *);
    const char *(*name)(const octavo_ort_operator *);
    const char *(*provider)(const octavo_ort_operator *);
    int (*input_type)(const octavo_ort_operator *, size_t);
    size_t (*input_count)(const octavo_ort_operator *);
    int (*output_type)(const octavo_ort_operator *, size_t);
    size_t (*output_count)(const octavo_ort_operator *);
    void (*compute)(void *, octavo_ort_kernel_context *);
    void (*destroy_kernel)(void *);
    int (*input_kind)(const octavo_ort_operator *, size_t);
    int (*output_kind)(const octavo_ort_operator *, size_t);
    int (*input_memory)(const octavo_ort_operator *, size_t);
    int (*variadic_input_minimum)(const octavo_ort_operator *);
    int (*variadic_input_homogeneous)(const octavo_ort_operator *);
    int (*variadic_output_minimum)(const octavo_ort_operator *);
    int (*variadic_output_homogeneous)(const octavo_ort_operator *);
    octavo_ort_status *(*create_kernel_v2)(
        const octavo_ort_operator *, const octavo_ort *, const octavo_ort_kernel_info *, void **);
    octavo_ort_status *(*compute_v2)(void *, octavo_ort_kernel_context *);
    octavo_ort_status *(*infer_shape)(const octavo_ort_operator *, octavo_ort_shape_context *);
    int (*first_version)(const octavo_ort_operator *);
    int (*last_version)(const octavo_ort_operator *);
    size_t (*may_inplace)(int **, int **);
    void (*release_may_inplace)(int *, int *);
    size_t (*aliases)(int **, int **);
    void (*release_aliases)(int *, int *);
    // Ours.
    octavo_observers *owner;
};

_Static_assert(offsetof(octavo_ort_operator, owner) == 26 * sizeof(void *), "an operator is 26 words");

struct octavo_observers {
    octavo_ort_operator observe, compare;
    const octavo_ort *table;
    octavo_ort_domain *domain;
    octavo_observe callback;
    void *observer;
};

typedef struct {
    const octavo_observers *owner;
    int64_t slot;
} kernel;

enum { MAX_RANK = 32, ANY_TYPE = 0, INT64 = 7, STRING = 8 };

static _Thread_local void *run_context;
static _Thread_local bool silent;

void octavo_set_run_context(void *context) { run_context = context; }
void *octavo_run_context(void) { return run_context; }
void octavo_set_silent(bool value) { silent = value; }

// ---- Declarations ----

static const char *observe_name(const octavo_ort_operator *op) { return (void)op, "Observe"; }
static const char *compare_name(const octavo_ort_operator *op) { return (void)op, "Compare"; }
static const char *cpu(const octavo_ort_operator *op) { return (void)op, NULL; }
static int any_type(const octavo_ort_operator *op, size_t i) { return (void)op, (void)i, ANY_TYPE; }
static int int64_type(const octavo_ort_operator *op, size_t i) { return (void)op, (void)i, INT64; }
static size_t one(const octavo_ort_operator *op) { return (void)op, 1; }
static size_t two(const octavo_ort_operator *op) { return (void)op, 2; }
static int required(const octavo_ort_operator *op, size_t i) { return (void)op, (void)i, 0; }
static int default_memory(const octavo_ort_operator *op, size_t i) { return (void)op, (void)i, 0; }
static int no_variadic(const octavo_ort_operator *op) { return (void)op, 0; }
static int version_one(const octavo_ort_operator *op) { return (void)op, 1; }
static int any_version(const octavo_ort_operator *op) { return (void)op, INT32_MAX; }

static size_t first_to_first(int **inputs, int **outputs) {
    *inputs = calloc(1, sizeof **inputs);
    *outputs = calloc(1, sizeof **outputs);
    return *inputs && *outputs ? 1 : 0;
}

static void release_map(int *inputs, int *outputs) {
    free(inputs);
    free(outputs);
}

// A size may be known, named, or neither. The engine would pass the last on as the size -1, and later nodes that
// compute with sizes would fail on it; such a shape is better left unsaid. And a rank of 0 is how the engine shows a
// shape that is not known at all.
static octavo_ort_status *is_sayable(const octavo_ort *table, const octavo_ort_shape *shape, bool *sayable) {
    *sayable = false;
    size_t rank = 0;
    octavo_ort_status *status = octavo_ort_rank(table, shape, &rank);
    if (status || rank == 0 || rank > MAX_RANK) return status;
    int64_t sizes[MAX_RANK];
    const char *names[MAX_RANK] = {NULL};
    if ((status = octavo_ort_dimensions(table, shape, sizes, rank))) return status;
    if ((status = octavo_ort_dimension_names(table, shape, names, rank))) return status;
    *sayable = true;
    for (size_t i = 0; i < rank; i++)
        if (sizes[i] < 0 && !(names[i] && *names[i])) *sayable = false;
    return NULL;
}

static octavo_ort_status *same_shape(const octavo_ort_operator *op, octavo_ort_shape_context *context) {
    const octavo_ort *table = op->owner->table;
    // Belongs to the context.
    octavo_ort_shape *shape = NULL;
    octavo_ort_status *status = octavo_ort_inferred_input(table, context, 0, &shape);
    bool sayable = false;
    if (!status && shape) status = is_sayable(table, shape, &sayable);
    if (!status && sayable) status = octavo_ort_infer_output(table, context, 0, shape);
    return status;
}

// ---- Kernels ----

static octavo_ort_status *create_kernel(
    const octavo_ort_operator *op, const octavo_ort *table, const octavo_ort_kernel_info *info, void **out) {
    kernel *k = calloc(1, sizeof *k);
    if (!k) return octavo_ort_create_status(table, 1, "octavo: out of memory");
    k->owner = op->owner;
    octavo_ort_status *status = octavo_ort_attribute_int(table, info, "slot", &k->slot);
    if (status) {
        free(k);
        return status;
    }
    *out = k;
    return NULL;
}

static void destroy_kernel(void *k) { free(k); }

// Fills `seen`, whose dims live in `dims`, from input `index`.
static octavo_ort_status *look(
    const octavo_ort *table, octavo_ort_kernel_context *context, size_t index, octavo_observed *seen, int64_t *dims) {
    const octavo_ort_value *value = NULL;
    octavo_ort_status *status = octavo_ort_kernel_input(table, context, index, &value);
    if (status) return status;
    if (!value) return octavo_ort_create_status(table, 2, "octavo: an observed input is absent");
    octavo_ort_shape *shape = NULL;
    if ((status = octavo_ort_value_shape(table, value, &shape))) return status;
    int type = 0;
    void *data = NULL;
    status = octavo_ort_element_type(table, shape, &type);
    if (!status) status = octavo_ort_rank(table, shape, &seen->rank);
    if (!status && seen->rank > MAX_RANK)
        status = octavo_ort_create_status(table, 9, "octavo: an observed tensor has more than 32 dimensions");
    if (!status) status = octavo_ort_dimensions(table, shape, dims, seen->rank);
    if (!status) status = octavo_ort_element_count(table, shape, &seen->count);
    if (!status) status = octavo_ort_tensor_data(table, (octavo_ort_value *)value, &data);
    octavo_ort_release_shape(table, shape);
    seen->element_type = type;
    seen->dims = dims;
    seen->data = data;
    return status;
}

// Bytes of `count` elements, or 0 for a type that cannot be copied as bytes.
static size_t byte_count(int type, size_t count) {
    static const uint8_t bits[] = {
        [1] = 32, [2] = 8, [3] = 8, [4] = 16, [5] = 16, [6] = 32, [7] = 64, [9] = 8, [10] = 16, [11] = 64, [12] = 32,
        [13] = 64, [14] = 64, [15] = 128, [16] = 16, [17] = 8, [18] = 8, [19] = 8, [20] = 8, [21] = 4, [22] = 4,
        [23] = 4, [24] = 2, [25] = 2, [26] = 8,
    };
    if (type < 0 || (size_t)type >= sizeof bits) return 0;
    return bits[type] >= 8 ? count * (bits[type] / 8) : (count * bits[type] + 7) / 8;
}

static octavo_ort_status *pass_on(
    const octavo_ort *table, octavo_ort_kernel_context *context, const octavo_observed *seen) {
    octavo_ort_value *output = NULL;
    octavo_ort_status *status = octavo_ort_kernel_output(table, context, 0, seen->dims, seen->rank, &output);
    if (status || !output) return status;
    void *to = NULL;
    if ((status = octavo_ort_tensor_data(table, output, &to)) || to == seen->data || seen->count == 0) return status;
    size_t length = byte_count(seen->element_type, seen->count);
    if (length == 0) return octavo_ort_create_status(table, 9, "octavo: this element type cannot be observed");
    memcpy(to, seen->data, length);
    return NULL;
}

static octavo_ort_status *compute_observe(void *opaque, octavo_ort_kernel_context *context) {
    const kernel *k = opaque;
    const octavo_observers *owner = k->owner;
    int64_t dims[MAX_RANK];
    octavo_observed seen = {0};
    octavo_ort_status *status = look(owner->table, context, 0, &seen, dims);
    if (!status) status = pass_on(owner->table, context, &seen);
    if (!status && !silent) owner->callback(owner->observer, k->slot, run_context, &seen, 1);
    return status;
}

static octavo_ort_status *compute_compare(void *opaque, octavo_ort_kernel_context *context) {
    const kernel *k = opaque;
    const octavo_observers *owner = k->owner;
    int64_t dims[2][MAX_RANK];
    octavo_observed seen[2] = {{0}, {0}};
    octavo_ort_status *status = look(owner->table, context, 0, &seen[0], dims[0]);
    if (!status) status = look(owner->table, context, 1, &seen[1], dims[1]);
    if (status) return status;
    const int64_t length = 1;
    octavo_ort_value *output = NULL;
    if ((status = octavo_ort_kernel_output(owner->table, context, 0, &length, 1, &output))) return status;
    void *data = NULL;
    if (output && (status = octavo_ort_tensor_data(owner->table, output, &data))) return status;
    if (data) *(int64_t *)data = 0;
    if (!silent) owner->callback(owner->observer, k->slot, run_context, seen, 2);
    return NULL;
}

// ---- Making them ----

octavo_observers *octavo_observers_make(const octavo_ort *table, octavo_observe callback, void *observer) {
    octavo_observers *o = calloc(1, sizeof *o);
    if (!o) return NULL;
    o->table = table;
    o->callback = callback;
    o->observer = observer;
    o->observe = (octavo_ort_operator){
        .version = OCTAVO_ORT_API_VERSION,
        .name = observe_name,
        .provider = cpu,
        .input_type = any_type,
        .input_count = one,
        .output_type = any_type,
        .output_count = one,
        .destroy_kernel = destroy_kernel,
        .input_kind = required,
        .output_kind = required,
        .input_memory = default_memory,
        .variadic_input_minimum = no_variadic,
        .variadic_input_homogeneous = no_variadic,
        .variadic_output_minimum = no_variadic,
        .variadic_output_homogeneous = no_variadic,
        .create_kernel_v2 = create_kernel,
        .compute_v2 = compute_observe,
        .infer_shape = same_shape,
        .first_version = version_one,
        .last_version = any_version,
        .aliases = first_to_first,
        .release_aliases = release_map,
        .owner = o,
    };
    o->compare = o->observe;
    o->compare.name = compare_name;
    o->compare.input_count = two;
    o->compare.output_type = int64_type;
    o->compare.compute_v2 = compute_compare;
    o->compare.infer_shape = NULL;
    o->compare.aliases = NULL;
    o->compare.release_aliases = NULL;

    octavo_ort_status *status = octavo_ort_create_domain(table, "octavo", &o->domain);
    if (!status) status = octavo_ort_add_operator(table, o->domain, &o->observe);
    if (!status) status = octavo_ort_add_operator(table, o->domain, &o->compare);
    if (!status) return o;
    octavo_ort_release_status(table, status);
    octavo_observers_free(o);
    return NULL;
}

octavo_ort_domain *octavo_observers_domain(octavo_observers *observers) { return observers->domain; }

void octavo_observers_free(octavo_observers *observers) {
    if (!observers) return;
    octavo_ort_release_domain(observers->table, observers->domain);
    free(observers);
}
