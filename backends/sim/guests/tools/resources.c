// What is used: free(1), uptime(1), top(1), and stress(1), which uses it.
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include "system.h"

static struct {
  unsigned long long total, free, available, buffers, cached, shared, swap_total, swap_free;
} memory;

static void read_memory(void) {
  char *text = file_text("/proc/meminfo", 0);
  if (!text) return;
  memory.total = number_behind(text, "MemTotal:"), memory.free = number_behind(text, "MemFree:");
  memory.available = number_behind(text, "MemAvailable:"), memory.buffers = number_behind(text, "Buffers:");
  memory.cached = number_behind(text, "Cached:") + number_behind(text, "SReclaimable:");
  memory.shared = number_behind(text, "Shmem:");
  memory.swap_total = number_behind(text, "SwapTotal:"), memory.swap_free = number_behind(text, "SwapFree:");
  free(text);
}

static unsigned long long unit = 1024;

static void amount(unsigned long long kib, int width) {
  char text[24];
  if (unit) snprintf(text, sizeof text, "%llu", kib * 1024 / unit);
  else {
    double size = kib * 1024.0;
    int power = 0;
    for (; size >= 1024 && power < 5; power++) size /= 1024;
    snprintf(text, sizeof text, power && size < 9.95 ? "%.1f%c%s" : "%.0f%c%s", size, "BKMGTP"[power], power ? "i" : "");
  }
  printf("%*s", width, text);
}

TOOL(free) {
  int wide = 0, total = 0, repeats = 1;
  double every = 0;
  static const struct option longs[] = {{"human", 0, 0, 'h'}, {"mebi", 0, 0, 'm'}, {"kibi", 0, 0, 'k'}, {"bytes", 0, 0, 'b'}, {"gibi", 0, 0, 'g'},
                                        {"mega", 0, 0, 1}, {"wide", 0, 0, 'w'}, {"total", 0, 0, 't'}, {"seconds", 1, 0, 's'}, {"count", 1, 0, 'c'}, {0}};
  for (int letter; (letter = getopt_long(argc, argv, "hmkbgwts:c:", longs, 0)) != -1;) switch (letter) {
      case 'h': unit = 0; break;
      case 'm': unit = 1024 * 1024; break;
      case 'k': unit = 1024; break;
      case 'b': unit = 1; break;
      case 'g': unit = 1024 * 1024 * 1024; break;
      case 1: unit = 1000000; break;
      case 'w': wide = 1; break;
      case 't': total = 1; break;
      case 's': every = atof(optarg), repeats = -1; break;
      case 'c': repeats = atoi(optarg); break;
      default: return 1;
    }
  for (; repeats; repeats -= repeats > 0) {
    read_memory();
    printf("               total        used        free      shared%s   available\n", wide ? "     buffers       cache" : "  buff/cache");
    unsigned long long used = memory.total - memory.available, cache = memory.cached + memory.buffers;
    printf("Mem:    "), amount(memory.total, 12), amount(used, 12), amount(memory.free, 12), amount(memory.shared, 12);
    if (wide) amount(memory.buffers, 12), amount(memory.cached, 12);
    else amount(cache, 12);
    amount(memory.available, 12);
    printf("\nSwap:   "), amount(memory.swap_total, 12), amount(memory.swap_total - memory.swap_free, 12), amount(memory.swap_free, 12);
    if (total) {
      printf("\nTotal:  "), amount(memory.total + memory.swap_total, 12), amount(used + memory.swap_total - memory.swap_free, 12);
      amount(memory.free + memory.swap_free, 12);
    }
    putchar('\n');
    if (repeats != 1) putchar('\n'), fflush(0), usleep((unsigned)((every ? every : 1) * 1e6));
  }
  return 0;
}

