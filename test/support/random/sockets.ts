// Random calls about sockets (unix, and inet on a loopback of their own), and IPC by messages, semaphores and shared memory.

import { bytesOf, type Draw, type Make, words } from './draw.ts'

const unix = (path: string): Uint8Array => Uint8Array.from([1, 0, ...bytesOf(path)])
const inet = (port: number, ...address: readonly number[]): Uint8Array =>
  Uint8Array.from([2, 0, port >> 8, port & 255, ...address, ...new Array<number>(8).fill(0)])

const addresses = (draw: Draw): Uint8Array =>
  draw.of([
    ...[unix('/tmp/s\0'), unix('\0name'), unix('/tmp/a/s\0'), unix('')],
    ...[inet(8080, 127, 0, 0, 1), inet(8081, 127, 0, 0, 1), inet(80, 0, 0, 0, 0), inet(8080, 10, 0, 0, 1)],
    Uint8Array.from([9, 0]),
  ])

const made = /socket|accept/

const messageFlags = [0x40, 0x40, 0x4040, 0x42, 0]

export const sockets: Readonly<Record<string, Make>> = {
  loopback: (draw) => {
    // struct ifreq with IFF_UP.
    const request = new Uint8Array(40)
    request.set(bytesOf('lo'))
    request.set(words(2, 1), 16)
    return { name: 'ioctl', fd: draw.fd(made), request: 0x8914, arg: request }
  },
  socket: (draw) => ({
    ...{ name: 'socket', domain: draw.of([1, 1, 2, 2, 10, 16, 99]), type: draw.of([1, 2, 5, 0o4001, 0o2000002, 3, 9]) },
    protocol: draw.of([0, 0, 0, 17, 99]),
  }),
  socketpair: (draw) => ({
    ...{ name: 'socketpair', domain: draw.of([1, 1, 1, 2]), type: draw.of([1, 2, 5, 0o4001, 3]), protocol: 0, sv: 8 },
  }),
  bind: (draw) => ({ name: 'bind', sockfd: draw.fd(made), addr: addresses(draw) }),
  connect: (draw) => ({ name: 'connect', sockfd: draw.fd(made), addr: addresses(draw) }),
  listen: (draw) => ({ name: 'listen', sockfd: draw.fd(made), backlog: draw.of([5, 0, 1]) }),
  accept: (draw) => ({
    ...{ name: 'accept4', sockfd: draw.fd(made), addr: null, addrlen: null, flags: draw.of([0, 0o4000, 0o2000000, 1]) },
  }),
  send: (draw) => ({
    ...{ name: 'sendto', sockfd: draw.fd(made), buf: draw.of(['hello', 'x', '']), flags: draw.of(messageFlags) },
    dest_addr: draw.of([new Uint8Array(0), new Uint8Array(0), addresses(draw)]),
  }),
  receive: (draw) => ({
    ...{ name: 'recvfrom', sockfd: draw.fd(made), buf: draw.of([100, 2, 0]), flags: draw.of(messageFlags) },
    ...{ src_addr: 0, addrlen: 0 },
  }),
  shutdown: (draw) => ({ name: 'shutdown', sockfd: draw.fd(made), how: draw.of([0, 1, 2, 3]) }),
  names: (draw) => ({
    name: draw.of(['getsockname', 'getpeername'] as const),
    ...{
      sockfd: draw.fd(made),
      addr: new Uint8Array(draw.of([110, 110, 4])),
      addrlen: words(4, draw.of([110, 16, 4])),
    },
  }),
  options: (draw) => {
    // SO_TYPE, SO_ERROR, SO_REUSEADDR, SO_KEEPALIVE, SO_PASSCRED, SO_ACCEPTCONN, SO_DOMAIN, SO_PROTOCOL.
    const optname = draw.of([3, 4, 2, 9, 16, 30, 39, 38, 6, 999])
    return draw.of([true, true, false])
      ? { name: 'getsockopt', sockfd: draw.fd(made), level: 1, optname, optval: new Uint8Array(4), optlen: words(4, 4) }
      : { name: 'setsockopt', sockfd: draw.fd(made), level: 1, optname, optval: words(4, draw.of([1, 0])) }
  },
}

const keys = [0, 77, 78]
const ipcFlags = [0o1600, 0o1666, 0o3600, 0, 0o1000]

