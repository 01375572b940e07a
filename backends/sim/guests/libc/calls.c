// The functions of unistd.h and its kin over the calls of the contract.
#include <calls.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define FAIL(call) return checked(call)

static long long checked(long long answer) {
  if (answer >= 0) return answer;
  errno = (int)-answer;
  return -1;
}

ssize_t read(int fd, void *to, size_t bytes) { FAIL(sys_read(fd, to, bytes)); }
ssize_t write(int fd, const void *from, size_t bytes) { FAIL(sys_write(fd, from, bytes)); }
ssize_t pread(int fd, void *to, size_t bytes, off_t offset) { FAIL(sys_pread64(fd, to, bytes, offset)); }
off_t lseek(int fd, off_t offset, int whence) { FAIL(sys_lseek(fd, offset, whence)); }
int close(int fd) { FAIL(sys_close(fd)); }
int dup(int fd) { FAIL(sys_dup(fd)); }
int dup2(int fd, int other) { FAIL(sys_dup2(fd, other)); }
int pipe2(int ends[2], int flags) { FAIL(sys_pipe2(ends, 8, flags)); }
int pipe(int ends[2]) { return pipe2(ends, 0); }

int openat(int dirfd, const char *path, int flags, ...) {
  va_list given;
  va_start(given, flags);
  int mode = flags & O_CREAT ? va_arg(given, int) : 0;
  va_end(given);
  FAIL(sys_openat(dirfd, path, flags, mode));
}
int open(const char *path, int flags, ...) {
  va_list given;
  va_start(given, flags);
  int mode = flags & O_CREAT ? va_arg(given, int) : 0;
  va_end(given);
  FAIL(sys_openat(AT_FDCWD, path, flags, mode));
}
int creat(const char *path, mode_t mode) { return open(path, O_WRONLY | O_CREAT | O_TRUNC, mode); }
int fcntl(int fd, int command, ...) {
  va_list given;
  va_start(given, command);
  long argument = va_arg(given, long);
  va_end(given);
  FAIL(sys_fcntl(fd, command, argument));
}

int access(const char *path, int mode) { FAIL(sys_faccessat2(AT_FDCWD, path, mode, 0)); }
int chdir(const char *path) { FAIL(sys_chdir(path)); }
int fchdir(int fd) { FAIL(sys_fchdir(fd)); }
char *getcwd(char *to, size_t room) { return checked(sys_getcwd(to, room)) < 0 ? 0 : to; }
int unlink(const char *path) { FAIL(sys_unlinkat(AT_FDCWD, path, 0)); }
int rmdir(const char *path) { FAIL(sys_unlinkat(AT_FDCWD, path, AT_REMOVEDIR)); }
int link(const char *from, const char *to) { FAIL(sys_linkat(AT_FDCWD, from, AT_FDCWD, to, 0)); }
int symlink(const char *target, const char *path) { FAIL(sys_symlinkat(target, AT_FDCWD, path)); }
int rename(const char *from, const char *to) { FAIL(sys_renameat2(AT_FDCWD, from, AT_FDCWD, to, 0)); }
int remove(const char *path) { return unlink(path) == 0 ? 0 : errno == EISDIR ? rmdir(path) : -1; }
ssize_t readlink(const char *path, char *to, size_t room) { FAIL(sys_readlinkat(AT_FDCWD, path, to, room)); }
int chown(const char *path, uid_t owner, gid_t group) { FAIL(sys_fchownat(AT_FDCWD, path, owner, group, 0)); }
int lchown(const char *path, uid_t owner, gid_t group) {
  FAIL(sys_fchownat(AT_FDCWD, path, owner, group, AT_SYMLINK_NOFOLLOW));
}
int truncate(const char *path, off_t length) { FAIL(sys_truncate(path, length)); }
int ftruncate(int fd, off_t length) { FAIL(sys_ftruncate(fd, length)); }
int fsync(int fd) { FAIL(sys_fsync(fd)); }
void sync(void) { sys_sync(); }
int chroot(const char *path) { FAIL(sys_chroot(path)); }

int fstatat(int dirfd, const char *path, struct stat *to, int flags) {
  FAIL(sys_newfstatat(dirfd, path, to, sizeof *to, flags));
}
int stat(const char *path, struct stat *to) { return fstatat(AT_FDCWD, path, to, 0); }
int lstat(const char *path, struct stat *to) { return fstatat(AT_FDCWD, path, to, AT_SYMLINK_NOFOLLOW); }
int fstat(int fd, struct stat *to) { FAIL(sys_fstat(fd, to, sizeof *to)); }
int mkdir(const char *path, mode_t mode) { FAIL(sys_mkdirat(AT_FDCWD, path, mode)); }
int chmod(const char *path, mode_t mode) { FAIL(sys_fchmodat2(AT_FDCWD, path, mode, 0)); }
int fchmod(int fd, mode_t mode) { FAIL(sys_fchmod(fd, mode)); }
int mknod(const char *path, mode_t mode, dev_t device) { FAIL(sys_mknodat(AT_FDCWD, path, mode, (long long)device)); }
int mkfifo(const char *path, mode_t mode) { return mknod(path, S_IFIFO | mode, 0); }
mode_t umask(mode_t mask) { return sys_umask(mask); }
int utimensat(int dirfd, const char *path, const struct timespec times[2], int flags) {
  FAIL(sys_utimensat(dirfd, path, (void *)times, 32, flags));
}
int statfs(const char *path, struct statfs *to) { FAIL(sys_statfs(path, to, sizeof *to)); }

