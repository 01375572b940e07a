// wasi:cli, wasi:clocks and wasi:random: what a component learns of itself and the machine, and how it ends.

import { isDenied, type Outcome } from '../../../../sim/outcome.ts'
import {
  answers,
  type Context,
  clock,
  dropping,
  type Interface,
  keep,
  type StandardFunction,
  type Steps,
  tells,
} from './resources.ts'

const TCGETS = 0x5401
const termiosBytes = 36
const pair = { record: ['string', 'string'] } as const
const moment = { record: ['u64', 'u32'] } as const
const second = 1_000_000_000n

export const environment: Interface = {
  'get-environment': tells({ list: pair }, ({ envp }) => {
    return envp
      .filter((text) => text.includes('='))
      .map((text) => [text.slice(0, text.indexOf('=')), text.slice(text.indexOf('=') + 1)])
  }),
  'get-arguments': tells({ list: 'string' }, ({ argv }) => {
    return argv
  }),
  'initial-cwd': answers({ option: 'string' }, function* () {
    const outcome: Outcome = yield { name: 'getcwd', buf: 4096 }
    return 'data' in outcome && outcome.data ? new TextDecoder().decode(outcome.data).replace(/\0.*$/s, '') : undefined
  }),
}

function* leave(status: number): Steps {
  yield { name: 'exit_group', status }
  return undefined
}

export const exit: Interface = {
  exit: answers(null, (_context, isError) => leave(isError)),
  'exit-with-code': answers(null, (_context, status) => leave(status)),
}

const standard = (kind: 'input' | 'output', fd: number): StandardFunction =>
  tells('u32', (context) => {
    return keep(context, { kind, held: { fd, users: 1, isStandard: true } })
  })

export const standardInput: Interface = { 'get-stdin': standard('input', 0) }
export const standardOutput: Interface = { 'get-stdout': standard('output', 1) }
export const standardError: Interface = { 'get-stderr': standard('output', 2) }

const terminal = (fd: number): StandardFunction =>
  answers({ option: 'u32' }, function* (context) {
    const outcome: Outcome = yield { name: 'ioctl', fd, request: TCGETS, arg: new Uint8Array(termiosBytes) }
    return isDenied(outcome) ? undefined : keep(context, { kind: 'terminal' })
  })

export const terminals: Readonly<Record<string, Interface>> = {
  'wasi:cli/terminal-input': { '[resource-drop]terminal-input': dropping },
  'wasi:cli/terminal-output': { '[resource-drop]terminal-output': dropping },
  'wasi:cli/terminal-stdin': { 'get-terminal-stdin': terminal(0) },
  'wasi:cli/terminal-stdout': { 'get-terminal-stdout': terminal(1) },
  'wasi:cli/terminal-stderr': { 'get-terminal-stderr': terminal(2) },
}

export const monotonicClock: Interface = {
  now: answers('u64', () => clock(1)),
  resolution: tells('u64', () => {
    return 1n
  }),
  'subscribe-instant': tells('u32', (context, untilNs) => {
    return keep(context, { kind: 'pollable', events: 0, untilNs })
  }),
  'subscribe-duration': answers('u32', function* (context, lengthNs) {
    return keep(context, { kind: 'pollable', events: 0, untilNs: (yield* clock(1)) + BigInt.asUintN(64, lengthNs) })
  }),
}

export const wallClock: Interface = {
  now: answers(moment, function* () {
    const nowNs = yield* clock(0)
    return [nowNs / second, nowNs % second]
  }),
  resolution: tells(moment, () => {
    return [0n, 1n]
  }),
}

function* random(length: number): Steps<Uint8Array> {
  const data = new Uint8Array(length)
  for (let done = 0; done < length; ) {
    const outcome: Outcome = yield { name: 'getrandom', buf: Math.min(length - done, 65_536), flags: 0 }
    if (!('data' in outcome) || !outcome.data) break
    data.set(outcome.data, done)
    done += outcome.data.length
  }
  return data
}

function* randomNumber(): Steps<bigint> {
  const data = yield* random(8)
  return new DataView(data.buffer).getBigUint64(0, true)
}

const someBytes = answers('bytes', (_context: Context, length: bigint) => random(Number(length)))
const someNumber = answers('u64', () => randomNumber())

export const randomness: Readonly<Record<string, Interface>> = {
  'wasi:random/random': { 'get-random-bytes': someBytes, 'get-random-u64': someNumber },
  'wasi:random/insecure': { 'get-insecure-random-bytes': someBytes, 'get-insecure-random-u64': someNumber },
  'wasi:random/insecure-seed': {
    'insecure-seed': answers({ record: ['u64', 'u64'] }, function* () {
      return [yield* randomNumber(), yield* randomNumber()]
    }),
  },
}
