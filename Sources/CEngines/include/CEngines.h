// C entry points of the inference engines. The libraries arrive by dlopen; nothing here links to them.
#pragma once
#include "observer.h"
#include "onnxruntime.h"
