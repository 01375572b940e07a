// malloc(3): blocks of powers of two, kept by size; memory comes from the kernel, page by page.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

// Stands before each block: the power of its size.
struct head {
  uint32_t power, used;
};

extern unsigned char __heap_base;
static uintptr_t next, limit;
static void *kept[32];

void *malloc(size_t bytes) {
  unsigned power = 4;
  while (power < 31 && ((size_t)1 << power) < bytes + sizeof(struct head)) power++;
  if (power == 31) return 0;
  void **found = kept[power];
  struct head *head = (struct head *)found;
  if (found) kept[power] = ((void **)(head + 1))[0];
  else {
    if (!next) next = ((uintptr_t)&__heap_base + 15) & ~(uintptr_t)15, limit = __builtin_wasm_memory_size(0) << 16;
    size_t size = (size_t)1 << power;
    if (next + size > limit || next + size < next) {
      size_t pages = (next + size - limit + 0xffff) >> 16;
      if (__builtin_wasm_memory_grow(0, pages) == (size_t)-1) return 0;
      limit += pages << 16;
    }
    head = (struct head *)next;
    next += size;
  }
  head->power = power;
  head->used = 1;
  return head + 1;
}

void free(void *at) {
  if (!at) return;
  struct head *head = (struct head *)at - 1;
  head->used = 0;
  ((void **)at)[0] = kept[head->power];
  kept[head->power] = head;
}

void *calloc(size_t count, size_t bytes) {
  size_t all;
  if (__builtin_mul_overflow(count, bytes, &all)) return 0;
  void *at = malloc(all);
  return at ? memset(at, 0, all) : 0;
}

void *realloc(void *old, size_t bytes) {
  if (!old) return malloc(bytes);
  size_t room = ((size_t)1 << ((struct head *)old - 1)->power) - sizeof(struct head);
  if (bytes <= room) return old;
  void *at = malloc(bytes);
  if (!at) return 0;
  memcpy(at, old, room);
  free(old);
  return at;
}