static void uptime_line(void) {
  time_t now = time(0);
  long up = (long)uptime_seconds(), minutes = up / 60 % 60, hours = up / 3600 % 24, days = up / 86400;
  char date[16], *loads = file_text("/proc/loadavg", 0);
  strftime(date, sizeof date, "%H:%M:%S", gmtime(&now));
  printf("%s up ", date);
  if (days) printf("%ld day%s, ", days, days > 1 ? "s" : "");
  if (hours) printf("%2ld:%02ld,  ", hours, minutes);
  else printf("%ld min,  ", minutes);
  char *at = loads ? loads : "0 0 0";
  double average[3];
  for (int which = 0; which < 3; which++) average[which] = strtod(at, &at);
  printf("0 users,  load average: %.2f, %.2f, %.2f\n", average[0], average[1], average[2]);
  free(loads);
}

TOOL(uptime) {
  if (argc > 1 && strcmp(argv[1], "-p") == 0) {
    long up = (long)uptime_seconds(), parts[] = {up / 86400, up / 3600 % 24, up / 60 % 60};
    static const char *const words[] = {"day", "hour", "minute"};
    printf("up");
    for (int at = 0, some = 0; at < 3; at++)
      if (parts[at] || (at == 2 && !some)) printf("%s %ld %s%s", some++ ? "," : "", parts[at], words[at], parts[at] == 1 ? "" : "s");
    return putchar('\n'), 0;
  }
  if (argc > 1) {
    time_t began = time(0) - (time_t)uptime_seconds();
    char date[32];
    strftime(date, sizeof date, "%Y-%m-%d %H:%M:%S", gmtime(&began));
    return puts(date), 0;
  }
  putchar(' ');
  uptime_line();
  return 0;
}

// What processes had used when they were looked at before.
static struct process *before;
static int before_count;
static double before_seconds;
static char order = 'P';

static unsigned long long spent(const struct process *of) {
  for (int at = 0; at < before_count; at++)
    if (before[at].pid == of->pid && before[at].start_ticks == of->start_ticks) return of->cpu_ticks - before[at].cpu_ticks;
  return of->cpu_ticks;
}

static int by_use(const void *one, const void *other) {
  const struct process *a = one, *b = other;
  unsigned long long first = order == 'M' ? a->resident_kib : spent(a), second = order == 'M' ? b->resident_kib : spent(b);
  return first != second ? (first < second ? 1 : -1) : a->pid - b->pid;
}

static void top_once(int rows, int by_screen, const char *pids) {
  int count, states[4] = {0}, shown = 0;
  struct process *all = all_processes(&count);
  double now = uptime_seconds(), passed = now - before_seconds;
  unsigned long long busy = 0;
  for (int at = 0; at < count; at++)
    busy += spent(&all[at]), states[all[at].state == 'R' ? 0 : all[at].state == 'T' ? 2 : all[at].state == 'Z' ? 3 : 1]++;
  int cpus = processors();
  double used = passed > 0 ? busy / (passed * cpus) : 0;
  if (used > 100) used = 100;
  if (by_screen) printf("\33[H\33[J");
  printf("top - "), uptime_line();
  printf("Tasks: %3d total, %3d running, %3d sleeping, %3d stopped, %3d zombie\n", count, states[0], states[1], states[2], states[3]);
  printf("%%Cpu(s): %4.1f us,  0.0 sy,  0.0 ni,%5.1f id,  0.0 wa,  0.0 hi,  0.0 si,  0.0 st \n", used, 100 - used);
  read_memory();
  unsigned long long cache = memory.cached + memory.buffers;
  printf("MiB Mem : %8.1f total, %8.1f free, %8.1f used, %8.1f buff/cache     \n", memory.total / 1024.0, memory.free / 1024.0,
         (memory.total - memory.available) / 1024.0, cache / 1024.0);
  printf("MiB Swap: %8.1f total, %8.1f free, %8.1f used. %8.1f avail Mem \n\n", memory.swap_total / 1024.0, memory.swap_free / 1024.0,
         (memory.swap_total - memory.swap_free) / 1024.0, memory.available / 1024.0);
  printf("%s    PID USER      PR  NI    VIRT    RES    SHR S  %%CPU  %%MEM     TIME+ COMMAND%s\n", by_screen ? "\33[7m" : "", by_screen ? "\33[0m" : "");
  qsort(all, count, sizeof *all, by_use);
  for (int at = 0; at < count && shown < rows; at++) {
    struct process *of = &all[at];
    char name[32], number[16];
    snprintf(number, sizeof number, ",%d,", of->pid);
    if (pids && !strstr(pids, number)) continue;
    printf("%7d %-8.8s %3d %3d %7llu %6llu %6d %c %5.1f %5.1f %3llu:%02llu.%02llu %s\n", of->pid, user_name(of->euid, name), of->priority, of->nice,
           of->virtual_bytes / 1024, of->resident_kib, 0, of->state, passed > 0 ? spent(of) / passed : 0,
           memory.total ? 100.0 * of->resident_kib / memory.total : 0, of->cpu_ticks / 6000, of->cpu_ticks / 100 % 60, of->cpu_ticks % 100, of->comm);
    shown++;
  }
  fflush(0);
  free(before);
  before = all, before_count = count, before_seconds = now;
}

