// Programs for containers on the simulated machine, as small as a busybox applet each: what they do, the tests look at.

import { addressOf } from '../../core/network/address.ts'
import type { Syscall } from '../../core/syscall.ts'
import { isDenied, type Outcome } from '../../sim/outcome.ts'
import type { ProgramCall, Programs, Work } from '../../sim/program.ts'

const AT_FDCWD = -100
const decoder = new TextDecoder()

export type Part<T> = Generator<ProgramCall | Work, T, Outcome>

/** A failing call ends a program with 1 and its errno on standard error, as applets do. */
class Failure extends Error {}

/** Text up to a NUL. */
export const decoded = (bytes: Uint8Array): string => decoder.decode(bytes).replace(/\0.*/s, '')

export function* must(call: Syscall): Part<{ readonly value: number; readonly data?: Uint8Array }> {
  const outcome = yield call
  if (isDenied(outcome)) throw new Failure(`${call.name}: ${outcome.errno}`)
  return outcome
}

function* say(text: string, fd = 1): Part<void> {
  for (let rest = new TextEncoder().encode(text); rest.length > 0; )
    rest = rest.subarray((yield* must({ name: 'write', fd, buf: rest })).value)
}

/** sockaddr_in: family, port, address. ip(7) */
export function socketAddress(text: string, port: number): Uint8Array {
  const bytes = new Uint8Array(16)
  bytes.set([2, 0, port >> 8, port & 255, ...addressOf(text)])
  return bytes
}

function* readAll(fd: number): Part<string> {
  let text = ''
  for (;;) {
    const { value, data } = yield* must({ name: 'read', fd, buf: 4096 })
    if (value === 0) return text
    text += decoder.decode(data!.subarray(0, value))
  }
}

function* wholeFile(pathname: string): Part<string> {
  const { value: fd } = yield* must({ name: 'openat', dirfd: AT_FDCWD, pathname, flags: 0, mode: 0 })
  const text = yield* readAll(fd)
  yield { name: 'close', fd }
  return text
}

/** Ends with 1 where a call of the program fails. */
export const program = (body: (argv: readonly string[]) => Part<number>) =>
  function* (argv: readonly string[]): Part<number> {
    try {
      return yield* body(argv)
    } catch (error) {
      if (!(error instanceof Failure)) throw error
      yield { name: 'write', fd: 2, buf: `${argv[0]}: ${error.message}\n` }
      return 1
    }
  }

export const tools: Programs = {
  /** cat FILE...: of standard input when there is none. */
  cat: program(function* (argv) {
    if (argv.length === 1) yield* say(yield* readAll(0))
    for (const path of argv.slice(1)) yield* say(yield* wholeFile(path))
    return 0
  }),
  /** head [FILE]: what one read(2) gives, a line of a terminal. */
  head: program(function* ([, pathname]) {
    const opened = pathname && (yield* must({ name: 'openat', dirfd: AT_FDCWD, pathname, flags: 0, mode: 0 }))
    const { value, data } = yield* must({ name: 'read', fd: opened ? opened.value : 0, buf: 4096 })
    yield* say(decoder.decode(data!.subarray(0, value)))
    return 0
  }),
  /** append FILE TEXT */
  append: program(function* ([, pathname, text]) {
    const opened = yield* must({ name: 'openat', dirfd: AT_FDCWD, pathname: pathname!, flags: 0o2101, mode: 0o644 })
    yield* say(`${text}\n`, opened.value)
    return 0
  }),
  /** owners FILE...: `uid:gid` of each. */
  owners: program(function* (argv) {
    for (const pathname of argv.slice(1)) {
      const { data } = yield* must({ name: 'newfstatat', dirfd: AT_FDCWD, pathname, statbuf: 144, flags: 0x100 })
      const view = new DataView(data!.buffer, data!.byteOffset)
      yield* say(`${view.getUint32(28, true)}:${view.getUint32(32, true)}\n`)
    }
    return 0
  }),
  /** device PATH MAJOR MINOR: makes a node of a character device and opens it. */
  device: program(function* ([, path, major, minor]) {
    const pathname = path!
    const dev = (Number(major) << 8) | Number(minor)
    yield* must({ name: 'mknodat', dirfd: AT_FDCWD, pathname, mode: 0o020600, dev })
    yield* must({ name: 'openat', dirfd: AT_FDCWD, pathname, flags: 0, mode: 0 })
    return 0
  }),
  /** whoami: user, group and host name. */
  whoami: program(function* () {
    const { value: uid } = yield* must({ name: 'getuid' })
    const { value: gid } = yield* must({ name: 'getgid' })
    const { data } = yield* must({ name: 'uname', buf: 390 })
    yield* say(`${uid}:${gid} ${decoded(data!.subarray(65, 130))}\n`)
    return 0
  }),
  /** allocate MIB: uses so much memory, and sleeps. */
  allocate: program(function* (argv) {
    const [PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS_POPULATE] = [3, 0x8022]
    for (let mib = 0; mib < Number(argv[1]); mib++)
      yield* must({
        ...{ name: 'mmap', addr: 0, length: 1 << 20, prot: PROT_READ_WRITE },
        ...{ flags: MAP_PRIVATE_ANONYMOUS_POPULATE, fd: -1, offset: 0 },
      })
    yield* say('allocated\n')
    yield { name: 'pause' }
    return 0
  }),
  /** forks COUNT: makes children that sleep, says how many there could be, and sleeps. */
  forks: program(function* (argv) {
    let made = 0
    for (; made < Number(argv[1]); made++) {
      const born = yield { name: 'fork', child: () => asleep() }
      if (isDenied(born)) break
    }
    yield* say(`${made}\n`)
    yield { name: 'pause' }
    return 0
  }),
  /** spin MILLISECONDS: of a processor's time. */
  spin: program(function* (argv) {
    yield { computeUsec: Number(argv[1]) * 1000 }
    return 0
  }),
  /** polite CODE: ends with it at SIGTERM or SIGINT, having said so. */
  polite: program(function* (argv) {
    for (const signum of [2, 15]) yield { name: 'rt_sigaction', signum, act: { handler: 2 }, oldact: 0, sigsetsize: 8 }
    yield* say('ready\n')
    yield { name: 'pause' }
    yield* say('bye\n')
    return Number(argv[1] ?? 0)
  }),
  /** serve PORT TEXT: answers every connection with a text. */
  serve: program(function* ([, port, text]) {
    const { value: sockfd } = yield* must({ name: 'socket', domain: 2, type: 1, protocol: 0 })
    yield* must({ name: 'bind', sockfd, addr: socketAddress('0.0.0.0', Number(port)) })
    yield* must({ name: 'listen', sockfd, backlog: 8 })
    for (;;) {
      const { value: fd } = yield* must({ name: 'accept4', sockfd, addr: null, addrlen: null, flags: 0 })
      yield { name: 'write', fd, buf: `${text}\n` }
      yield { name: 'close', fd }
    }
  }),
  /** fetch ADDRESS PORT: what is answered there. */
  fetch: program(function* ([, address, port]) {
    const { value: sockfd } = yield* must({ name: 'socket', domain: 2, type: 1, protocol: 0 })
    yield* must({ name: 'connect', sockfd, addr: socketAddress(address!, Number(port)) })
    yield* say(yield* readAll(sockfd))
    return 0
  }),
}

function* asleep(): Part<number> {
  yield { name: 'pause' }
  return 0
}
