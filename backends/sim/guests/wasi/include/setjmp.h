// setjmp(3) for programs linked with wasi-libc: a longjmp ends the program, since modules that are metered have no exceptions.
#ifndef VITRINE_SETJMP_H
#define VITRINE_SETJMP_H

typedef int jmp_buf[1];
#define setjmp(place) ((void)(place), 0)
_Noreturn void longjmp(jmp_buf place, int value);

#endif
