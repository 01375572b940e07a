// What a random call draws its arguments from: numbers that were drawn beforehand, and what there is in its task at the moment.

/** Descriptors by what made them (`openat`, `socket unix`), and processes, that a task can name now. */
export interface Surroundings {
  /** Open descriptors; `made` tells by which call. */
  readonly descriptors: readonly { readonly fd: number; readonly made: string }[]
  /** Processes that live, and those that have ended, as process 1 numbers them. */
  readonly pids: readonly number[]
  /** Results of calls of one name, of any task: identifiers, addresses, watches. */
  readonly results: ReadonlyMap<string, readonly number[]>
  /** Pages of one number each: results of mmap(2) and its kin in this task. */
  readonly addresses: readonly number[]
}

export interface Draw extends Surroundings {
  /** One of a list. */
  readonly of: <T>(list: readonly T[]) => T
  /** Some of these bits together. */
  readonly flags: (bits: readonly number[]) => number
  readonly path: () => string
  /** A path, or NULL or an empty one now and then. */
  readonly anyPath: () => string
  readonly directory: () => number
  /** A descriptor, mostly an open one that a call of this kind has made. */
  readonly fd: (made?: RegExp) => number
  readonly pid: () => number
  readonly uid: () => number
  /** What a call of this name has answered, or something that nobody has. */
  readonly result: (call: string, otherwise: readonly number[]) => number
  readonly address: () => number
}

export const AT_FDCWD = -100

/** Paths of a small tree, so that calls meet. None of their names exists in procfs or sysfs, which may be bound there. */
export const paths: readonly string[] = [
  ...['/tmp/a', '/tmp/b', '/tmp/a/c', '/tmp/b/d', '/tmp/a/c/e', '/tmp/a/d', '/tmp/b/c', '/tmp/l', '/tmp/l/c', '/tmp/f'],
  ...['a', 'b', 'c', '../tmp/b', 'a/../b', './f', '/tmp', '/tmp/a/', '/tmp/f/', '.', '..', '/', '/tmp/f/x'],
]

const seldom: readonly string[] = ['', 'x'.repeat(256), '/tmp/a/../../tmp/b/./d', '/nowhere/x']
const closed: readonly number[] = [3, 4, 5, 9, 99, -1]

/**
 * Draws from numbers, one after the other; when they are used up they begin again.
 *
 * @param swarm - chooses which values of each list a whole scenario does without; 0 keeps all
 */
export function drawing(numbers: readonly number[], swarm: number, around: Surroundings): Draw {
  let at = 0
  const next = (): number => (numbers[at++ % numbers.length] ?? 0) + (at > numbers.length ? at : 0)
  const left = (index: number, length: number): boolean =>
    swarm === 0 || ((Math.imul(swarm ^ (length * 0x9e3779b1), 0x85ebca6b + 2 * index) >>> 13) & 3) !== 0
  const of = <T>(list: readonly T[]): T => {
    const start = next() % list.length
    for (let more = 0; more < list.length; more++) {
      const index = (start + more) % list.length
      if (left(index, list.length)) return list[index]!
    }
    return list[start]!
  }
  const flags = (bits: readonly number[]): number => {
    const number = next()
    // Most of the time none or one; all mixtures happen.
    if (number % 3 === 0) return 0
    if (number % 3 === 1) return bits[Math.trunc(number / 3) % bits.length]!
    return bits.reduce((all, bit, index) => ((number >> (index % 8)) & 1 ? all + (all & bit ? 0 : bit) : all), 0)
  }
  const path = () => of(paths)
  const fd = (made?: RegExp): number => {
    const number = next()
    const wanted = around.descriptors.filter(({ made: by }) => made === undefined || made.test(by))
    const all = number % 8 < 6 && wanted.length > 0 ? wanted : number % 8 < 7 ? around.descriptors : []
    return all.length > 0 ? all[Math.trunc(number / 8) % all.length]!.fd : closed[number % closed.length]!
  }
  return {
    ...around,
    of,
    flags,
    path,
    anyPath: () => (next() % 12 === 0 ? of(seldom) : path()),
    directory: () => (next() % 4 === 0 ? fd(/directory|openat/) : AT_FDCWD),
    fd,
    pid: () => {
      const number = next()
      return number % 8 === 0 ? [0, 4000, -1000000, 1][(number >> 3) % 4]! : around.pids[number % around.pids.length]!
    },
    uid: () => of([0, 1000, 1001, -1, 0, 1000]),
    result: (call, otherwise) => {
      const number = next()
      const known = around.results.get(call) ?? []
      return number % 6 === 0 || known.length === 0
        ? otherwise[number % otherwise.length]!
        : known[number % known.length]!
    },
    address: () => {
      const number = next()
      return number % 8 === 0 || around.addresses.length === 0
        ? [0, 4095, 0x10000][(number >> 3) % 3]!
        : around.addresses[number % around.addresses.length]!
    },
  }
}

/** A call's arguments from a draw. */
export type Make = (draw: Draw) => import('../../../core/syscall.ts').Syscall

export const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)

/** Little-endian words of so many bytes each. */
export function words(width: 2 | 4 | 8, ...numbers: readonly (number | bigint)[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(width * numbers.length))
  for (const [index, number] of numbers.entries()) {
    if (width === 2) view.setUint16(2 * index, Number(number), true)
    else if (width === 4) view.setUint32(4 * index, Number(BigInt.asUintN(32, BigInt(number))), true)
    else view.setBigUint64(8 * index, BigInt.asUintN(64, BigInt(number)), true)
  }
  return new Uint8Array(view.buffer)
}
