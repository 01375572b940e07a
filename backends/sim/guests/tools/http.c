// HTTP: curl(1), and httpd, which serves the files of a directory.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "net.h"
#include "system.h"

static int silent, shows_errors, seconds_most;

static int curl_failed(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));
static int curl_failed(int status, const char *format, ...) {
  va_list given;
  va_start(given, format);
  char text[512];
  vsnprintf(text, sizeof text, format, given);
  va_end(given);
  if (!silent || shows_errors) fprintf(stderr, "curl: (%d) %s\n", status, text);
  return status;
}

static void too_late(int number) {
  (void)number;
  fflush(stdout);
  curl_failed(28, "Operation timed out after %d milliseconds with 0 bytes received", seconds_most * 1000);
  _exit(28);
}

TOOL(curl) {
  const char *method = 0, *output = 0, *data = 0, *format = 0, *agent = "curl/7.88.1";
  int by_name = 0, with_head = 0, only_head = 0, fails = 0, says = 0, follows = 0;
  char *headers = need(strdup(""));
  static const struct option longs[] = {
      {"silent", 0, 0, 's'}, {"show-error", 0, 0, 'S'}, {"output", 1, 0, 'o'}, {"include", 0, 0, 'i'}, {"head", 0, 0, 'I'}, {"request", 1, 0, 'X'},
      {"data", 1, 0, 'd'}, {"header", 1, 0, 'H'}, {"write-out", 1, 0, 'w'}, {"fail", 0, 0, 'f'}, {"max-time", 1, 0, 'm'}, {"verbose", 0, 0, 'v'},
      {"location", 0, 0, 'L'}, {"connect-timeout", 1, 0, 1}, {"user-agent", 1, 0, 'A'}, {0}};
  for (int letter; (letter = getopt_long(argc, argv, "sSo:OiIX:d:H:w:fm:vLA:4", longs, 0)) != -1;) switch (letter) {
      case 's': silent = 1; break;
      case 'S': shows_errors = 1; break;
      case 'o': output = optarg; break;
      case 'O': by_name = 1; break;
      case 'i': with_head = 1; break;
      case 'I': only_head = 1; break;
      case 'X': method = optarg; break;
      case 'd': data = optarg; break;
      case 'H': asprintf(&headers, "%s%s\r\n", headers, optarg); break;
      case 'w': format = optarg; break;
      case 'f': fails = 1; break;
      case 'm': case 1: seconds_most = atoi(optarg); break;
      case 'v': says = 1; break;
      case 'L': follows = 1; break;
      case 'A': agent = optarg; break;
      case '?': fputs("curl: try 'curl --help' or 'curl --manual' for more information\n", stderr); return 2;
    }
  (void)follows;
  const char *url = argv[optind];
  if (!url) return fputs("curl: try 'curl --help' or 'curl --manual' for more information\n", stderr), 2;
  char *protocol = strstr(url, "://"), host[256];
  if (protocol && strncmp(url, "http://", 7))
    return curl_failed(1, "Protocol \"%.*s\" not supported or disabled in libcurl", (int)(protocol - url), url);
  if (protocol) url = protocol + 3;
  size_t length = strcspn(url, ":/");
  snprintf(host, sizeof host, "%.*s", (int)length, url);
  const char *path = strchr(url, '/');
  int port = url[length] == ':' ? atoi(url + length + 1) : 80;
  if (!path) path = "/";
  if (data && strcmp(data, "@-") == 0) {
    size_t bytes;
    data = file_text("/dev/stdin", &bytes);
  } else if (data && *data == '@') {
    const char *file = data + 1;
    if (!(data = file_text(file, 0))) return curl_failed(26, "Failed to open/read local data from file/application");
  }
  if (seconds_most) signal(SIGALRM, too_late), alarm((unsigned)seconds_most);
  int fd = connect_to(host, port, SOCK_STREAM);
  if (fd == -2) return curl_failed(6, "Could not resolve host: %s", host);
  if (fd < 0) {
    if (format && strstr(format, "http_code")) fputs("000", stdout);
    return curl_failed(7, "Failed to connect to %s port %d after 0 ms: Couldn't connect to server", host, port);
  }
  char *request, named[300];
  snprintf(named, sizeof named, port == 80 ? "%s" : "%s:%d", host, port);
  if (!method) method = only_head ? "HEAD" : data ? "POST" : "GET";
  asprintf(&request, "%s %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: %s\r\nAccept: */*\r\n%s", method, path, named, agent, headers);
  if (data && !strstr(headers, "Content-Type")) asprintf(&request, "%sContent-Type: application/x-www-form-urlencoded\r\n", request);
  if (data) asprintf(&request, "%sContent-Length: %u\r\n", request, (unsigned)strlen(data));
  asprintf(&request, "%sConnection: close\r\n\r\n%s", request, data ? data : "");
  if (says) fprintf(stderr, "* Connected to %s port %d (#0)\n> %s %s HTTP/1.1\n> Host: %s\n> \n", host, port, method, path, named);
  if (write_all(fd, request, strlen(request)) < 0) return curl_failed(55, "Send failure: %s", strerror(errno));
  size_t have = 0, room = 8192;
  char *answer = need(malloc(room + 1)), *body = 0;
  for (ssize_t got; (got = read(fd, answer + have, room - have)) != 0;) {
    if (got < 0) return curl_failed(56, "Recv failure: %s", strerror(errno));
    answer[have += got] = 0;
    if (!body && (body = strstr(answer, "\r\n\r\n"))) body += 4;
    char *size = body ? strstr(answer, "Content-Length: ") : 0;
    if (only_head && body) break;
    if (size && size < body && (size_t)(answer + have - body) >= strtoul(size + 16, 0, 10)) break;
    if (room - have < 4096) {
      size_t at = body - answer;
      answer = need(realloc(answer, (room *= 2) + 1));
      if (body) body = answer + at;
    }
  }
  if (have == 0) return curl_failed(52, "Empty reply from server");
  if (!body) body = answer;
  int code = strncmp(answer, "HTTP/", 5) == 0 ? atoi(answer + 9) : 0;
  if (says) fprintf(stderr, "< %.*s\n", (int)strcspn(answer, "\r\n"), answer);
  if (by_name) output = strrchr(path, '/') + 1;
  if (by_name && !*output) return curl_failed(23, "Remote file name has no length!");
  int to = output && strcmp(output, "-") ? open(output, O_WRONLY | O_CREAT | O_TRUNC, 0644) : 1;
  if (to < 0) return curl_failed(23, "Failure writing output to destination");
  int failed = fails && code >= 400;
  if (with_head || only_head) write_all(to, answer, body - answer);
  if (!failed && !only_head) write_all(to, body, have - (body - answer));
  for (const char *at = format; at && *at; at++) {
    if (strncmp(at, "%{http_code}", 12) == 0 || strncmp(at, "%{response_code}", 16) == 0) printf("%03d", code), at = strchr(at, '}');
    else if (strncmp(at, "%{size_download}", 16) == 0) printf("%u", (unsigned)(have - (body - answer))), at = strchr(at, '}');
    else if (*at == '\\' && at[1] == 'n') putchar('\n'), at++;
    else putchar(*at);
  }
  fflush(stdout);
  return failed ? curl_failed(22, "The requested URL returned error: %d", code) : 0;
}

