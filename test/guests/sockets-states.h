// Of sockets.c: what is answered when calls come in the wrong order, or cannot be done.
#pragma once

static void tcp_states(void) {
  int self = tcp_socket(0), other = tcp_socket(0), third = tcp_socket(0);
  Done done;
  Answer answer;
  tcp_local_address(self, &answer), say_address("local of an unbound one", &answer);
  tcp_remote_address(self, &answer), say_address("remote of an unbound one", &answer);
  tcp_finish_bind(self, &done), SAY("finish-bind of none", done);
  tcp_finish_connect(self, &answer), SAY("finish-connect of none", answer);
  tcp_start_listen(self, &done), SAY("start-listen of an unbound one", done);
  tcp_finish_listen(self, &done), SAY("finish-listen of none", done);
  tcp_accept(self, &answer), SAY("accept of an unbound one", answer);
  tcp_shutdown(self, 2, &done), SAY("shutdown of an unbound one", done);
  tcp_start_bind(self, network, FLAT(six(80, 1)), &done), SAY("an address of IPv6", done);
  tcp_start_bind(self, network, FLAT(four(80, 224, 0, 0, 1)), &done), SAY("an address of many", done);
  tcp_start_bind(self, network, FLAT(four(80, 192, 0, 2, 1)), &done), SAY("an address of nobody", done);
  tcp_start_bind(self, network, FLAT(loopback(4000)), &done), SAY("start-bind", done);
  tcp_start_bind(self, network, FLAT(loopback(4001)), &done), SAY("start-bind before finish-bind", done);
  tcp_finish_bind(self, &done), SAY("finish-bind", done);
  tcp_finish_bind(self, &done), SAY("finish-bind again", done);
  tcp_start_bind(self, network, FLAT(loopback(4001)), &done), SAY("start-bind again", done);
  tcp_start_listen(self, &done), SAY("start-listen", done);
  tcp_finish_listen(self, &done), SAY("finish-listen", done);
  printf("listens: %d %d\n", tcp_is_listening(self), tcp_is_listening(other));
  tcp_accept(self, &answer), SAY("accept of nobody", answer);
  tcp_start_connect(self, network, FLAT(loopback(4000)), &done), SAY("connect of one that listens", done);
  tcp_start_bind(other, network, FLAT(loopback(4000)), &done), SAY("a port of another", done);
  tcp_start_connect(other, network, FLAT(loopback(0)), &done), SAY("connect to no port", done);
  tcp_start_connect(other, network, FLAT(loopback(4000)), &done), SAY("connect of a closed one", done);
  tcp_start_connect(third, network, FLAT(loopback(4000)), &done), SAY("connect", done);
  tcp_finish_connect(third, &answer), SAY("finish-connect", answer);
  tcp_start_connect(third, network, FLAT(loopback(4000)), &done), SAY("connect again", done);
  tcp_remote_address(third, &answer), say_address("remote", &answer);
  tcp_accept(self, &answer), SAY("accept", answer);
  tcp_local_address(answer.words[0], &answer), say_address("local of the accepted one", &answer);
}

static void tcp_refused(void) {
  int self = tcp_socket(0);
  Done done;
  Answer answer;
  tcp_start_connect(self, network, FLAT(loopback(4999)), &done), SAY("start-connect", done);
  wait_for(tcp_subscribe(self));
  tcp_finish_connect(self, &answer), SAY("finish-connect", answer);
  tcp_finish_connect(self, &answer), SAY("finish-connect again", answer);
  self = tcp_socket(0);
  tcp_start_connect(self, network, FLAT(four(80, 192, 0, 2, 1)), &done), SAY("to a network without a way", done);
}

