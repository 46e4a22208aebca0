// What Glibc's Swift module hides: calls that need _GNU_SOURCE, variadic calls and macros.
#pragma once
#include "sockets.h"
#include "process.h"