static const char *type_of(const char *path) {
  static const char *const types[] = {".html", "text/html", ".txt", "text/plain", ".css", "text/css", ".js", "text/javascript", ".json", "application/json", ".png", "image/png", ".svg", "image/svg+xml"};
  const char *dot = strrchr(path, '.');
  for (unsigned at = 0; dot && at < sizeof types / sizeof *types; at += 2)
    if (strcmp(dot, types[at]) == 0) return types[at + 1];
  return "application/octet-stream";
}

// A directory as a page of links.
static char *page_of(const char *path, const char *shown) {
  int count;
  char **names = names_in(path, &count), *page;
  asprintf(&page, "<html><head><title>Index of %s</title></head><body><h1>Index of %s</h1><ul>\n", shown, shown);
  for (int at = 0; at < count; at++) asprintf(&page, "%s<li><a href=\"%s\">%s</a></li>\n", page, names[at], names[at]);
  asprintf(&page, "%s</ul></body></html>\n", page);
  free_names(names, count);
  return page;
}

static void serve(int fd, const char *from) {
  char request[4096], method[16] = "", path[1024] = "", version[16] = "";
  size_t have = 0;
  while (have < sizeof request - 1) {
    ssize_t got = read(fd, request + have, sizeof request - 1 - have);
    if (got <= 0) return;
    request[have += got] = 0;
    if (strstr(request, "\r\n\r\n") || strstr(request, "\n\n")) break;
  }
  char *rest = request, line[1100];
  snprintf(line, sizeof line, "%.*s", (int)strcspn(request, "\r\n"), request);
  request[strcspn(request, "\r\n")] = 0;
  char *word = strtok_r(rest, " ", &rest);
  snprintf(method, sizeof method, "%s", word ? word : "");
  word = strtok_r(rest, " ", &rest);
  snprintf(path, sizeof path, "%s", word ? word : "");
  snprintf(version, sizeof version, "%s", rest ? rest : "");
  path[strcspn(path, "?")] = 0;
  int code = 200, file = -1, only_head = strcmp(method, "HEAD") == 0;
  char *body = 0, whole[1100];
  const char *type = "text/html";
  struct stat found = {.st_size = 0};
  snprintf(whole, sizeof whole, ".%s", path);
  if (*path != '/' || strncmp(version, "HTTP/", 5)) code = 400;
  else if (strcmp(method, "GET") && !only_head) code = 405;
  else if (strstr(path, "/../")) code = 403;
  else if (stat(whole, &found) < 0) code = errno == EACCES ? 403 : 404;
  else if (S_ISDIR(found.st_mode)) {
    char index[1200];
    snprintf(index, sizeof index, "%s/index.html", whole);
    if ((file = open(index, O_RDONLY)) >= 0) fstat(file, &found);
    else body = page_of(whole, path);
  } else if ((file = open(whole, O_RDONLY)) < 0) code = 403;
  else type = type_of(whole);
  // What proc has in it shows only when it is read.
  if (file >= 0 && S_ISREG(found.st_mode) && found.st_size == 0) body = file_text(whole, 0);
  const char *reason = code == 200 ? "OK" : code == 400 ? "Bad Request" : code == 403 ? "Forbidden" : code == 404 ? "Not Found" : "Method Not Allowed";
  if (code != 200) asprintf(&body, "<html><head><title>%d %s</title></head><body><h1>%s</h1></body></html>\n", code, reason, reason);
  long long bytes = body ? (long long)strlen(body) : found.st_size;
  time_t now = time(0);
  char date[40], head[512];
  strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime(&now));
  snprintf(head, sizeof head, "HTTP/1.1 %d %s\r\nDate: %s\r\nServer: httpd\r\nContent-Length: %lld\r\nConnection: close\r\nContent-Type: %s\r\n\r\n", code, reason, date, bytes, type);
  write_all(fd, head, strlen(head));
  if (!only_head && body) write_all(fd, body, strlen(body));
  else if (!only_head && file >= 0) copy_bytes(file, fd);
  strftime(date, sizeof date, "%d/%b/%Y:%H:%M:%S +0000", gmtime(&now));
  printf("%s - - [%s] \"%s\" %d %lld\n", from, date, line, code, bytes);
  fflush(stdout);
}