TOOL(top) {
  int batch = 0, times = -1;
  double every = 3;
  char pids[128] = ",";
  for (int letter; (letter = getopt(argc, argv, "bn:d:p:o:")) != -1;)
    if (letter == '?') return 1;
    else if (letter == 'b') batch = 1;
    else if (letter == 'n') times = atoi(optarg);
    else if (letter == 'd') every = atof(optarg);
    else if (letter == 'o') order = strcmp(optarg, "%MEM") == 0 || strcmp(optarg, "RES") == 0 ? 'M' : 'P';
    else if (letter == 'p') snprintf(pids + strlen(pids), sizeof pids - strlen(pids), "%s,", optarg);
  struct termios was;
  int screen = !batch && tcgetattr(0, &was) == 0, rows = 1 << 30;
  if (!batch && !screen) return object("failed tty get"), 1;
  if (screen) {
    struct termios raw = was;
    raw.c_lflag &= ~(unsigned)(ICANON | ECHO);
    tcsetattr(0, TCSANOW, &raw);
    struct winsize size;
    rows = ioctl(0, TIOCGWINSZ, &size) == 0 && size.ws_row > 8 ? size.ws_row - 8 : 16;
  }
  int ends = 0;
  while (times-- && !ends) {
    top_once(rows, screen, pids[1] ? pids : 0);
    if (!times) break;
    if (!screen) {
      putchar('\n');
      usleep((unsigned)(every * 1e6));
      continue;
    }
    struct pollfd keys = {0, POLLIN, 0};
    char key;
    if (poll(&keys, 1, (int)(every * 1000)) > 0) {
      if (read(0, &key, 1) < 1 || key == 'q' || key == 3) ends = 1;
      else if (key == 'M' || key == 'P') order = key;
    }
  }
  if (screen) tcsetattr(0, TCSANOW, &was), putchar('\n');
  return 0;
}

static void hog_memory(unsigned long bytes, int keeps) {
  for (;;) {
    char *at = malloc(bytes);
    if (!at) {
      fprintf(stderr, "stress: FAIL: [%d] (494) hogvm malloc failed: %s\n", getpid(), strerror(errno));
      _exit(1);
    }
    for (unsigned long page = 0; page < bytes; page += 4096) at[page] = 'Z';
    if (keeps >= 0) sleep(keeps ? keeps : 1u << 30);
    for (unsigned long page = 0; page < bytes; page += 4096)
      if (at[page] != 'Z') _exit(1);
    free(at);
  }
}

