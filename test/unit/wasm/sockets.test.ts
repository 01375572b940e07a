// Sockets of standard components: what a process asks of wasi:sockets is done by the machine's own network.

import { beforeAll, describe, expect, it } from 'vitest'
import { standardFunction } from '../../../backends/sim/wasm/wasi/import.ts'
import type { Program } from '../../../sim/program.ts'
import { runUntil } from '../../../sim/run.ts'
import type { Task } from '../../../sim/task.ts'
import { builtGuest, type GuestMachine, guestMachine } from '../../support/guests.ts'
import { adapter, inheritingModule, socketsComponent, standardProgram } from '../../support/standard.ts'
import { pipe, read, running, started, write } from '../../support/started.ts'

const CLONE_NEWNET = 0x40000000
const adapterBytes = adapter()
const why = adapterBytes ? '' : ': skipped, the adapter of WASI cannot be fetched'
const path = '/bin/sockets'

/** A machine whose own programs run beside the component. */
function machineOf(box: Program, program: Program): GuestMachine {
  const machine = guestMachine(box, ['nc', 'sh', 'sleep', 'wc'], { programs: { sockets: program } })
  write(machine, path, '#!sim sockets\n', 0o755)
  return machine
}

/** Until somebody does. */
const listens = ({ kernel }: GuestMachine) =>
  runUntil(kernel, () => [...kernel.init.namespaces.net.tcp.all()].some(({ listening }) => listening))

const lines = (text: string) =>
  Object.fromEntries(
    text
      .trim()
      .split('\n')
      .map((line) => line.split(': ')),
  )