/** Three that want a connection which only two can have: the third waits. */
static void tcp_waits(void) {
  Done done;
  Answer answer;
  int self = tcp_bound(loopback(4000)), all[3];
  tcp_set_backlog(self, 0, &done), SAY("no backlog", done);
  tcp_set_backlog(self, 1, &done), SAY("a backlog of 1", done);
  tcp_start_listen(self, &done), tcp_finish_listen(self, &done);
  for (int at = 0; at < 3; at++) {
    all[at] = tcp_socket(0);
    tcp_start_connect(all[at], network, FLAT(loopback(4000)), &done);
    tcp_finish_connect(all[at], &answer), SAY("finish-connect", answer);
  }
  int pollable = tcp_subscribe(all[2]);
  printf("ready: %d\n", pollable_ready(pollable));
  tcp_start_connect(all[2], network, FLAT(loopback(4000)), &done), SAY("connect meanwhile", done);
  pollable_block(pollable);
  tcp_finish_connect(all[2], &answer), SAY("when nobody has answered", answer);
}

static void tcp_options(void) {
  int self = tcp_bound(loopback(4000));
  Done done;
  Wide wide;
  Answer answer;
  tcp_keep_alive(self, &done), printf("keep-alive: %d\n", done.code);
  tcp_set_keep_alive(self, 1, &done), SAY("set", done);
  tcp_keep_alive(self, &done), printf("keep-alive: %d\n", done.code);
  tcp_idle_time(self, &wide), printf("idle-time: %llu\n", wide.wide);
  tcp_set_idle_time(self, 0, &done), SAY("set to 0", done);
  tcp_set_idle_time(self, 1, &done), SAY("set to 1", done);
  tcp_idle_time(self, &wide), printf("idle-time: %llu\n", wide.wide);
  tcp_set_idle_time(self, -1, &done), tcp_idle_time(self, &wide), printf("at most: %llu\n", wide.wide);
  tcp_interval(self, &wide), printf("interval: %llu\n", wide.wide);
  tcp_count(self, &answer), printf("count: %u\n", answer.words[0]);
  tcp_set_count(self, 5, &done), tcp_count(self, &answer), printf("count: %u\n", answer.words[0]);
  tcp_hop_limit(self, &done), printf("hop-limit: %d\n", done.code);
  tcp_set_hop_limit(self, 0, &done), SAY("set to 0", done);
  tcp_set_hop_limit(self, 42, &done), tcp_hop_limit(self, &done), printf("hop-limit: %d\n", done.code);
  tcp_set_receive_buffer(self, 65536, &done), tcp_receive_buffer(self, &wide), printf("buffer: %llu\n", wide.wide);
  tcp_start_listen(self, &done), tcp_finish_listen(self, &done);
  tcp_connected(tcp_socket(0), loopback(4000));
  tcp_accept(self, &answer);
  int own = answer.words[0];
  tcp_hop_limit(own, &done), printf("of the accepted one: %d", done.code);
  tcp_count(own, &answer), tcp_receive_buffer(own, &wide), printf(" %u %llu\n", answer.words[0], wide.wide);
  printf("family: %d %d\n", tcp_address_family(own), tcp_address_family(tcp_socket(1)));
}

/** One process has both ends: more than there is room for is written before any of it is read. */
static void tcp_pours(void) {
  static char bytes[60000];
  Answer answer;
  Wide room;
  Done done;
  int self = tcp_listening(loopback(4000)), client = tcp_socket(0);
  Answer streams = tcp_connected(client, loopback(4000));
  tcp_accept(self, &answer);
  int in = answer.words[1], out = streams.words[1];
  unsigned long long written = 0, read = 0;
  for (;;) {
    out_check_write(out, &room);
    if (room.failed || room.wide < sizeof bytes) break;
    out_write(out, bytes, sizeof bytes, &answer);
    written += sizeof bytes;
  }
  printf("then: %llu, ready: %d\n", room.wide, pollable_ready(out_subscribe(out)));
  while (read < 100000) in_blocking_read(in, 60000, &answer), read += answer.words[1];
  out_check_write(out, &room), printf("later: %llu\n", room.wide);
  while (read < written) in_read(in, 60000, &answer), read += answer.words[1];
  in_read(in, 10, &answer), printf("nothing: %d %u\n", answer.failed, answer.words[1]);
  out_drop(out);
  in_blocking_read(in, 10, &answer), printf("closed: %d %d\n", answer.failed, answer.bytes[0]);
  printf("all: %d\n", read == written);
  tcp_shutdown(client, 0, &done), SAY("receive no more", done);
  in_read(streams.words[0], 10, &answer), printf("closed: %d %d\n", answer.failed, answer.bytes[0]);
}

