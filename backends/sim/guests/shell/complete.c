// What a word of a line may become: commands where one is expected, files elsewhere.
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "shell.h"

static void files(const char *directory, const char *begin, int programs, struct fields *to) {
  DIR *open = opendir(*directory ? directory : ".");
  for (struct dirent *entry; open && (entry = readdir(open));) {
    const char *name = entry->d_name;
    if (strncmp(name, begin, strlen(begin)) || (*name == '.' && *begin != '.')) continue;
    struct text path = {.arena = &scratch};
    add_text(&path, directory);
    if (programs) add(&path, '/');
    add_text(&path, name);
    struct stat about;
    int folder = stat(ended(&path), &about) == 0 && S_ISDIR(about.st_mode);
    if (programs && (folder || access(path.start, 1) < 0)) continue;
    struct text shown = {.arena = &scratch};
    add_text(&shown, name);
    if (folder) add(&shown, '/');
    add_field(to, ended(&shown));
  }
  if (open) closedir(open);
}

static void commands(const char *begin, struct fields *to) {
  const struct builtin *builtin;
  for (int one = 0; (builtin = builtin_at(one)); one++)
    if (strncmp(builtin->name, begin, strlen(begin)) == 0) add_field(to, (char *)builtin->name);
  for (const char *path = get("PATH"); path && *path;) {
    size_t length = strcspn(path, ":");
    files(take_text(&scratch, path, length), begin, 1, to);
    path += length + (path[length] != 0);
  }
}

// `more`: what is certain; `found`: all, in order, each once.
void complete(const char *line, int at, struct text *more, struct fields *found) {
  int start = at;
  while (start > 0 && !strchr(" \t;|&(<>=`", line[start - 1])) start--;
  int first = start;
  while (first > 0 && strchr(" \t", line[first - 1])) first--;
  char *word = take_text(&scratch, line + start, at - start), *slash = strrchr(word, '/');
  const char *begin = slash ? slash + 1 : word;
  if (slash) files(take_text(&scratch, word, slash + 1 - word), begin, 0, found);
  else if (first == 0 || strchr(";|&(`", line[first - 1])) commands(word, found);
  else files("", word, 0, found);
  if (!found->count) return;
  qsort(found->list, found->count, sizeof *found->list, compare_texts);
  int kept = 1;
  for (int one = 1; one < found->count; one++)
    if (strcmp(found->list[one], found->list[kept - 1])) found->list[kept++] = found->list[one];
  found->count = kept;
  // The list is in order: what the first and the last share, all share.
  const char *one = found->list[0], *other = found->list[kept - 1];
  size_t length = strlen(begin);
  for (; one[length] && one[length] == other[length]; length++) add(more, one[length]);
  if (kept == 1 && one[strlen(one) - 1] != '/') add(more, ' ');
}