describe.skipIf(!adapterBytes)(`sockets of a component of WASI${why}`, () => {
  let program: Program
  let box: Program
  beforeAll(async () => {
    program = await standardProgram(await socketsComponent(adapterBytes!))
    box = await builtGuest('box')
  }, 120_000)
  const machine = () => machineOf(box, program)
  const output = (argv: readonly string[]) => machine().run(['sockets', ...argv]).output
  const ends = ({ kernel }: GuestMachine, { task }: { task: Task }) => {
    expect(runUntil(kernel, () => !task.alive)).toBe(true)
    return task.process.ending
  }

  it('serve a connection of another program, because a port is the network namespace’s and not the component’s', () => {
    const guests = machine()
    const server = running(guests, path, ['serve', '8080'])
    expect(server.says()).toBe('listening\n')
    expect(guests.run(['nc', '-N', '127.0.0.1', '8080'], { input: 'from nc\n' }).output).toBe('from nc\n')
    expect(ends(guests, server)).toMatchObject({ code: 0, signal: 0 })
  })

  it('connect to another program, because who listens there is nobody’s concern', () => {
    const guests = machine()
    const server = running(guests, '/bin/nc', ['-l', '-p', '8080'])
    server.hears('an answer')
    listens(guests)
    const client = running(guests, path, ['ask', '8080', '4', 'a question'])
    expect(server.says()).toBe('a question')
    expect(client.says()).toBe('an answer\n')
    expect(ends(guests, client)).toMatchObject({ code: 0 })
  })

  it('wait for each other, because the streams of a connection block one process and not the machine', () => {
    for (const family of ['4', '6']) {
      const guests = machine()
      const server = running(guests, path, ['serve', '8080', family, '2'])
      server.says()
      for (const text of ['one', 'two'])
        expect(guests.run(['sockets', 'ask', '8080', family, text]).output).toBe(`${text}\n`)
      expect(ends(guests, server)).toMatchObject({ code: 0 })
    }
  })

  it('send datagrams and know where one came from, because the address comes along with it', () => {
    for (const family of ['4', '6']) {
      const guests = machine()
      const server = running(guests, path, ['udp-serve', '5353', family])
      expect(server.says()).toBe('bound\n')
      const remote = family === '4' ? '127.0.0.1' : '0:0:0:0:0:0:0:1'
      expect(guests.run(['sockets', 'udp-ask', '5353', family, 'hello']).output).toBe(`hello\nremote: ${remote} 5353\n`)
      expect(server.says()).toBe('sent 1\n')
    }
  })

  it('have only their own network namespace, because a container’s processes have no other', () => {
    const guests = machine()
    // Where lo is not up there is no way to anybody.
    const apart = (task: Task) => void guests.kernel.call(task, { name: 'unshare', flags: CLONE_NEWNET })
    const server = running(guests, path, ['serve', '8080'])
    server.says()
    const inside = running(guests, path, ['ask', '8080'], apart)
    expect(inside.says()).toBe('start-connect: remote-unreachable\n')
    const second = running(guests, path, ['udp-serve', '5353'], apart)
    expect(second.says()).toBe('bound\n')
    expect(running(guests, path, ['udp-serve', '5353']).says()).toBe('bound\n')
    expect(guests.run(['sockets', 'serve', '8080']).output).toBe('start-bind: address-in-use\n')
  })

  it('tell each wrong step by its name, because the states are the interface’s own', () => {
    const told = lines(output(['tcp-states']))
    expect(told).toMatchObject({
      ...{ 'local of an unbound one': 'invalid-state', 'remote of an unbound one': 'invalid-state' },
      ...{ 'finish-bind of none': 'not-in-progress', 'finish-connect of none': 'not-in-progress' },
      ...{ 'finish-listen of none': 'not-in-progress', 'start-listen of an unbound one': 'invalid-state' },
      ...{ 'accept of an unbound one': 'invalid-state', 'shutdown of an unbound one': 'invalid-state' },
      ...{ 'an address of IPv6': 'invalid-argument', 'an address of many': 'invalid-argument' },
      ...{ 'an address of nobody': 'address-not-bindable', 'start-bind': 'ok', 'finish-bind': 'ok' },
      ...{ 'start-bind before finish-bind': 'concurrency-conflict', 'finish-bind again': 'not-in-progress' },
      ...{ 'start-bind again': 'invalid-state', listens: '1 0', 'accept of nobody': 'would-block' },
      ...{ 'connect of one that listens': 'invalid-state', 'a port of another': 'address-in-use' },
      ...{ 'connect to no port': 'invalid-argument', 'connect of a closed one': 'invalid-state' },
      ...{ connect: 'ok', 'finish-connect': 'ok', 'connect again': 'invalid-state', accept: 'ok' },
      ...{ remote: '127.0.0.1 4000', 'local of the accepted one': '127.0.0.1 4000' },
    })
  })

  it('tell what became of an attempt when it is finished, because starting it does not wait', () => {
    expect(lines(output(['refused']))).toEqual({
      ...{ 'start-connect': 'ok', 'finish-connect': 'connection-refused', 'finish-connect again': 'not-in-progress' },
      'to a network without a way': 'remote-unreachable',
    })
    const { output: text } = machine().run(['sockets', 'waits'])
    expect(text.split('\n').slice(2)).toEqual([
      ...['finish-connect: ok', 'finish-connect: ok', 'finish-connect: would-block', 'ready: 0'],
      ...['connect meanwhile: concurrency-conflict', 'when nobody has answered: timeout', ''],
    ])
  })

  it('take what has room and say when there is more, because one process may have both ends', () => {
    expect(output(['pours'])).toBe(
      'then: 0, ready: 0\nlater: 65536\nnothing: 0 0\nclosed: 1 1\nall: 1\nreceive no more: ok\nclosed: 1 1\n',
    )
  })

  it('trap who writes more than was permitted, because what has no room is kept outside of its memory', () => {
    expect(machine().run(['sockets', 'floods'])).toMatchObject({ code: 0, signal: 11 })
  })

  it('wait until all is sent that is to be sent at once, because the other program reads when it likes', () => {
    const guests = machine()
    const reader = running(guests, '/bin/sh', ['-c', 'nc -l -p 8080 | { sleep 5; wc -c; }'])
    listens(guests)
    expect(guests.run(['sockets', 'pour', '8080', '4', '1000000']).output).toBe('blocking-write-and-flush: ok\n')
    expect(guests.kernel.clock.nowNs).toBeGreaterThan(5e9)
    expect(reader.says()).toBe('1000000\n')
  })

  it('tell of a connection that was reset, and end nobody, because WASI has no signals', () => {
    const { output, code, signal } = machine().run(['sockets', 'reset'])
    expect(output).toBe('failed: 1 0\nECONNRESET\nclosed: 1 1\n')
    expect([code, signal]).toEqual([0, 0])
  })

  it('name the error of a stream in the words of the network, where it is one of these', () => {
    const nameOf = (errno: string) => {
      const resources = new Map([[1, { kind: 'error', errno }]])
      const { run } = standardFunction('wasi:sockets/network@0.2.0', 'network-error-code')!
      return run({ standard: { resources } } as unknown as Parameters<typeof run>[0], 1).next(undefined as never).value
    }
    expect(['ECONNRESET', 'ETIMEDOUT', 'EIO'].map(nameOf)).toEqual([15, 5, undefined])
  })

  it('have the options of the kernel, which what is accepted inherits', () => {
    expect(output(['options']).split('\n')).toEqual([
      ...['keep-alive: 0', 'set: ok', 'keep-alive: 1', 'idle-time: 7200000000000', 'set to 0: invalid-argument'],
      ...['set to 1: ok', 'idle-time: 1000000000', 'at most: 32767000000000', 'interval: 75000000000', 'count: 9'],
      ...['count: 5', 'hop-limit: 64', 'set to 0: invalid-argument', 'hop-limit: 42', 'buffer: 65536'],
      ...['of the accepted one: 42 5 65536', 'family: 0 1', ''],
    ])
  })

  it('tell what is wrong with a datagram, because none goes half of the way', () => {
    expect(lines(output(['udp-states']))).toEqual({
      ...{ 'stream of an unbound one': 'invalid-state', 'finish-bind of none': 'not-in-progress', 'start-bind': 'ok' },
      ...{ 'finish-bind': 'ok', local: '127.0.0.1 4000', 'remote of none': 'invalid-state' },
      ...{ 'a port of another': 'address-in-use', 'stream to no port': 'invalid-argument', stream: 'ok' },
      ...{ nothing: '0 0', 'to nobody': 'invalid-argument', 'to no port': 'invalid-argument' },
      ...{ 'too much': 'datagram-too-large', 'to itself': 'ok', 'stream to one': 'ok', 'of others': '0 0' },
      ...{ 'to another': 'invalid-argument', 'to the one': 'ok', 'nobody is there': 'connection-refused' },
    })
  })

  it('are closed when they are dropped, because a process has only so many descriptors', () => {
    expect(machine().run(['sockets', 'leaks']).code).toBe(0)
    expect(output(['many'])).toBe('create: new-socket-limit\n')
  })

  it('find names as the machine’s own programs do, because there is nobody else to ask', () => {
    const guests = machine()
    write(guests, '/etc/hosts', '# a comment db\n10.0.0.7 db db.internal # of the lab\nfd00::7 DB\n')
    expect(guests.run(['sockets', 'resolve', 'db', 'db.internal.', '10.1.2.3', '::ffff:1.2.3.4', '::1']).output).toBe(
      'db: 10.0.0.7 fd00:0:0:0:0:0:0:7\ndb.internal.: 10.0.0.7\n10.1.2.3: 10.1.2.3\n' +
        '::ffff:1.2.3.4: 1.2.3.4\n::1: 0:0:0:0:0:0:0:1\n',
    )
    expect(guests.run(['sockets', 'resolve', 'localhost', 'comment', 'example.org', 'a..b', '']).output).toBe(
      'localhost: 127.0.0.1\ncomment: name-unresolvable\nexample.org: name-unresolvable\n' +
        'a..b: invalid-argument\n: invalid-argument\n',
    )
  })
})