// As process 1 of a container it gets no signal that it does not handle.
static void leave(int number) {
  (void)number;
  _exit(0);
}

TOOL(httpd) {
  int port = 80;
  const char *directory = ".";
  for (int letter; (letter = getopt(argc, argv, "fp:h:v")) != -1;)
    if (letter == '?') return 1;
    else if (letter == 'p') port = atoi(strrchr(optarg, ':') ? strrchr(optarg, ':') + 1 : optarg);
    else if (letter == 'h') directory = optarg;
  if (chdir(directory) < 0) return complain("can't change directory to '%s'", directory);
  int listener = listen_at(0, port, SOCK_STREAM);
  if (listener < 0) return complain("can't listen at port %d", port);
  signal(SIGCHLD, SIG_IGN), signal(SIGPIPE, SIG_IGN), signal(SIGINT, leave), signal(SIGTERM, leave);
  for (;;) {
    struct sockaddr_in from = {0};
    socklen_t bytes = sizeof from;
    int fd = accept(listener, &from, &bytes);
    if (fd < 0 && errno == EINTR) continue;
    if (fd < 0) return complain("accept");
    char text[48];
    address_text((unsigned char *)&from.sin_addr, 4, text);
    // Without room for another process it serves this one itself.
    pid_t child = fork();
    if (child <= 0) serve(fd, text);
    if (child == 0) _exit(0);
    close(fd);
  }
}
