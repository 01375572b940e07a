// Numbers of a scenario that stand for whatever the kernel gives: pids, descriptors, inodes, addresses. Each is bound when it
// is first seen; from then on both sides have to keep to it.

/** Pairs of the scenario's number and the kernel's; neither stands for two. */
export class Bindings {
  /** Numbers mean themselves: a pid namespace that the scenario has made counts from 1 on every kernel. */
  readonly literal: boolean
  readonly #actual = new Map<bigint, bigint>()
  readonly #written = new Map<bigint, bigint>()

  constructor(literal = false) {
    this.literal = literal
  }

  /** The kernel's number for a written one; undefined when it has none yet. */
  actual(written: bigint): bigint | undefined {
    return this.#actual.get(written)
  }

  written(actual: bigint): bigint | undefined {
    return this.#written.get(actual)
  }

  /** Binds, whatever was before: a number that is used again stands for something new. */
  bind(written: bigint, actual: bigint): void {
    if (this.literal) return
    const [before, other] = [this.#actual.get(written), this.#written.get(actual)]
    if (before !== undefined) this.#written.delete(before)
    if (other !== undefined) this.#actual.delete(other)
    this.#actual.set(written, actual)
    this.#written.set(actual, written)
  }

  /** Whether the numbers mean the same; binds them when neither has been seen. */
  same(written: bigint, actual: bigint): boolean {
    if (this.literal) return written === actual
    const [known, other] = [this.#actual.get(written), this.#written.get(actual)]
    if (known === undefined && other === undefined) this.bind(written, actual)
    return (known ?? actual) === actual && (other ?? written) === written
  }

  forget(written: bigint): void {
    const actual = this.#actual.get(written)
    this.#actual.delete(written)
    if (actual !== undefined) this.#written.delete(actual)
  }

  copy(): Bindings {
    const copy = new Bindings()
    for (const [written, actual] of this.#actual) copy.bind(written, actual)
    return copy
  }
}

/** Descriptors of one table, which tasks may share (CLONE_FILES), and by which path each was opened. */
export class Descriptors {
  readonly numbers: Bindings
  readonly paths: Map<bigint, string>

  constructor(numbers = new Bindings(), paths = new Map<bigint, string>()) {
    this.numbers = numbers
    this.paths = paths
  }

  copy(): Descriptors {
    return new Descriptors(this.numbers.copy(), new Map(this.paths))
  }
}

/** What numbers mean to one task. */
export interface Names {
  files: Descriptors
  /** Of its pid namespace. */
  pids: Bindings
  /** Of the pid namespace that its children are born in. */
  childPids: Bindings
  readonly inodes: Bindings
  readonly addresses: Bindings
  /** A log of another machine: numbers of its file systems are not asked. */
  elsewhere?: true
  /** By ports and addresses of netlink as they are written: the kernel's, which may be one for several. */
  readonly ports: Map<bigint, bigint>
  /** By clock: how many seconds the kernel's is ahead of the one that is written. */
  readonly clocks: Map<number, bigint>
  /** Numbers of network devices, by their names, as they were last seen. */
  readonly links: Map<string, number>
}

export const firstNames = (): Names => {
  const pids = new Bindings()
  const [inodes, addresses, ports] = [new Bindings(), new Bindings(), new Map()]
  return {
    files: new Descriptors(),
    pids,
    childPids: pids,
    inodes,
    addresses,
    ports,
    clocks: new Map(),
    links: new Map(),
  }
}

/** A pid argument; 0 and -1 mean no process, other negative numbers a group. */
export function actualPid(names: Names, written: bigint): bigint {
  if (written === 0n || written === -1n) return written
  return written < 0n ? -(names.pids.actual(-written) ?? -written) : (names.pids.actual(written) ?? written)
}

export const actualFd = (names: Names, written: bigint): bigint =>
  written < 0n ? written : (names.files.numbers.actual(written) ?? written)

/** A port of TCP or UDP: the kernel's for one that it has chosen; any other is what it is from now on. */
export function actualPort(names: Names, written: bigint): bigint {
  if (written !== 0n && !names.ports.has(written)) names.ports.set(written, written)
  return names.ports.get(written) ?? written
}

/** Whether a port is the one that is written; 0 means none. */
export function samePort(names: Names, written: bigint, actual: bigint): boolean {
  if (written === 0n || actual === 0n) return written === actual
  if (!names.ports.has(written)) names.ports.set(written, actual)
  return names.ports.get(written) === actual
}

/** A path with the numbers of processes and descriptors in it: `/proc/7/ns/uts`, `/proc/self/fd/3`. */
export function actualPath(names: Names, path: string): string {
  return path
    .replace(/^(\/proc\/|\.\.\/)(\d+)(?=\/|$)/, (_, lead, pid) => `${lead}${actualPid(names, BigInt(pid))}`)
    .replace(/^(\/proc\/\d+\/task\/)(\d+)(?=\/|$)/, (_, lead, pid) => `${lead}${actualPid(names, BigInt(pid))}`)
    .replace(
      /^(\/proc\/(?:self|thread-self)\/fd\/|\/dev\/fd\/)(\d+)(?=\/|$)/,
      (_, lead, fd) => `${lead}${actualFd(names, BigInt(fd))}`,
    )
}

/** Files whose text is numbers of tasks. */
export const holdsPids = (path: string | undefined): boolean =>
  path !== undefined && /(^|\/)(cgroup\.procs|cgroup\.threads|tasks)$/.test(path)

/** Text of such a file: each number as the kernel means it. */
export function actualPidText(names: Names, text: string): string {
  return text.replace(/\d+/g, (pid) => String(actualPid(names, BigInt(pid))))
}
