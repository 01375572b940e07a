// strerror(3), strsignal(3), with glibc's words
#include <stdio.h>
#include <string.h>

static const char *const errors[] = {
    "Success", "Operation not permitted", "No such file or directory", "No such process", "Interrupted system call",
    "Input/output error", "No such device or address", "Argument list too long", "Exec format error", "Bad file descriptor",
    "No child processes", "Resource temporarily unavailable", "Cannot allocate memory", "Permission denied", "Bad address",
    "Block device required", "Device or resource busy", "File exists", "Invalid cross-device link", "No such device",
    "Not a directory", "Is a directory", "Invalid argument", "Too many open files in system", "Too many open files",
    "Inappropriate ioctl for device", "Text file busy", "File too large", "No space left on device", "Illegal seek",
    "Read-only file system", "Too many links", "Broken pipe", "Numerical argument out of domain",
    "Numerical result out of range", "Resource deadlock avoided", "File name too long", "No locks available",
    "Function not implemented", "Directory not empty", "Too many levels of symbolic links"};

static const struct {
  int number;
  const char *text;
} more[] = {{61, "No data available"},
            {62, "Timer expired"},
            {71, "Protocol error"},
            {75, "Value too large for defined data type"},
            {84, "Invalid or incomplete multibyte or wide character"},
            {87, "Too many users"},
            {88, "Socket operation on non-socket"},
            {89, "Destination address required"},
            {90, "Message too long"},
            {92, "Protocol not available"},
            {93, "Protocol not supported"},
            {94, "Socket type not supported"},
            {95, "Operation not supported"},
            {97, "Address family not supported by protocol"},
            {98, "Address already in use"},
            {99, "Cannot assign requested address"},
            {100, "Network is down"},
            {101, "Network is unreachable"},
            {103, "Software caused connection abort"},
            {104, "Connection reset by peer"},
            {105, "No buffer space available"},
            {106, "Transport endpoint is already connected"},
            {107, "Transport endpoint is not connected"},
            {110, "Connection timed out"},
            {111, "Connection refused"},
            {113, "No route to host"},
            {114, "Operation already in progress"},
            {115, "Operation now in progress"},
            {116, "Stale file handle"},
            {122, "Disk quota exceeded"}};

char *strerror(int number) {
  static char unknown[32];
  if (number >= 0 && number < (int)(sizeof errors / sizeof *errors)) return (char *)errors[number];
  for (unsigned at = 0; at < sizeof more / sizeof *more; at++)
    if (more[at].number == number) return (char *)more[at].text;
  snprintf(unknown, sizeof unknown, "Unknown error %d", number);
  return unknown;
}

static const char *const signals[] = {
    0, "Hangup", "Interrupt", "Quit", "Illegal instruction", "Trace/breakpoint trap", "Aborted", "Bus error",
    "Floating point exception", "Killed", "User defined signal 1", "Segmentation fault", "User defined signal 2",
    "Broken pipe", "Alarm clock", "Terminated", "Stack fault", "Child exited", "Continued", "Stopped (signal)", "Stopped",
    "Stopped (tty input)", "Stopped (tty output)", "Urgent I/O condition", "CPU time limit exceeded",
    "File size limit exceeded", "Virtual timer expired", "Profiling timer expired", "Window changed", "I/O possible",
    "Power failure", "Bad system call"};

const char *strsignal(int number) {
  return number > 0 && number < (int)(sizeof signals / sizeof *signals) ? signals[number] : "Unknown signal";
}
