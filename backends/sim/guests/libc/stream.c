// stdio(3): streams with a buffer each.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct stream {
  int fd, mode, looked;
  // Reading: from `at` to `end` is unread. Writing: up to `at` is unwritten, and `end` is 0.
  size_t at, end;
  int writes, failed, ended;
  FILE *next;
  char buffer[BUFSIZ + 1];
};

static FILE in = {.fd = 0, .mode = _IOFBF}, out = {.fd = 1, .writes = 1, .mode = _IOFBF, .looked = 1};
static FILE err = {.fd = 2, .writes = 1, .mode = _IONBF};
FILE *stdin = &in, *stdout = &out, *stderr = &err;
static FILE *opened;

FILE *fdopen(int fd, const char *mode) {
  FILE *stream = calloc(1, sizeof *stream);
  if (!stream) return 0;
  stream->fd = fd;
  stream->writes = *mode != 'r' || strchr(mode, '+');
  stream->next = opened;
  return opened = stream;
}

FILE *fopen(const char *path, const char *mode) {
  int flags = strchr(mode, '+') ? O_RDWR : *mode == 'r' ? O_RDONLY : O_WRONLY;
  if (*mode == 'w') flags |= O_CREAT | O_TRUNC;
  if (*mode == 'a') flags |= O_CREAT | O_APPEND;
  if (strchr(mode, 'e')) flags |= O_CLOEXEC;
  int fd = open(path, flags, 0666);
  return fd < 0 ? 0 : fdopen(fd, mode);
}

// Writes all of it.
static int deliver(FILE *stream, const char *from, size_t bytes) {
  while (bytes > 0) {
    ssize_t written = write(stream->fd, from, bytes);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return stream->failed = 1, EOF;
    from += written, bytes -= written;
  }
  return 0;
}

int fflush(FILE *stream) {
  if (!stream) {
    int answer = fflush(stdout);
    for (stream = opened; stream; stream = stream->next) answer |= fflush(stream);
    return answer;
  }
  if (stream->end > 0) {
    // What was read ahead is given back, where that can be.
    lseek(stream->fd, (off_t)stream->at - (off_t)stream->end, SEEK_CUR);
    stream->at = stream->end = 0;
    return 0;
  }
  size_t bytes = stream->at;
  stream->at = 0;
  return deliver(stream, stream->buffer, bytes);
}

int fclose(FILE *stream) {
  int answer = stream->writes ? fflush(stream) : 0;
  if (close(stream->fd) < 0) answer = EOF;
  for (FILE **at = &opened; *at; at = &(*at)->next)
    if (*at == stream) {
      *at = stream->next;
      free(stream);
      break;
    }
  return answer;
}

int fileno(FILE *stream) { return stream->fd; }
int setvbuf(FILE *stream, char *buffer, int mode, size_t bytes) {
  (void)buffer, (void)bytes;
  stream->mode = mode, stream->looked = 0;
  return 0;
}
int feof(FILE *stream) { return stream->ended; }
int ferror(FILE *stream) { return stream->failed; }
void clearerr(FILE *stream) { stream->ended = stream->failed = 0; }
int fseek(FILE *stream, long offset, int whence) {
  fflush(stream);
  stream->ended = 0;
  return lseek(stream->fd, offset, whence) < 0 ? -1 : 0;
}

size_t fwrite(const void *from, size_t bytes, size_t count, FILE *stream) {
  size_t all = bytes * count;
  // To a terminal line by line, which is found out at the first write.
  if (stream->looked) stream->looked = 0, stream->mode = isatty(stream->fd) ? _IOLBF : _IOFBF;
  if (stream->end > 0) fflush(stream);
  if (stream->at + all > BUFSIZ && fflush(stream) < 0) return 0;
  if (all > BUFSIZ || stream->mode == _IONBF) return deliver(stream, from, all) < 0 ? 0 : count;
  memcpy(stream->buffer + stream->at, from, all);
  stream->at += all;
  if (stream->mode == _IOLBF && memchr(from, '\n', all) && fflush(stream) < 0) return 0;
  return count;
}

int fputc(int character, FILE *stream) {
  char byte = (char)character;
  return fwrite(&byte, 1, 1, stream) == 1 ? (unsigned char)byte : EOF;
}
int putc(int character, FILE *stream) { return fputc(character, stream); }
int putchar(int character) { return fputc(character, stdout); }
int fputs(const char *text, FILE *stream) { return fwrite(text, 1, strlen(text), stream) == strlen(text) ? 0 : EOF; }
int puts(const char *text) { return fputs(text, stdout) < 0 ? EOF : putchar('\n'); }

static int fill(FILE *stream) {
  if (stream->writes && stream->end == 0 && stream->at > 0) fflush(stream);
  ssize_t got;
  do got = read(stream->fd, stream->buffer, BUFSIZ);
  while (got < 0 && errno == EINTR);
  stream->at = 0;
  stream->end = got > 0 ? got : 0;
  if (got == 0) stream->ended = 1;
  if (got < 0) stream->failed = 1;
  return got > 0;
}

int fgetc(FILE *stream) {
  if (stream->at >= stream->end && !fill(stream)) return EOF;
  return (unsigned char)stream->buffer[stream->at++];
}
int getc(FILE *stream) { return fgetc(stream); }
int getchar(void) { return fgetc(stdin); }
int ungetc(int character, FILE *stream) {
  if (character == EOF) return EOF;
  if (stream->at == 0) {
    if (stream->end > BUFSIZ) return EOF;
    memmove(stream->buffer + 1, stream->buffer, stream->end);
    stream->at = 1, stream->end++;
  }
  stream->buffer[--stream->at] = (char)character;
  stream->ended = 0;
  return character;
}

size_t fread(void *to, size_t bytes, size_t count, FILE *stream) {
  size_t all = bytes * count, done = 0;
  while (done < all) {
    if (stream->at >= stream->end && !fill(stream)) break;
    size_t some = stream->end - stream->at;
    if (some > all - done) some = all - done;
    memcpy((char *)to + done, stream->buffer + stream->at, some);
    stream->at += some, done += some;
  }
  return bytes ? done / bytes : 0;
}

ssize_t getdelim(char **line, size_t *room, int delimiter, FILE *stream) {
  size_t length = 0;
  for (;;) {
    if (stream->at >= stream->end && !fill(stream)) break;
    char *from = stream->buffer + stream->at;
    char *found = memchr(from, delimiter, stream->end - stream->at);
    size_t some = found ? (size_t)(found - from) + 1 : stream->end - stream->at;
    if (!*line || *room < length + some + 1) {
      size_t wanted = 2 * (length + some) + 64;
      char *larger = realloc(*line, wanted);
      if (!larger) return -1;
      *line = larger, *room = wanted;
    }
    memcpy(*line + length, from, some);
    length += some, stream->at += some;
    if (found) break;
  }
  if (length == 0) return -1;
  (*line)[length] = 0;
  return length;
}
ssize_t getline(char **line, size_t *room, FILE *stream) { return getdelim(line, room, '\n', stream); }

char *fgets(char *to, int bytes, FILE *stream) {
  int length = 0;
  while (length + 1 < bytes) {
    int character = fgetc(stream);
    if (character == EOF) break;
    to[length++] = (char)character;
    if (character == '\n') break;
  }
  to[length] = 0;
  return length > 0 ? to : 0;
}

void perror(const char *text) { fprintf(stderr, "%s: %s\n", text, strerror(errno)); }