describe('sockets of a module of WASI 0.1', () => {
  let guests: GuestMachine
  beforeAll(async () => {
    guests = machineOf(await builtGuest('box'), await standardProgram(await inheritingModule()))
  }, 120_000)

  /** Bound to 8080 at all addresses. */
  const bound = (type: number) => {
    const sockfd = guests.call({ name: 'socket', domain: 2, type, protocol: 0 }).value
    guests.call({ name: 'bind', sockfd, addr: Uint8Array.of(2, 0, 0x1f, 0x90, ...new Uint8Array(12)) })
    return sockfd
  }
  /** What it writes that has the socket as its standard input. */
  const runWith = (socket: number, argv: readonly string[], meanwhile: () => void) => {
    const [from, into] = pipe(guests)
    const fds = [0, 1, 2].map((fd) => [fd === 0 ? socket : into, fd] as const)
    const task = started(guests, path, argv, fds)
    guests.call({ name: 'close', fd: socket })
    meanwhile()
    expect(runUntil(guests.kernel, () => !task.alive)).toBe(true)
    return read(guests, from)
  }

  it('are those that it was started with, because it can make none', () => {
    const listener = bound(1)
    guests.call({ name: 'listen', sockfd: listener, backlog: 1 })
    const told = runWith(listener, [], () => {
      expect(guests.run(['nc', '-N', '127.0.0.1', '8080'], { input: 'hello there' }).output).toBe('hello there')
    })
    expect(told).toBe(
      'peeked hello\ngot hello there\nsend: Broken pipe\nshutdown: Not a socket\naccept: Not a socket\n',
    )
  })

  it('say when a datagram had no room, because the rest of it is lost', () => {
    const to = Uint8Array.of(2, 0, 0x1f, 0x90, 127, 0, 0, 1, ...new Uint8Array(8))
    const told = runWith(bound(2), ['datagram'], () => {
      const sockfd = guests.call({ name: 'socket', domain: 2, type: 2, protocol: 0 }).value
      for (const buf of ['abcdefgh', 'abcd']) guests.call({ name: 'sendto', sockfd, buf, flags: 0, dest_addr: to })
    })
    expect(told).toBe('0 abc def 1\n0 abc d 0\n1 1\n')
  })
})