/** Writes again although there was no room. */
static void tcp_floods(void) {
  static char bytes[60000];
  Answer answer;
  tcp_listening(loopback(4000));
  int out = tcp_connected(tcp_socket(0), loopback(4000)).words[1];
  for (;;) out_write(out, bytes, sizeof bytes, &answer);
}

/** The other end closes with something unread: the connection is reset. */
static void tcp_reset(void) {
  Answer taken, answer;
  uint32_t text[2];
  int self = tcp_listening(loopback(4000)), client = tcp_socket(0);
  Answer streams = tcp_connected(client, loopback(4000));
  tcp_accept(self, &taken);
  out_blocking_write(streams.words[1], "unread", 6, &answer);
  in_drop(taken.words[1]), out_drop(taken.words[2]), tcp_drop(taken.words[0]);
  in_blocking_read(streams.words[0], 10, &answer);
  printf("failed: %d %d\n", answer.failed, answer.bytes[0]);
  error_text(answer.words[1], text), printf("%.*s\n", (int)text[1], (char *)text[0]);
  out_blocking_write(streams.words[1], "more", 4, &answer);
  printf("closed: %d %d\n", answer.failed, answer.bytes[0]);
}

static void udp_states(void) {
  Answer answer;
  Wide sent;
  Done done;
  Address mine = loopback(4000), nobody = loopback(0), other = loopback(4002);
  udp_create(0, &answer);
  int self = answer.words[0];
  udp_stream(self, 0, FLAT(nobody), &answer), SAY("stream of an unbound one", answer);
  udp_finish_bind(self, &done), SAY("finish-bind of none", done);
  udp_start_bind(self, network, FLAT(mine), &done), SAY("start-bind", done);
  udp_finish_bind(self, &done), SAY("finish-bind", done);
  udp_local_address(self, &answer), say_address("local", &answer);
  udp_remote_address(self, &answer), say_address("remote of none", &answer);
  int second = (udp_create(0, &answer), answer.words[0]);
  udp_start_bind(second, network, FLAT(mine), &done), SAY("a port of another", done);
  udp_stream(self, 1, FLAT(nobody), &answer), SAY("stream to no port", answer);
  udp_stream(self, 0, FLAT(nobody), &answer), SAY("stream", answer);
  int in = answer.words[0], out = answer.words[1];
  udp_receive(in, 1, &answer), printf("nothing: %d %u\n", answer.failed, answer.words[1]);
  sent = send_one(out, "x", 1, 0), SAY("to nobody", sent);
  sent = send_one(out, "x", 1, &nobody), SAY("to no port", sent);
  static char much[65536];
  sent = send_one(out, much, sizeof much, &mine), SAY("too much", sent);
  sent = send_one(out, "x", 1, &mine), SAY("to itself", sent);
  udp_in_drop(in), udp_out_drop(out);
  udp_stream(self, 1, FLAT(other), &answer), SAY("stream to one", answer);
  in = answer.words[0], out = answer.words[1];
  udp_receive(in, 1, &answer), printf("of others: %d %u\n", answer.failed, answer.words[1]);
  sent = send_one(out, "x", 1, &mine), SAY("to another", sent);
  sent = send_one(out, "x", 1, &other), SAY("to the one", sent);
  udp_receive(in, 1, &answer), SAY("nobody is there", answer);
}

static int states(const char *what) {
  if (strcmp(what, "tcp-states") == 0) tcp_states();
  else if (strcmp(what, "refused") == 0) tcp_refused();
  else if (strcmp(what, "waits") == 0) tcp_waits();
  else if (strcmp(what, "options") == 0) tcp_options();
  else if (strcmp(what, "pours") == 0) tcp_pours();
  else if (strcmp(what, "floods") == 0) tcp_floods();
  else if (strcmp(what, "reset") == 0) tcp_reset();
  else if (strcmp(what, "udp-states") == 0) udp_states();
  else if (strcmp(what, "leaks") == 0)
    for (int at = 0; at < 2000; at++) tcp_drop(tcp_socket(0));
  else if (strcmp(what, "many") == 0)
    for (;;) tcp_socket(0);
  else return 2;
  return 0;
}
