// The standard interfaces as a component imports them. A function makes system calls one after the other; when one of them
// waits, the component is suspended, and the function begins anew with what was answered so far.

import type { Outcome } from '../../../../sim/outcome.ts'
import { type Answer, type Caller, type Realloc, trap } from '../calls.ts'
import type { Outside } from '../component.ts'
import type { Memory } from '../words.ts'
import { codes } from './errors.ts'
import { BadPath } from './file-words.ts'
import { files, preopens } from './files.ts'
import { store, type Target } from './layout.ts'
import { names } from './names.ts'
import type { Context, Interface, Run, StandardFunction, Steps } from './resources.ts'
import { instanceNetwork, network } from './socket-words.ts'
import { errors, poll, streams } from './streams.ts'
import * as system from './system.ts'
import { tcp, tcpCreate } from './tcp.ts'
import { udp, udpCreate } from './udp.ts'

const interfaces: Readonly<Record<string, Interface>> = {
  'wasi:cli/environment': system.environment,
  'wasi:cli/exit': system.exit,
  'wasi:cli/stdin': system.standardInput,
  'wasi:cli/stdout': system.standardOutput,
  'wasi:cli/stderr': system.standardError,
  ...system.terminals,
  'wasi:clocks/monotonic-clock': system.monotonicClock,
  'wasi:clocks/wall-clock': system.wallClock,
  ...system.randomness,
  'wasi:filesystem/preopens': preopens,
  'wasi:filesystem/types': files,
  'wasi:io/error': errors,
  'wasi:io/poll': poll,
  'wasi:io/streams': streams,
  'wasi:sockets/instance-network': instanceNetwork,
  'wasi:sockets/ip-name-lookup': names,
  'wasi:sockets/network': network,
  'wasi:sockets/tcp': tcp,
  'wasi:sockets/tcp-create-socket': tcpCreate,
  'wasi:sockets/udp': udp,
  'wasi:sockets/udp-create-socket': udpCreate,
}

/** Of WASI 0.2, in any of its versions; undefined when there is none. */
const interfaceOf = (name: string): Interface | undefined => {
  const [, plain, version] = /^([^@]*)@(0\.2\.\d+)$/.exec(name) ?? []
  return version !== undefined && Object.hasOwn(interfaces, plain!) ? interfaces[plain!] : undefined
}

export const isStandard = (interfaceName: string): boolean => interfaceOf(interfaceName) !== undefined

export const standardFunction = (interfaceName: string, name: string): StandardFunction | undefined => {
  const found = interfaceOf(interfaceName)
  return found && Object.hasOwn(found, name) ? found[name] : undefined
}

const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/** A function as a module imports it. @param realloc - what answers are put into */
export function standardImport(
  outside: Outside,
  memory: () => Memory,
  caller: () => Caller,
  realloc: () => Realloc,
): (...flat: (number | bigint)[]) => number | bigint | undefined {
  const { result, run } = standardFunction(outside.interface, outside.function)!
  const isFlat = result === null || result === 'u32' || result === 'u64'
  const nothing = result === 'u64' ? 0n : result === 'u32' ? 0 : undefined
  return (...flat) => {
    const asking = caller()
    if (asking.standard.isWritten && asking.resuming()) {
      asking.resume()
      return nothing
    }
    const ended = advance(asking, outside.function, () => within(run, contextOf(asking, memory), flat))
    if (!ended) return nothing
    if (isFlat) return ended.value as number | bigint | undefined
    lower(asking, memory, realloc, result, ended.value, Number(flat.at(-1)) >>> 0)
    return undefined
  }
}

function* within(run: Run, context: Context, flat: readonly (number | bigint)[]): Steps {
  try {
    return yield* run(context, ...flat)
  } catch (error) {
    if (error instanceof BadPath) return codes(error)
    throw error
  }
}

/**
 * Makes the calls of a function, those that were answered before it was suspended left out. Undefined: it is being suspended
 * in one of them.
 */
export function advance<T>(asking: Caller, name: string, begin: () => Steps<T>): { readonly value: T } | undefined {
  const { standard } = asking
  const isResuming = asking.resuming()
  if (!isResuming) {
    standard.answers = []
    standard.isWritten = false
  }
  const go = <S>(next: () => S): S => {
    try {
      return next()
    } catch (error) {
      // Its types are those that the component says it has.
      if (error instanceof TypeError) return trap(`${name} is called with arguments that it does not have`)
      throw error
    }
  }
  const steps = go(begin)
  let step = go(() => steps.next(undefined as unknown as Outcome))
  for (const known of standard.answers) step = go(() => steps.next(known))
  let answer: Answer = isResuming ? asking.resume() : 'again'
  while (!step.done) {
    while (answer === 'again') answer = asking.make(step.value)
    if (answer === 'later') return undefined
    const outcome: Outcome = answer
    standard.answers.push(outcome)
    step = go(() => steps.next(outcome))
    answer = 'again'
  }
  return { value: step.value }
}

function contextOf({ standard, argv, envp }: Caller, memory: () => Memory): Context {
  const bytes = (start: number, length: number) => {
    const all = memory().bytes
    const [from, count] = [start >>> 0, length >>> 0]
    if (from + count > all.length) trap('an argument is not in the memory of the component')
    return all.slice(from, from + count)
  }
  return { standard, argv, envp, bytes, text: (start, length) => decoder.decode(bytes(start, length)) }
}

function lower(
  asking: Caller,
  memory: () => Memory,
  realloc: () => Realloc,
  type: NonNullable<StandardFunction['result']>,
  value: unknown,
  at: number,
): void {
  let written = 0
  const target: Target = {
    view: () => memory().view,
    allocate: (align, count) => {
      written += count
      return asking.allocate((old, oldBytes, _align, bytes) => realloc()(old, oldBytes, align, bytes), count)
    },
  }
  try {
    store(target, type, value, at)
  } catch (error) {
    if (!(error instanceof RangeError) || at + 128 < memory().bytes.length) throw error
    trap('the answer of a call has no place in the memory of the component')
  }
  asking.standard.isWritten = true
  asking.written(written)
}