TOOL(stress) {
  long long cpu = 0, vm = 0, io = 0, bytes = 256 << 20, seconds = 0;
  int quiet = 0, hangs = -1;
  static const struct option longs[] = {{"cpu", 1, 0, 'c'}, {"vm", 1, 0, 'm'}, {"io", 1, 0, 'i'}, {"vm-bytes", 1, 0, 'b'}, {"timeout", 1, 0, 't'},
                                        {"quiet", 0, 0, 'q'}, {"vm-keep", 0, 0, 'k'}, {"vm-hang", 1, 0, 'h'}, {"verbose", 0, 0, 'v'}, {0}};
  for (int letter; (letter = getopt_long(argc, argv, "c:m:i:t:qv", longs, 0)) != -1;) switch (letter) {
      case 'c': cpu = atoi(optarg); break;
      case 'm': vm = atoi(optarg); break;
      case 'i': io = atoi(optarg); break;
      case 'b': size_of(optarg, &bytes); break;
      case 't': {
        char *end;
        seconds = strtoll(optarg, &end, 10);
        seconds *= *end == 'm' ? 60 : *end == 'h' ? 3600 : *end == 'd' ? 86400 : 1;
        break;
      }
      case 'q': quiet = 1; break;
      case 'k': hangs = 0; break;
      case 'h': hangs = atoi(optarg); break;
      case '?': return 1;
    }
  int count = (int)(cpu + vm + io), status = 0;
  if (!count) {
    puts("`stress' imposes certain types of compute stress on your system\n\nUsage: stress [OPTION [ARG]] ...\n"
         " -t, --timeout N    timeout after N seconds\n -c, --cpu N        spawn N workers spinning on sqrt()\n"
         " -i, --io N         spawn N workers spinning on sync()\n -m, --vm N         spawn N workers spinning on malloc()/free()\n"
         "     --vm-bytes B   malloc B bytes per vm worker (default is 256MB)");
    return 0;
  }
  if (!quiet) printf("stress: info: [%d] dispatching hogs: %lld cpu, %lld io, %lld vm, 0 hdd\n", getpid(), cpu, io, vm);
  fflush(0);
  struct timespec began, ended;
  clock_gettime(CLOCK_MONOTONIC, &began);
  pid_t *hogs = need(malloc(count * sizeof *hogs));
  for (int at = 0; at < count; at++) {
    hogs[at] = fork();
    if (hogs[at] < 0) return fprintf(stderr, "stress: FAIL: [%d] (294) fork failed: %s\n", getpid(), strerror(errno)), 1;
    if (hogs[at]) continue;
    signal(SIGALRM, SIG_DFL);
    if (seconds) alarm((unsigned)seconds);
    if (at >= cpu + io) hog_memory((unsigned long)bytes, hangs);
    if (at >= cpu)
      for (;;) sync();
    for (volatile double number = 2;;) number = __builtin_sqrt(number) + 1;
  }
  for (int left = count; left > 0;) {
    int how;
    pid_t child = wait(&how);
    if (child < 0) break;
    left--;
    int fine = (WIFSIGNALED(how) && WTERMSIG(how) == SIGALRM) || (WIFEXITED(how) && WEXITSTATUS(how) == 0);
    if (!fine && !status) {
      if (WIFSIGNALED(how)) fprintf(stderr, "stress: FAIL: [%d] (415) <-- worker %d got signal %d\n", getpid(), child, WTERMSIG(how));
      else fprintf(stderr, "stress: FAIL: [%d] (415) <-- worker %d returned error %d\n", getpid(), child, WEXITSTATUS(how));
      fprintf(stderr, "stress: WARN: [%d] (417) now reaping child worker processes\n", getpid());
      for (int at = 0; at < count; at++)
        if (hogs[at] != child) kill(hogs[at], SIGUSR1);
    }
    status |= !fine;
  }
  clock_gettime(CLOCK_MONOTONIC, &ended);
  if (status) fprintf(stderr, "stress: FAIL: [%d] (451) failed run completed in %llds\n", getpid(), (long long)(ended.tv_sec - began.tv_sec));
  else if (!quiet) printf("stress: info: [%d] successful run completed in %llds\n", getpid(), (long long)(ended.tv_sec - began.tv_sec));
  return status;
}
