// The functions of sockets.wit as the canonical ABI has them: arguments as flat numbers, and a place for the answer.
#pragma once
#include <stdint.h>

/** ip-socket-address: its case, and the numbers in it. */
typedef struct {
  int which, n[11];
} Address;
#define ADDRESS int, int, int, int, int, int, int, int, int, int, int, int
#define FLAT(a) \
  (a).which, (a).n[0], (a).n[1], (a).n[2], (a).n[3], (a).n[4], (a).n[5], (a).n[6], (a).n[7], (a).n[8], (a).n[9], (a).n[10]

/** Of every answer: whether it is an error, and which where it has nothing else in it. */
typedef struct {
  uint8_t failed, code;
} Done;
/** Where an answer is aligned to four bytes, or to eight. */
typedef struct {
  uint8_t failed;
  union {
    uint8_t code;
    uint32_t words[9];
    uint8_t bytes[36];
  };
} Answer;
typedef struct {
  uint8_t failed;
  union {
    uint8_t code;
    uint32_t number;
    uint64_t wide;
  };
} Wide;

#define IMPORT(interface, function) __attribute__((import_module("wasi:" interface "@0.2.0"), import_name(function)))
#define METHOD(interface, resource, function) IMPORT(interface, "[method]" resource "." function)
#define TCP(function) METHOD("sockets/tcp", "tcp-socket", function)
#define UDP(function) METHOD("sockets/udp", "udp-socket", function)
#define IN(function) METHOD("io/streams", "input-stream", function)
#define OUT(function) METHOD("io/streams", "output-stream", function)

METHOD("io/error", "error", "to-debug-string") void error_text(int, uint32_t *);
METHOD("io/poll", "pollable", "block") void pollable_block(int);
METHOD("io/poll", "pollable", "ready") int pollable_ready(int);
IMPORT("io/poll", "[resource-drop]pollable") void pollable_drop(int);
IMPORT("io/poll", "poll") void poll_poll(const int *, int, uint32_t *);
IN("read") void in_read(int, int64_t, Answer *);
IN("blocking-read") void in_blocking_read(int, int64_t, Answer *);
IN("subscribe") int in_subscribe(int);
IMPORT("io/streams", "[resource-drop]input-stream") void in_drop(int);
OUT("check-write") void out_check_write(int, Wide *);
OUT("write") void out_write(int, const void *, int, Answer *);
OUT("blocking-flush") void out_blocking_flush(int, Answer *);
OUT("blocking-write-and-flush") void out_blocking_write(int, const void *, int, Answer *);
OUT("subscribe") int out_subscribe(int);
IMPORT("io/streams", "[resource-drop]output-stream") void out_drop(int);

IMPORT("sockets/instance-network", "instance-network") int instance_network(void);
IMPORT("sockets/tcp-create-socket", "create-tcp-socket") void tcp_create(int, Answer *);
TCP("start-bind") void tcp_start_bind(int, int, ADDRESS, Done *);
TCP("finish-bind") void tcp_finish_bind(int, Done *);
TCP("start-connect") void tcp_start_connect(int, int, ADDRESS, Done *);
TCP("finish-connect") void tcp_finish_connect(int, Answer *);
TCP("start-listen") void tcp_start_listen(int, Done *);
TCP("finish-listen") void tcp_finish_listen(int, Done *);
TCP("accept") void tcp_accept(int, Answer *);
TCP("local-address") void tcp_local_address(int, Answer *);
TCP("remote-address") void tcp_remote_address(int, Answer *);
TCP("is-listening") int tcp_is_listening(int);
TCP("address-family") int tcp_address_family(int);
TCP("set-listen-backlog-size") void tcp_set_backlog(int, int64_t, Done *);
TCP("keep-alive-enabled") void tcp_keep_alive(int, Done *);
TCP("set-keep-alive-enabled") void tcp_set_keep_alive(int, int, Done *);
TCP("keep-alive-idle-time") void tcp_idle_time(int, Wide *);
TCP("set-keep-alive-idle-time") void tcp_set_idle_time(int, int64_t, Done *);
TCP("keep-alive-interval") void tcp_interval(int, Wide *);
TCP("keep-alive-count") void tcp_count(int, Answer *);
TCP("set-keep-alive-count") void tcp_set_count(int, int, Done *);
TCP("hop-limit") void tcp_hop_limit(int, Done *);
TCP("set-hop-limit") void tcp_set_hop_limit(int, int, Done *);
TCP("receive-buffer-size") void tcp_receive_buffer(int, Wide *);
TCP("set-receive-buffer-size") void tcp_set_receive_buffer(int, int64_t, Done *);
TCP("subscribe") int tcp_subscribe(int);
TCP("shutdown") void tcp_shutdown(int, int, Done *);
IMPORT("sockets/tcp", "[resource-drop]tcp-socket") void tcp_drop(int);

IMPORT("sockets/udp-create-socket", "create-udp-socket") void udp_create(int, Answer *);
UDP("start-bind") void udp_start_bind(int, int, ADDRESS, Done *);
UDP("finish-bind") void udp_finish_bind(int, Done *);
UDP("stream") void udp_stream(int, int, ADDRESS, Answer *);
UDP("local-address") void udp_local_address(int, Answer *);
UDP("remote-address") void udp_remote_address(int, Answer *);
METHOD("sockets/udp", "incoming-datagram-stream", "receive") void udp_receive(int, int64_t, Answer *);
METHOD("sockets/udp", "incoming-datagram-stream", "subscribe") int udp_subscribe(int);
METHOD("sockets/udp", "outgoing-datagram-stream", "check-send") void udp_check_send(int, Wide *);
METHOD("sockets/udp", "outgoing-datagram-stream", "send") void udp_send(int, const void *, int, Wide *);
IMPORT("sockets/udp", "[resource-drop]udp-socket") void udp_drop(int);
IMPORT("sockets/udp", "[resource-drop]incoming-datagram-stream") void udp_in_drop(int);
IMPORT("sockets/udp", "[resource-drop]outgoing-datagram-stream") void udp_out_drop(int);

IMPORT("sockets/ip-name-lookup", "resolve-addresses") void resolve_addresses(int, const char *, int, Answer *);
METHOD("sockets/ip-name-lookup", "resolve-address-stream", "resolve-next-address") void resolve_next(int, uint8_t *);
