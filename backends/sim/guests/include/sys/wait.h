// wait(2)
#ifndef SYS_WAIT_H
#define SYS_WAIT_H
#include <sys/types.h>
enum { WNOHANG = 1, WUNTRACED = 2, WCONTINUED = 8 };
#define WEXITSTATUS(status) ((status) >> 8 & 0xff)
#define WTERMSIG(status) ((status) & 0x7f)
#define WSTOPSIG(status) WEXITSTATUS(status)
#define WIFEXITED(status) (WTERMSIG(status) == 0)
#define WIFSTOPPED(status) (((status) & 0xff) == 0x7f)
#define WIFCONTINUED(status) ((status) == 0xffff)
#define WIFSIGNALED(status) (!WIFEXITED(status) && !WIFSTOPPED(status) && !WIFCONTINUED(status))
pid_t wait(int *status);
pid_t waitpid(pid_t pid, int *status, int options);
#endif
