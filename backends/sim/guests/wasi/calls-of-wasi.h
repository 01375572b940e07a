// What the files of this folder share: names of wasi_snapshot_preview1 as wasi-libc declares them, and its numbers.
#include <stdint.h>
#include <calls.h>

#define PREVIEW1(name) __imported_wasi_snapshot_preview1_##name

// An errno of Linux as a number of WASI; 0 for what is no refusal.
int32_t wasi_errno(long long answer);
// Descriptors are those of the kernel, but that 3 is the root.
int kernel_descriptor(int32_t descriptor);
