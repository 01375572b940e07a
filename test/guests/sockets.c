// What a component of WASI does with sockets, in small parts: the first argument says which.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sockets.h"

static const char *const errors[] = {
  "unknown", "access-denied", "not-supported", "invalid-argument", "out-of-memory", "timeout", "concurrency-conflict",
  "not-in-progress", "would-block", "invalid-state", "new-socket-limit", "address-not-bindable", "address-in-use",
  "remote-unreachable", "connection-refused", "connection-reset", "connection-aborted", "datagram-too-large",
  "name-unresolvable", "temporary-resolver-failure", "permanent-resolver-failure"};
enum { would_block = 8 };

static int network;

__attribute__((export_name("cabi_realloc"))) void *cabi_realloc(void *old, size_t before, size_t align, size_t bytes) {
  (void)before, (void)align;
  return realloc(old, bytes);
}

static void say(const char *what, int failed, int code) { printf("%s: %s\n", what, failed ? errors[code] : "ok"); }
#define SAY(what, answer) say(what, (answer).failed, (answer).code)

static void must(const char *what, int failed, int code) {
  if (!failed) return;
  say(what, failed, code);
  exit(1);
}

static Address four(int port, int a, int b, int c, int d) { return (Address){0, {port, a, b, c, d}}; }
static Address loopback(int port) { return four(port, 127, 0, 0, 1); }
static Address six(int port, int last) { return (Address){1, {port, 0, 0, 0, 0, 0, 0, 0, 0, last, 0}}; }

static void wait_for(int pollable) {
  pollable_block(pollable);
  pollable_drop(pollable);
}

static void say_address(const char *what, const Answer *answer) {
  const uint8_t *at = answer->bytes;
  if (answer->failed) return say(what, 1, answer->code);
  printf("%s: ", what);
  if (at[0] == 0) printf("%d.%d.%d.%d %d\n", at[6], at[7], at[8], at[9], at[4] | at[5] << 8);
  else {
    for (int word = 0; word < 8; word++) printf("%s%x", word ? ":" : "", at[12 + 2 * word] | at[13 + 2 * word] << 8);
    printf(" %d\n", at[4] | at[5] << 8);
  }
}

static int tcp_socket(int family) {
  Answer made;
  tcp_create(family, &made);
  must("create", made.failed, made.code);
  return made.words[0];
}

static int tcp_bound(Address at) {
  Done done;
  int self = tcp_socket(at.which);
  tcp_start_bind(self, network, FLAT(at), &done);
  must("start-bind", done.failed, done.code);
  tcp_finish_bind(self, &done);
  must("finish-bind", done.failed, done.code);
  return self;
}

static int tcp_listening(Address at) {
  Done done;
  int self = tcp_bound(at);
  tcp_start_listen(self, &done);
  must("start-listen", done.failed, done.code);
  tcp_finish_listen(self, &done);
  must("finish-listen", done.failed, done.code);
  return self;
}

/** Waits for the end of an attempt; answers with the streams. */
static Answer tcp_connected(int self, Address to) {
  Done done;
  Answer answer;
  tcp_start_connect(self, network, FLAT(to), &done);
  must("start-connect", done.failed, done.code);
  int pollable = tcp_subscribe(self);
  while (tcp_finish_connect(self, &answer), answer.failed && answer.code == would_block) pollable_block(pollable);
  pollable_drop(pollable);
  must("finish-connect", answer.failed, answer.code);
  return answer;
}

static void send_back(int socket, int in, int out) {
  Answer read, written;
  while (in_blocking_read(in, 4096, &read), !read.failed)
    out_blocking_write(out, (void *)read.words[0], read.words[1], &written);
  in_drop(in), out_drop(out), tcp_drop(socket);
}

/** Takes connections one after the other, and sends back what comes. */
static void serve(Address at, int connections) {
  int self = tcp_listening(at), pollable = tcp_subscribe(self);
  Answer taken;
  puts("listening"), fflush(stdout);
  while (connections > 0) {
    pollable_block(pollable);
    tcp_accept(self, &taken);
    must("accept", taken.failed, taken.code);
    tcp_remote_address(taken.words[0], &(Answer){});
    send_back(taken.words[0], taken.words[1], taken.words[2]);
    connections--;
  }
  pollable_drop(pollable), tcp_drop(self);
}

static void ask(Address to, const char *text) {
  int self = tcp_socket(to.which);
  Answer streams = tcp_connected(self, to), answer;
  int in = streams.words[0], out = streams.words[1];
  Done done;
  out_blocking_write(out, text, strlen(text), &answer);
  tcp_shutdown(self, 1, &done);
  while (in_blocking_read(in, 4096, &answer), !answer.failed) printf("%.*s", (int)answer.words[1], (char *)answer.words[0]);
  puts(answer.bytes[0] == 1 ? "" : " failed");
  in_drop(in), out_drop(out), tcp_drop(self);
}

