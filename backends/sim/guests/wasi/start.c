// How a program that is linked with wasi-libc begins and ends, and what its arguments and environment are.
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <setjmp.h>
#include "calls-of-wasi.h"

void *guest_into;
unsigned long guest_into_bytes;
static struct guest_text arguments, variables;

void __wasm_call_ctors(void);
int __main_void(void);

unsigned long guest_length(const char *text) { return strlen(text); }

__attribute__((export_name("cabi_realloc"))) void *cabi_realloc(void *old, size_t old_bytes, size_t align, size_t bytes) {
  (void)old_bytes, (void)align;
  if (old == 0 && guest_into && bytes <= guest_into_bytes) {
    void *into = guest_into;
    guest_into = 0;
    return into;
  }
  return realloc(old, bytes);
}

__attribute__((export_name("start"))) int start(void) {
  guest_argv(&arguments);
  guest_envp(&variables);
  __wasm_call_ctors();
  exit(__main_void());
}

// Handlers of wasi-libc are never told to the kernel.
__attribute__((export_name("deliver"))) void deliver(int number) { (void)number; }

_Noreturn void PREVIEW1(proc_exit)(int32_t status) {
  sys_exit_group(status);
  __builtin_unreachable();
}

static int32_t sizes(const struct guest_text *texts, int32_t count, int32_t bytes) {
  *(uint32_t *)count = 0;
  for (unsigned long at = 0; at < texts->bytes; at++) *(uint32_t *)count += texts->start[at] == 0;
  *(uint32_t *)bytes = texts->bytes;
  return 0;
}

static int32_t copy(const struct guest_text *texts, int32_t items, int32_t room) {
  memcpy((char *)room, texts->start, texts->bytes);
  char *at = (char *)room;
  for (char **item = (char **)items; at < (char *)room + texts->bytes; at += strlen(at) + 1) *item++ = at;
  return 0;
}

int32_t PREVIEW1(args_sizes_get)(int32_t count, int32_t bytes) { return sizes(&arguments, count, bytes); }
int32_t PREVIEW1(args_get)(int32_t items, int32_t room) { return copy(&arguments, items, room); }
int32_t PREVIEW1(environ_sizes_get)(int32_t count, int32_t bytes) { return sizes(&variables, count, bytes); }
int32_t PREVIEW1(environ_get)(int32_t items, int32_t room) { return copy(&variables, items, room); }

_Noreturn void longjmp(jmp_buf place, int value) {
  (void)place, (void)value;
  static const char text[] = "the program ends here: it has left a function by longjmp(3), which it cannot\n";
  write(2, text, sizeof text - 1);
  _exit(134);
}
