// Random calls on descriptors: reading and writing, copies, pipes, events, locks, what waits for several.

import { type Draw, type Make, words } from './draw.ts'

const events = /epoll|eventfd|timerfd|signalfd|inotify/
/** Neither the standard ones, which a puppet needs, nor those above, which its player does. */
const newNumbers = [3, 4, 5, 6, 7, 20]

const content = (draw: Draw): string => draw.of(['x', 'hello', '', '0', '1', 'max', 'a\nb\n', '\u0001\0\0\0\0\0\0\0'])

const sets = (draw: Draw) => {
  const set = () => {
    const fd = draw.fd()
    return draw.of([null, words(8, fd >= 0 && fd < 64 ? 1n << BigInt(fd) : 0n), words(8, 0)])
  }
  return { nfds: draw.of([10, 64, 3, 0]), readfds: set(), writefds: set(), exceptfds: null }
}

const polled = (draw: Draw) =>
  Array.from({ length: draw.of([1, 2, 0]) }, () => ({ fd: draw.fd(), events: draw.of([1, 4, 5, 0, 0x2001]) }))

export const descriptors: Readonly<Record<string, Make>> = {
  close: (draw) => ({ name: 'close', fd: draw.fd() }),
  closeRange: (draw) => ({
    ...{ name: 'close_range', first: draw.of([3, 5, 20, 7]), last: draw.of([4, 6, 30, 100]) },
    flags: draw.of([0, 4, 2, 6, 1]),
  }),
  read: (draw) =>
    draw.of<() => ReturnType<Make>>([
      () => ({ name: 'read', fd: draw.fd(), buf: draw.of([100, 1, 0, 8]) }),
      () => ({ name: 'pread64', fd: draw.fd(), buf: draw.of([0, 1, 100]), offset: draw.of([0, 2, 5000, -1]) }),
      () => ({ name: 'readv', fd: draw.fd(), iov: draw.of([100, 3]) }),
    ])(),
  write: (draw) =>
    draw.of<() => ReturnType<Make>>([
      () => ({ name: 'write', fd: draw.fd(), buf: content(draw) }),
      () => ({ name: 'pwrite64', fd: draw.fd(), buf: content(draw), offset: draw.of([0, 3, 5000, -1]) }),
      () => ({ name: 'writev', fd: draw.fd(), iov: [content(draw), content(draw)] }),
    ])(),
  seek: (draw) => ({
    ...{ name: 'lseek', fd: draw.fd(/open|creat|memfd|dir/) },
    ...{ offset: draw.of([0, 3, -1, 100, 5000]), whence: draw.of([0, 1, 2, 3, 4, 9]) },
  }),
  duplicate: (draw) =>
    draw.of<() => ReturnType<Make>>([
      () => ({ name: 'dup3', oldfd: draw.fd(), newfd: draw.of(newNumbers), flags: draw.of([0, 0o2000000, 1]) }),
      () => ({ name: 'dup2', oldfd: draw.fd(), newfd: draw.of(newNumbers) }),
      () => ({ name: 'dup', oldfd: draw.fd() }),
      () => ({ name: 'fcntl', fd: draw.fd(), cmd: draw.of([0, 1030]), arg: draw.of([0, 5, 20]) }),
    ])(),
  fcntl: (draw) => {
    const [cmd, arg] = draw.of([
      ...[
        [1, 0],
        [2, 1],
        [2, 0],
        [3, 0],
        [4, 0o4000],
        [4, 0o2000],
        [4, 0],
        [1032, 0],
      ],
      ...[
        [1031, 4096],
        [1031, 100_000],
        [1034, 0],
        [1033, 2],
        [1033, 8],
        [1033, 1],
        [1033, 0x1000],
        [99, 0],
      ],
    ] as const)
    return { name: 'fcntl', fd: draw.fd(), cmd, arg }
  },
  flock: (draw) => ({ name: 'flock', fd: draw.fd(), operation: draw.of([4 | 1, 4 | 2, 8, 2, 0, 64]) }),
  allocate: (draw) =>
    draw.of<() => ReturnType<Make>>([
      () => ({ name: 'ftruncate', fd: draw.fd(), length: draw.of([0, 2, 5000, -1]) }),
      () => ({
        ...{ name: 'fallocate', fd: draw.fd(/open|creat|memfd/), mode: draw.of([0, 1, 3, 2, 0x40]) },
        ...{ offset: draw.of([0, 4096, -1]), len: draw.of([10, 5000, 0]) },
      }),
      () => ({ name: 'fadvise64', fd: draw.fd(), offset: 0, len: 0, advice: draw.of([0, 4, 99]) }),
    ])(),
  sync: (draw) =>
    draw.of<() => ReturnType<Make>>([
      () => ({ name: 'fsync', fd: draw.fd() }),
      () => ({ name: 'fdatasync', fd: draw.fd() }),
      () => ({ name: 'syncfs', fd: draw.fd(/open/) }),
    ])(),
  copy: (draw) =>
    draw.of<() => ReturnType<Make>>([
      () => ({
        name: 'sendfile',
        out_fd: draw.fd(),
        in_fd: draw.fd(/open|memfd/),
        offset: null,
        count: draw.of([3, 100]),
      }),
      () => ({
        ...{
          name: 'copy_file_range',
          fd_in: draw.fd(/open|memfd/),
          off_in: 0,
          fd_out: draw.fd(/open|memfd/),
          off_out: 0,
        },
        ...{ len: draw.of([3, 100]), flags: draw.of([0, 1]) },
      }),
    ])(),
  list: (draw) => ({ name: 'getdents64', fd: draw.fd(/openat/), dirp: draw.of([1000, 60, 10]) }),
  pipe: (draw) =>
    draw.of([true, true, false])
      ? { name: 'pipe2', pipefd: 8, flags: draw.of([0o4000, 0, 0o40000, 0o2004000, 1]) }
      : { name: 'pipe', pipefd: 8 },
  eventfd: (draw) =>
    draw.of([true, true, false])
      ? { name: 'eventfd2', initval: draw.of([0, 1, 3]), flags: draw.of([0o4000, 0, 0o4001, 2]) }
      : { name: 'eventfd', initval: draw.of([0, 1]) },
  timerfd: (draw) =>
    draw.of<() => ReturnType<Make>>([
      () => ({ name: 'timerfd_create', clockid: draw.of([1, 0, 7, 3, 99]), flags: draw.of([0o4000, 0, 1]) }),
      () => ({
        ...{ name: 'timerfd_settime', fd: draw.fd(/timerfd/), flags: draw.of([0, 0, 8]) },
        // Never while a test runs, or not at all.
        ...{ new_value: draw.of([words(8, 0, 0, 1e6, 0), words(8, 0, 0, 0, 0), words(8, 0, 0, 0, 1e9)]), old_value: 0 },
      }),
      () => ({ name: 'timerfd_gettime', fd: draw.fd(/timerfd/), curr_value: 32 }),
    ])(),
  signalfd: (draw) => ({
    ...{
      name: 'signalfd4',
      fd: draw.of([-1, -1, draw.fd(/signalfd/)]),
      mask: draw.of([0x20000n, 0x200n, 0x4200n, 0n]),
    },
    ...{ sizemask: draw.of([8, 8, 8, 4]), flags: draw.of([0o4000, 0, 1]) },
  }),
  inotify: (draw) =>
    draw.of<() => ReturnType<Make>>([
      () => ({ name: 'inotify_init1', flags: draw.of([0o4000, 0o4000, 0o2004000, 1]) }),
      () => ({ name: 'inotify_init' }),
      () => ({
        ...{ name: 'inotify_add_watch', fd: draw.fd(/inotify/), pathname: draw.anyPath() },
        // No moves: their cookies are the machine's.
        mask: draw.of([0x302, 0x2 | 0x8, 0x100, 0x400 | 0x4, 0x1000100, 0x20000002, 0x80000002, 0, 0x20]),
      }),
      () => ({ name: 'inotify_rm_watch', fd: draw.fd(/inotify/), wd: draw.of([1, 2, 3, -1]) }),
      () => ({ name: 'read', fd: draw.fd(/inotify/), buf: draw.of([512, 512, 10]) }),
    ])(),
  epoll: (draw) =>
    draw.of<() => ReturnType<Make>>([
      () => ({ name: 'epoll_create1', flags: draw.of([0, 0o2000000, 1]) }),
      () => ({ name: 'epoll_create', size: draw.of([1, 0]) }),
      () => ({
        ...{ name: 'epoll_ctl', epfd: draw.fd(/epoll/), op: draw.of([1, 1, 3, 2, 9]), fd: draw.fd() },
        event: epollEvent(draw.of([1, 4, 5, 0x80000005, 0x40000001, 0x10000001]), draw.of([7n, 8n])),
      }),
      () => ({
        ...{ name: 'epoll_wait', epfd: draw.fd(/epoll/), events: 48, maxevents: draw.of([4, 1, 0]) },
        timeout: draw.of([0, 0, 0, -1]),
      }),
      () => ({
        ...{ name: 'epoll_pwait', epfd: draw.fd(/epoll/), events: 48, maxevents: 4, timeout: 0 },
        ...{ sigmask: 0, sigsetsize: 8 },
      }),
    ])(),
  poll: (draw) =>
    draw.of<() => ReturnType<Make>>([
      () => ({ name: 'poll', fds: polled(draw), timeout: draw.of([0, 0, 0, -1]) }),
      () => ({ name: 'ppoll', fds: polled(draw), tmo_p: draw.of([0n, 0n, null]), sigmask: 0, sigsetsize: 8 }),
      () => ({ name: 'select', ...sets(draw), timeout: words(8, 0, 0) }),
      () => ({ name: 'pselect6', ...sets(draw), timeout: draw.of([0n, 0n, null]), sigmask: 0 }),
    ])(),
  readEvent: (draw) => ({ name: 'read', fd: draw.fd(events), buf: draw.of([8, 128, 4, 512]) }),
  memfd: (draw) => ({ name: 'memfd_create', label: draw.of(['m', '']), flags: draw.of([2, 0, 1, 8, 16, 32, 24]) }),
  ioctl: (draw) =>
    draw.of<() => ReturnType<Make>>([
      () => ({ name: 'ioctl', fd: draw.fd(), request: 0x541b, arg: words(4, 0) }),
      // NS_GET_USERNS, NS_GET_PARENT, NS_GET_NSTYPE.
      () => ({ name: 'ioctl_int', fd: draw.fd(/ns /), request: draw.of([0xb701, 0xb702, 0xb703]), arg: 0 }),
      () => ({ name: 'ioctl', fd: draw.fd(/ns /), request: 0xb704, arg: words(4, 0) }),
      () => ({ name: 'ioctl_int', fd: draw.fd(), request: draw.of([0x5422, 0x5451, 0x5450]), arg: 0 }),
    ])(),
}

/** struct epoll_event, which x86-64 packs. */
function epollEvent(bits: number, data: bigint): Uint8Array {
  const wide = process.arch === 'x64' ? 4 : 8
  const bytes = new Uint8Array(wide + 8)
  bytes.set(words(4, bits))
  bytes.set(words(8, data), wide)
  return bytes
}
