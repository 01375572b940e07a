// sha256sum
#include <errno.h>
#include <getopt.h>
#include <stdint.h>
#include <string.h>
#include "shared.h"

// The first 32 bits of the fraction of a square or cube root: a double has room for more.
static uint32_t root_bits(unsigned prime, int degree) {
  double root = prime;
  for (int turn = 0; turn < 60; turn++) root -= (degree == 2 ? root * root - prime : root * root * root - prime) / (degree == 2 ? 2 * root : 3 * root * root);
  return (uint32_t)(unsigned long long)(root * 4294967296.0);
}

static uint32_t round_constants[64], first_state[8];
static uint32_t turn(uint32_t word, int by) { return word >> by | word << (32 - by); }

static void sha_block(uint32_t *state, const unsigned char *block) {
  uint32_t words[64], s[8];
  for (int at = 0; at < 16; at++) words[at] = (uint32_t)block[4 * at] << 24 | block[4 * at + 1] << 16 | block[4 * at + 2] << 8 | block[4 * at + 3];
  for (int at = 16; at < 64; at++) {
    uint32_t a = words[at - 15], b = words[at - 2];
    words[at] = words[at - 16] + (turn(a, 7) ^ turn(a, 18) ^ a >> 3) + words[at - 7] + (turn(b, 17) ^ turn(b, 19) ^ b >> 10);
  }
  memcpy(s, state, sizeof s);
  for (int at = 0; at < 64; at++) {
    uint32_t one = s[7] + (turn(s[4], 6) ^ turn(s[4], 11) ^ turn(s[4], 25)) + ((s[4] & s[5]) ^ (~s[4] & s[6])) + round_constants[at] + words[at];
    uint32_t two = (turn(s[0], 2) ^ turn(s[0], 13) ^ turn(s[0], 22)) + ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
    memmove(s + 1, s, 7 * sizeof *s);
    s[4] += one, s[0] = one + two;
  }
  for (int at = 0; at < 8; at++) state[at] += s[at];
}

static void sha256(FILE *stream, char *to) {
  for (int prime = 2, count = 0; count < 64 && !round_constants[63]; prime++) {
    int divisor = 2;
    while (prime % divisor) divisor++;
    if (divisor < prime) continue;
    if (count < 8) first_state[count] = root_bits(prime, 2);
    round_constants[count++] = root_bits(prime, 3);
  }
  uint32_t state[8];
  unsigned char block[64];
  unsigned long long bytes = 0;
  memcpy(state, first_state, sizeof state);
  for (;;) {
    size_t got = fread(block, 1, 64, stream);
    bytes += got;
    if (got == 64) {
      sha_block(state, block);
      continue;
    }
    block[got++] = 0x80;
    if (got > 56) memset(block + got, 0, 64 - got), sha_block(state, block), got = 0;
    memset(block + got, 0, 64 - got);
    for (int at = 0; at < 8; at++) block[63 - at] = (unsigned char)(bytes * 8 >> (8 * at));
    sha_block(state, block);
    break;
  }
  for (int at = 0; at < 8; at++) snprintf(to + 8 * at, 9, "%08x", state[at]);
}

static int check_sums(FILE *list, int quiet, int silent) {
  char *line = 0, sum[72];
  size_t room = 0;
  int bad = 0, unread = 0, malformed = 0, any = 0;
  for (ssize_t length; (length = getline(&line, &room, list)) >= 0;) {
    line[strcspn(line, "\n")] = 0;
    if (strspn(line, "0123456789abcdefABCDEF") != 64 || line[64] != ' ') {
      malformed += *line != 0;
      continue;
    }
    char *name = line + 66;
    FILE *stream = open_input(name);
    any = 1;
    if (!stream) {
      printf("%s: FAILED open or read\n", name), unread++;
      continue;
    }
    sha256(stream, sum);
    close_input(stream);
    int same = strncasecmp(sum, line, 64) == 0;
    bad += !same;
    if (!silent && !(quiet && same)) printf("%s: %s\n", name, same ? "OK" : "FAILED");
  }
  if (!any) return 2;
  if (malformed) object("WARNING: %d line%s improperly formatted", malformed, malformed > 1 ? "s are" : " is");
  if (unread && !silent) object("WARNING: %d listed file%s could not be read", unread, unread > 1 ? "s" : "");
  if (bad && !silent) object("WARNING: %d computed checksum%s did NOT match", bad, bad > 1 ? "s" : "");
  return bad || unread;
}

TOOL(sha256sum) {
  int checks = 0, quiet = 0, silent = 0, status = 0;
  char sum[72], *standard[] = {"-", 0};
  static const struct option longs[] = {{"check", 0, 0, 'c'}, {"quiet", 0, 0, 'q'}, {"status", 0, 0, 's'}, {0, 0, 0, 0}};
  for (int letter; (letter = getopt_long(argc, argv, "cbt", longs, 0)) != -1;) {
    if (letter == '?') return 1;
    if (letter == 'c') checks = 1;
    if (letter == 'q') quiet = 1;
    if (letter == 's') silent = 1;
  }
  for (char **name = optind < argc ? argv + optind : standard; *name; name++) {
    struct stat about;
    FILE *stream = open_input(*name);
    if (stream && fstat(fileno(stream), &about) == 0 && S_ISDIR(about.st_mode)) {
      errno = EISDIR, status = complain("%s", *name), close_input(stream);
      continue;
    }
    if (!stream) {
      status = 1;
      continue;
    }
    if (checks) {
      int answer = check_sums(stream, quiet, silent);
      if (answer == 2) object("%s: no properly formatted checksum lines found", strcmp(*name, "-") ? *name : "'standard input'");
      status |= answer != 0;
    } else sha256(stream, sum), printf("%s  %s\n", sum, *name);
    close_input(stream);
  }
  return status;
}