export const ipc: Readonly<Record<string, Make>> = {
  message: (draw) =>
    draw.of<() => ReturnType<Make>>([
      () => ({ name: 'msgget', key: draw.of(keys), msgflg: draw.of(ipcFlags) }),
      () => ({
        ...{ name: 'msgsnd', msqid: draw.result('msgget', [0, 99, -1]) },
        ...{
          msgp: Uint8Array.from([...words(8, draw.of([1, 2, 0])), ...bytesOf('text')]),
          msgsz: draw.of([4, 2, 0, -1]),
        },
        msgflg: draw.of([0o4000, 0]),
      }),
      () => ({
        ...{ name: 'msgrcv', msqid: draw.result('msgget', [0, 99, -1]), msgp: 64, msgsz: draw.of([50, 2]) },
        ...{ msgtyp: draw.of([0, 1, -2, 2]), msgflg: draw.of([0o4000, 0o4000, 0o14000, 0]) },
      }),
      () => ({ name: 'msgctl', msqid: draw.result('msgget', [0, 99, -1]), op: draw.of([0, 0, 99]), buf: null }),
    ])(),
  semaphore: (draw) =>
    draw.of<() => ReturnType<Make>>([
      () => ({ name: 'semget', key: draw.of(keys), nsems: draw.of([2, 1, 0, -1]), semflg: draw.of(ipcFlags) }),
      () => ({
        ...{ name: 'semop', semid: draw.result('semget', [0, 99, -1]) },
        // IPC_NOWAIT, SEM_UNDO, or waiting.
        sops: words(2, draw.of([0, 0, 1, 9]), draw.of([1, -1, 0, 2]), draw.of([0o4000, 0o14000, 0o10000, 0])),
        nsops: 1,
      }),
      () => ({
        ...{ name: 'semtimedop', semid: draw.result('semget', [0, 99, -1]), nsops: 1, timeout: draw.of([0n, null]) },
        sops: words(2, 0, draw.of([1, -1, 0]), 0o4000),
      }),
      () => ({
        ...{ name: 'semctl', semid: draw.result('semget', [0, 99, -1]), semnum: draw.of([0, 1, 9]) },
        ...{ op: draw.of([12, 16, 14, 15, 11, 0, 99]), arg: draw.of([0, 1, 5, -1, 40000]) },
      }),
    ])(),
  sharedMemory: (draw) =>
    draw.of<() => ReturnType<Make>>([
      () => ({ name: 'shmget', key: draw.of(keys), size: draw.of([4096, 0, 9000]), shmflg: draw.of(ipcFlags) }),
      () => ({
        name: 'shmat',
        shmid: draw.result('shmget', [0, 99, -1]),
        shmaddr: draw.of([0, 0, 4097]),
        shmflg: draw.of([0, 0o10000]),
      }),
      () => ({ name: 'shmdt', shmaddr: draw.address() }),
      () => ({ name: 'shmctl', shmid: draw.result('shmget', [0, 99, -1]), op: draw.of([0, 0, 11, 12, 99]), buf: null }),
    ])(),
  queue: (draw) => {
    const mq = draw.of(['q', 'r', '', 'a/b'])
    return draw.of<() => ReturnType<Make>>([
      () => ({
        ...{ name: 'mq_open', mq, oflag: draw.of([0o102, 0o4102, 0, 1, 0o302, 0o4002]), mode: draw.of([0o600, 0o000]) },
        attr: draw.of([null, words(8, 0, 2, 16, 0, 0, 0, 0, 0), words(8, 0, 0, 16, 0, 0, 0, 0, 0)]),
      }),
      () => ({
        ...{ name: 'mq_timedsend', mqdes: draw.fd(/mq_open/), msg: draw.of(['hi', '', 'x'.repeat(17)]) },
        ...{ prio: draw.of([0, 3, 40000]), abs_timeout: draw.of([0n, 0n, null]) },
      }),
      () => ({
        ...{ name: 'mq_timedreceive', mqdes: draw.fd(/mq_open/), msg: draw.of([8192, 16, 2]), prio: 0 },
        abs_timeout: draw.of([0n, 0n, null]),
      }),
      () => ({ name: 'mq_unlink', mq }),
    ])()
  },
}
