// Custom operators of domain "octavo" that show tensors to a callback while a model runs.
//
//   Observe(x) -> y        attribute slot; y is x, in the same memory
//   Compare(a, b) -> int64[1]   attribute slot; the output means nothing
#pragma once
#include "onnxruntime.h"

#pragma clang assume_nonnull begin

/// A tensor inside the engine. Valid during the callback only.
typedef struct {
    int32_t element_type;  // ONNX number
    size_t rank;
    const int64_t *dims;
    size_t count;  // elements; the product of the dims
    const void *_Nullable data;  // may be NULL when count is 0
} octavo_observed;

/// Called on the thread that runs the model. `context` is what that thread set with octavo_set_run_context.
typedef void (*octavo_observe)(
    void *observer, int64_t slot, void *_Nullable context, const octavo_observed *values, size_t count);

/// The operators of one session; they must outlive it.
typedef struct octavo_observers octavo_observers;

/// NULL when there is no memory for it or the engine refused (the message is then on its own log).
octavo_observers *_Nullable octavo_observers_make(const octavo_ort *table, octavo_observe callback, void *observer);
octavo_ort_domain *octavo_observers_domain(octavo_observers *observers);
void octavo_observers_free(octavo_observers *_Nullable observers);

/// The calling thread's context for the runs it makes.
void octavo_set_run_context(void *_Nullable context);
void *_Nullable octavo_run_context(void);

/// While true, runs that the calling thread makes are not shown to observers.
void octavo_set_silent(bool silent);

#pragma clang assume_nonnull end
