// signal(7)
#ifndef SIGNAL_H
#define SIGNAL_H
#include <sys/types.h>
enum {
  SIGHUP = 1, SIGINT, SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGKILL, SIGUSR1, SIGSEGV, SIGUSR2, SIGPIPE,
  SIGALRM, SIGTERM, SIGSTKFLT, SIGCHLD, SIGCONT, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU, SIGURG, SIGXCPU, SIGXFSZ, SIGVTALRM,
  SIGPROF, SIGWINCH, SIGIO, SIGPWR, SIGSYS, NSIG = 65
};
enum { SA_RESTART = 0x10000000, SA_NOCLDSTOP = 1 };
enum { SIG_BLOCK, SIG_UNBLOCK, SIG_SETMASK };
typedef void (*sighandler_t)(int);
typedef unsigned long long sigset_t;
#define SIG_DFL ((sighandler_t)0)
#define SIG_IGN ((sighandler_t)1)
#define SIG_ERR ((sighandler_t)-1)
struct sigaction {
  sighandler_t sa_handler;
  sigset_t sa_mask;
  int sa_flags;
};
int kill(pid_t pid, int signal);
int raise(int signal);
sighandler_t signal(int number, sighandler_t handler);
int sigaction(int number, const struct sigaction *action, struct sigaction *old);
int sigprocmask(int how, const sigset_t *set, sigset_t *old);
int sigsuspend(const sigset_t *mask);
static inline int sigemptyset(sigset_t *set) { return *set = 0, 0; }
static inline int sigfillset(sigset_t *set) { return *set = ~0ull, 0; }
static inline int sigaddset(sigset_t *set, int number) { return *set |= 1ull << (number - 1), 0; }
static inline int sigdelset(sigset_t *set, int number) { return *set &= ~(1ull << (number - 1)), 0; }
static inline int sigismember(const sigset_t *set, int number) { return *set >> (number - 1) & 1; }
#endif