/** More than there is room for, at once. */
static void pour(Address to, int bytes) {
  Answer answer, streams = tcp_connected(tcp_socket(to.which), to);
  out_blocking_write(streams.words[1], malloc(bytes), bytes, &answer);
  say("blocking-write-and-flush", answer.failed, 0);
}

static int udp_bound(Address at) {
  Answer made;
  Done done;
  udp_create(at.which, &made);
  must("create", made.failed, made.code);
  udp_start_bind(made.words[0], network, FLAT(at), &done);
  must("start-bind", done.failed, done.code);
  udp_finish_bind(made.words[0], &done);
  must("finish-bind", done.failed, done.code);
  return made.words[0];
}

typedef struct {
  const void *data;
  int length;
  uint8_t has_address, case_at, numbers_at, number;
  uint8_t which, pad[3];
  uint16_t port;
  uint8_t four[26];
} Outgoing;
_Static_assert(sizeof(Outgoing) == 44, "outgoing-datagram");

/** @param to - 0: whom the socket is connected to */
static Wide send_one(int out, const void *data, int length, const Address *to) {
  Outgoing one = {.data = data, .length = length};
  if (to) {
    one.has_address = 1, one.which = to->which, one.port = to->n[0];
    if (to->which == 0)
      for (int at = 0; at < 4; at++) one.four[at] = to->n[1 + at];
    else one.four[2 + 4 + 14] = 0, ((uint16_t *)(one.four + 6))[7] = to->n[9];
  }
  Wide sent;
  udp_check_send(out, &sent);
  must("check-send", sent.failed, sent.code);
  udp_send(out, &one, 1, &sent);
  return sent;
}

/** Waits for a datagram; answers its record in memory. */
static uint32_t *receive_one(int in) {
  Answer got;
  udp_receive(in, 1, &got);
  while (!got.failed && got.words[1] == 0) wait_for(udp_subscribe(in)), udp_receive(in, 1, &got);
  must("receive", got.failed, got.code);
  return (uint32_t *)got.words[0];
}

static void udp_serve(Address at) {
  int self = udp_bound(at);
  Answer streams;
  udp_stream(self, 0, FLAT(((Address){})), &streams);
  must("stream", streams.failed, streams.code);
  puts("bound"), fflush(stdout);
  uint32_t *got = receive_one(streams.words[0]);
  const uint8_t *from = (uint8_t *)(got + 2);
  Address to = four(from[4] | from[5] << 8, from[6], from[7], from[8], from[9]);
  if (from[0] == 1) to = six(to.n[0], from[26] | from[27] << 8);
  Wide sent = send_one(streams.words[1], (void *)got[0], got[1], &to);
  printf("sent %llu\n", sent.wide);
}

static void udp_ask(Address to, const char *text) {
  int self = udp_bound(to.which ? six(0, 0) : four(0, 0, 0, 0, 0));
  Answer streams, answer;
  udp_stream(self, 1, FLAT(to), &streams);
  must("stream", streams.failed, streams.code);
  send_one(streams.words[1], text, strlen(text), 0);
  uint32_t *got = receive_one(streams.words[0]);
  printf("%.*s\n", (int)got[1], (char *)got[0]);
  udp_remote_address(self, &answer);
  say_address("remote", &answer);
}

static void resolve(const char *name) {
  Answer stream;
  uint8_t next[24];
  printf("%s:", name);
  resolve_addresses(network, name, strlen(name), &stream);
  if (stream.failed) return (void)printf(" %s\n", errors[stream.code]);
  for (;;) {
    resolve_next(stream.words[0], next);
    if (next[0] == 1) return (void)printf(" %s\n", errors[next[2]]);
    if (next[2] == 0) return (void)puts("");
    if (next[4] == 0) printf(" %d.%d.%d.%d", next[6], next[7], next[8], next[9]);
    else
      for (int word = 0; word < 8; word++) printf("%c%x", word ? ':' : ' ', next[6 + 2 * word] | next[7 + 2 * word] << 8);
  }
}

#include "sockets-states.h"

int main(int argc, char **argv) {
  const char *what = argc > 1 ? argv[1] : "";
  int number = argc > 2 ? atoi(argv[2]) : 0;
  const char *family = argc > 3 ? argv[3] : "4";
  Address to = strcmp(family, "6") == 0 ? six(number, 1) : loopback(number);
  if (strcmp(family, "any") == 0) to = four(number, 0, 0, 0, 0);
  network = instance_network();
  if (strcmp(what, "serve") == 0) serve(to, argc > 4 ? atoi(argv[4]) : 1);
  else if (strcmp(what, "ask") == 0) ask(to, argc > 4 ? argv[4] : "hello");
  else if (strcmp(what, "pour") == 0) pour(to, argc > 4 ? atoi(argv[4]) : 0);
  else if (strcmp(what, "udp-serve") == 0) udp_serve(to);
  else if (strcmp(what, "udp-ask") == 0) udp_ask(to, argc > 4 ? argv[4] : "hello");
  else if (strcmp(what, "resolve") == 0)
    for (int at = 2; at < argc; at++) resolve(argv[at]);
  else return states(what);
  return 0;
}
