// /etc/passwd and /etc/group: getpwnam(3), getgrnam(3)
#ifndef PWD_H
#define PWD_H
#include <sys/types.h>
struct passwd {
  char *pw_name;
  uid_t pw_uid;
  gid_t pw_gid;
  char *pw_dir, *pw_shell;
};
struct group {
  char *gr_name;
  gid_t gr_gid;
};
struct passwd *getpwnam(const char *name);
struct passwd *getpwuid(uid_t uid);
struct group *getgrnam(const char *name);
struct group *getgrgid(gid_t gid);
#endif