pid_t fork(void) { FAIL(sys_fork()); }
int execve(const char *path, char *const argv[], char *const envp[]) {
  unsigned long counts[2] = {0, 0};
  char *const *lists[2] = {argv, envp};
  struct guest_text *texts[2];
  for (int list = 0; list < 2; list++) {
    while (lists[list] && lists[list][counts[list]]) counts[list]++;
    texts[list] = malloc((counts[list] + 1) * sizeof **texts);
    for (unsigned long item = 0; item < counts[list]; item++)
      texts[list][item] = (struct guest_text){lists[list][item], strlen(lists[list][item])};
  }
  long long answer = sys_execve(path, texts[0], counts[0], texts[1], counts[1]);
  free(texts[0]), free(texts[1]);
  FAIL(answer);
}
int execv(const char *path, char *const argv[]) { return execve(path, argv, environ); }

// In the directories of PATH, as execvp(3): what cannot be run is remembered, what is no program is a script of sh.
int execvp(const char *file, char *const argv[]) {
  if (strchr(file, '/')) return execv(file, argv);
  const char *path = getenv("PATH");
  if (!path) path = "/bin:/usr/bin";
  int seen = ENOENT;
  for (;;) {
    const char *end = strchr(path, ':');
    size_t length = end ? (size_t)(end - path) : strlen(path);
    char whole[4096];
    if (length + strlen(file) + 2 <= sizeof whole) {
      memcpy(whole, path, length);
      if (length > 0) whole[length++] = '/';
      strcpy(whole + length, file);
      execv(whole, argv);
      if (errno == EACCES) seen = EACCES;
      else if (errno != ENOENT && errno != ENOTDIR) return -1;
    }
    if (!end) break;
    path = end + 1;
  }
  errno = seen;
  return -1;
}

pid_t waitpid(pid_t pid, int *status, int options) {
  int here;
  FAIL(sys_wait4(pid, status ? status : &here, 4, options, 0));
}
pid_t wait(int *status) { return waitpid(-1, status, 0); }
pid_t getpid(void) { return sys_getpid(); }
pid_t getppid(void) { return sys_getppid(); }
pid_t getpgrp(void) { return sys_getpgrp(); }
pid_t getpgid(pid_t pid) { FAIL(sys_getpgid(pid)); }
int setpgid(pid_t pid, pid_t group) { FAIL(sys_setpgid(pid, group)); }
pid_t setsid(void) { FAIL(sys_setsid()); }
pid_t getsid(pid_t pid) { FAIL(sys_getsid(pid)); }
uid_t getuid(void) { return sys_getuid(); }
uid_t geteuid(void) { return sys_geteuid(); }
gid_t getgid(void) { return sys_getgid(); }
gid_t getegid(void) { return sys_getegid(); }
int getgroups(int count, gid_t *groups) { FAIL(sys_getgroups(count, groups, count * 4)); }
int setuid(uid_t uid) { FAIL(sys_setuid(uid)); }
int setgid(gid_t gid) { FAIL(sys_setgid(gid)); }
int setgroups(size_t count, const gid_t *groups) { FAIL(sys_setgroups(groups, count)); }
int getrlimit(int resource, struct rlimit *to) { FAIL(sys_getrlimit(resource, to, sizeof *to)); }
int setrlimit(int resource, const struct rlimit *from) {
  struct guest_rlimit limit = {from->rlim_cur, from->rlim_max};
  FAIL(sys_setrlimit(resource, &limit));
}
int getrusage(int who, struct rusage *to) { FAIL(sys_getrusage(who, to, sizeof *to)); }
int nice(int by) { FAIL(sys_setpriority(0, 0, by)); }
int unshare(int flags) { FAIL(sys_unshare((unsigned)flags)); }
int setns(int fd, int kind) { FAIL(sys_setns(fd, (unsigned)kind)); }
int sched_yield(void) { FAIL(sys_sched_yield()); }
int mount(const char *source, const char *target, const char *type, unsigned long flags, const void *data) {
  FAIL(sys_mount(source, target, type, flags, data));
}
int umount2(const char *target, int flags) { FAIL(sys_umount2(target, flags)); }
int umount(const char *target) { return umount2(target, 0); }
int pivot_root(const char *new_root, const char *put_old) { FAIL(sys_pivot_root(new_root, put_old)); }
int uname(struct utsname *to) { FAIL(sys_uname(to, sizeof *to)); }
int sethostname(const char *name, size_t bytes) { FAIL(sys_sethostname(name, bytes)); }
int gethostname(char *to, size_t room) {
  struct utsname names;
  if (uname(&names) < 0) return -1;
  if (strlen(names.nodename) >= room) return errno = ENAMETOOLONG, -1;
  strcpy(to, names.nodename);
  return 0;
}

int clock_gettime(int clock, struct timespec *to) { FAIL(sys_clock_gettime(clock, to, sizeof *to)); }
time_t time(time_t *to) {
  struct timespec now = {0, 0};
  clock_gettime(CLOCK_REALTIME, &now);
  if (to) *to = now.tv_sec;
  return now.tv_sec;
}
int nanosleep(const struct timespec *wanted, struct timespec *left) {
  long long nanoseconds = wanted->tv_sec * 1000000000 + wanted->tv_nsec;
  if (left) *left = (struct timespec){0, 0};
  FAIL(sys_nanosleep(&nanoseconds, left, left ? sizeof *left : 0));
}
unsigned sleep(unsigned seconds) {
  struct timespec wanted = {seconds, 0}, left = {0, 0};
  return nanosleep(&wanted, &left) < 0 ? (unsigned)left.tv_sec : 0;
}
int usleep(unsigned microseconds) {
  struct timespec wanted = {microseconds / 1000000, microseconds % 1000000 * 1000};
  return nanosleep(&wanted, 0);
}
unsigned alarm(unsigned seconds) { return sys_alarm(seconds); }
int pause(void) { FAIL(sys_pause()); }
int poll(struct pollfd *fds, unsigned long count, int milliseconds) { FAIL(sys_poll(fds, count, milliseconds)); }

int ioctl(int fd, unsigned long request, ...) {
  va_list given;
  va_start(given, request);
  void *argument = va_arg(given, void *);
  va_end(given);
  unsigned long bytes = request == TIOCGWINSZ || request == TIOCSWINSZ  ? sizeof(struct winsize)
                        : request >= TCGETS && request <= TCSETSF ? 36
                                                                  : 4;
  if (request == TIOCSCTTY) FAIL(sys_ioctl_int(fd, request, (long)argument));
  FAIL(sys_ioctl(fd, request, argument, bytes));
}
int tcgetattr(int fd, struct termios *to) { return ioctl(fd, TCGETS, to); }
int tcsetattr(int fd, int when, const struct termios *from) { return ioctl(fd, TCSETS + when, (void *)from); }
pid_t tcgetpgrp(int fd) {
  pid_t group;
  return ioctl(fd, TIOCGPGRP, &group) < 0 ? -1 : group;
}
int tcsetpgrp(int fd, pid_t group) { return ioctl(fd, TIOCSPGRP, &group); }
int isatty(int fd) {
  struct termios settings;
  return tcgetattr(fd, &settings) == 0;
}

int socket(int domain, int type, int protocol) { FAIL(sys_socket(domain, type, protocol)); }
int bind(int fd, const void *address, socklen_t bytes) { FAIL(sys_bind(fd, address, bytes)); }
int listen(int fd, int backlog) { FAIL(sys_listen(fd, backlog)); }
int connect(int fd, const void *address, socklen_t bytes) { FAIL(sys_connect(fd, address, bytes)); }
int accept(int fd, void *address, socklen_t *bytes) {
  int found = (int)checked(sys_accept4(fd, 0, 0, 0, 0, 0));
  if (found >= 0 && address) getpeername(found, address, bytes);
  return found;
}
int shutdown(int fd, int how) { FAIL(sys_shutdown(fd, how)); }
ssize_t sendto(int fd, const void *from, size_t bytes, int flags, const void *address, socklen_t address_bytes) {
  FAIL(sys_sendto(fd, from, bytes, flags, address, address_bytes));
}
ssize_t send(int fd, const void *from, size_t bytes, int flags) { return sendto(fd, from, bytes, flags, 0, 0); }
ssize_t recv(int fd, void *to, size_t bytes, int flags) { FAIL(sys_recvfrom(fd, to, bytes, flags, 0, 0)); }

// A directory: one buffer of entries, which the kernel fills.
struct directory {
  int fd;
  int at, end;
  char entries[4096] __attribute__((aligned(8)));
};
DIR *fdopendir(int fd) {
  DIR *directory = malloc(sizeof *directory);
  if (directory) directory->fd = fd, directory->at = directory->end = 0;
  return directory;
}
DIR *opendir(const char *path) {
  int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  return fd < 0 ? 0 : fdopendir(fd);
}
struct dirent *readdir(DIR *directory) {
  if (directory->at >= directory->end) {
    directory->at = 0;
    directory->end = (int)checked(sys_getdents64(directory->fd, directory->entries, sizeof directory->entries));
    if (directory->end <= 0) return 0;
  }
  struct dirent *entry = (struct dirent *)(directory->entries + directory->at);
  directory->at += entry->d_reclen;
  return entry;
}
int dirfd(DIR *directory) { return directory->fd; }
int closedir(DIR *directory) {
  int answer = close(directory->fd);
  free(directory);
  return answer;
}
