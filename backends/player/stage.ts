// The real kernel as a stage for scenarios: backends/linux/native/player.c makes a corner of its own and has puppets make the calls.

import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { errnoName } from '../../core/errno.ts'
import { Arena } from '../../core/launch/arena.ts'
import { type EncodedCall, encodeCall } from '../../core/launch/encode.ts'
import type { Syscall } from '../../core/syscall.ts'
import type { Config } from '../../sim/kernel.ts'
import type { Outcome } from '../../sim/outcome.ts'
import type { Actor, Answer, Ended, Newcomer, Stage } from '../../sim/scenario/stage.ts'
import { furnish } from '../../sim/scenario/world.ts'
import { syscallNumber } from '../linux/numbers.ts'
import { refuseDanger } from './danger.ts'
import { isEmulated, isUserModeLinux, kernelVersion, titleOfKernel } from './machine.ts'
import { playerProgram } from './program.ts'

// As in puppet.h and player.c.
const BASE = 0x2000000000
const SLOTS = 48
const SLOT_BYTES = 0x40000
const DATA_OFFSET = 0x8000
const REQUEST_BYTES = 96
const REPLY_BYTES = 24
const what = { call: 1, collect: 2, ended: 3, received: 4, waiting: 5 } as const
const kinds = { plain: 0, clone3: 1, clone: 2, sigaction: 3, compute: 4 } as const
const DONE = 0
const WAITS = 1

const CLONE_PIDFD = 0x1000
const slow = isUserModeLinux() ? 5 : isEmulated() ? 10 : 1
/** Milliseconds after which a call that the scenario lets wait, or not, is left alone. */
const patience = { mayWait: 2000 * slow, ends: 3000 * slow }

interface Reply {
  readonly status: number
  /** Of the new task, as the supervisor sees it; 0 for none. */
  readonly born: number
  readonly result: number
  readonly data: Uint8Array
}

interface Request {
  readonly what: number
  readonly slot: number
  readonly newslot?: number
  readonly timeoutMs?: number
  readonly kind?: number
  readonly mayWait?: boolean
  readonly number?: number
  readonly registers?: readonly (number | bigint)[]
  readonly data?: Uint8Array
  readonly output?: EncodedCall['output']
}

/**
 * Opens a corner of the real kernel. Needs root; the caller closes it, after which nothing is left.
 *
 * @param wholeTree - its cgroups are the machine's own, from the root on: only for an emulated machine
 */
export async function realStage(cgroups: Config['cgroups'] = 'v2', wholeTree = false): Promise<RealStage> {
  const program = playerProgram()
  const directories = wholeTree ? [] : ownCgroups(cgroups)
  const left = wholeTree ? new Set(cgroupsBelow('/sys/fs/cgroup')) : undefined
  const child = spawn(
    program,
    directories.map((directory) => join(directory, 'cgroup.procs')),
    { stdio: ['pipe', 'pipe', 'pipe'], env: {} },
  )
  const stage = new RealStage(child, directories, left)
  try {
    await stage.open(cgroups)
    return stage
  } catch (error) {
    await stage.close()
    throw error
  }
}

const cgroupsBelow = (root: string): string[] =>
  readdirSync(root, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [join(root, entry.name)] : []))

/** A cgroup of its own in every hierarchy that a scenario sees. */
function ownCgroups(cgroups: Config['cgroups']): string[] {
  const name = `vitrine-player-${process.pid}-${Math.trunc(performance.now() * 1000)}`
  const root = '/sys/fs/cgroup'
  const pure = existsSync(`${root}/cgroup.procs`)
  const roots = pure ? [root] : readdirSync(root).map((entry) => join(root, entry))
  const wanted = roots.filter(
    (path) => existsSync(`${path}/cgroup.procs`) && (cgroups !== 'v2' || existsSync(`${path}/cgroup.controllers`)),
  )
  return [...new Set(wanted)].map((path) => {
    const directory = join(path, name)
    mkdirSync(directory)
    // Version 1's cpuset takes nobody before it has CPUs and memory.
    for (const file of ['cpuset.cpus', 'cpuset.mems'])
      if (!pure && existsSync(join(directory, file)))
        writeFileSync(join(directory, file), readFileSync(join(path, file)))
    return directory
  })
}

export class RealStage implements Stage {
  readonly kind = 'linux'
  readonly version: readonly [number, number]
  readonly title: string
  first: Newcomer = { actor: 1, pid: 2 }
  readonly #child: ChildProcess
  readonly #cgroups: readonly string[]
  /** Of the machine's own cgroups: those that were there before, when a scenario has them all. */
  readonly #left: ReadonlySet<string> | undefined
  readonly #exited: Promise<void>
  /** What has been read and not yet asked for. */
  #input: Buffer = Buffer.alloc(0)
  #wanted: (() => void) | undefined
  #gone = false
  #slots = 1
  #complaint = ''
  /** Where calls are laid out, one after the other. */
  readonly #arguments = new Uint8Array(SLOT_BYTES - DATA_OFFSET)
  /** What a call that waits will give back. */
  readonly #pending = new Map<Actor, EncodedCall['output']>()

  constructor(child: ChildProcess, cgroups: readonly string[], left?: ReadonlySet<string>) {
    this.version = kernelVersion()
    this.title = titleOfKernel()
    this.#child = child
    this.#cgroups = cgroups
    this.#left = left
    child.stdout!.on('data', (chunk: Buffer) => {
      this.#input = Buffer.concat([this.#input, chunk])
      this.#wanted?.()
    })
    child.stderr!.on('data', (chunk: Buffer) => {
      this.#complaint += chunk
    })
    child.stdin!.on('error', () => {})
    this.#exited = new Promise((done) => {
      child.on('close', () => {
        this.#gone = true
        this.#wanted?.()
        done()
      })
    })
  }

  /** Furnishes the corner and starts the first task. */
  async open(cgroups: Config['cgroups']): Promise<void> {
    await this.#read(4)
    const calls: Syscall[] = []
    // Furnishing asks for outcomes one after the other; here they come later, so it is played again until nothing is new.
    const known: Outcome[] = []
    for (;;) {
      let at = 0
      calls.length = 0
      furnish(cgroups, (call) => {
        const outcome = known[at++]
        if (outcome === undefined) calls.push(call)
        return outcome ?? { errno: 'ENOSYS', rule: '', sentence: '' }
      })
      if (calls.length === 0) break
      known.push(await this.#self(calls[0]!))
    }
    const answer = await this.#step(0, { name: 'clone3', cl_args: { flags: 0, exit_signal: 17 } }, false)
    if (answer.kind !== 'ended' || answer.child === undefined) throw new Error(`no first task: ${this.#complaint}`)
    this.first = answer.child
    await this.call(
      this.first.actor,
      { name: 'rt_sigaction', signum: 17, act: { handler: 0 }, oldact: 0, sigsetsize: 8 },
      false,
    )
  }

  async call(actor: Actor, call: Syscall, waits: boolean): Promise<Answer> {
    if (!isUserModeLinux() && !isEmulated()) refuseDanger(call)
    return await this.#step(actor, call, waits)
  }

  async collect(actor: Actor): Promise<Answer> {
    return this.#answer(
      actor,
      await this.#ask({ what: what.collect, slot: actor, timeoutMs: patience.ends }),
      undefined,
    )
  }

  async waiting(actor: Actor): Promise<boolean> {
    const output = this.#pending.get(actor)
    const { status } = await this.#ask({ what: what.waiting, slot: actor, timeoutMs: patience.mayWait, output })
    return status === WAITS
  }

  async ended(actor: Actor): Promise<Ended | undefined> {
    const { status, result } = await this.#ask({ what: what.ended, slot: actor, timeoutMs: patience.ends })
    if (status === WAITS) return undefined
    // The kernel's wait status, of a zombie alone.
    return status === DONE ? { code: (result >> 8) & 0xff, signal: result & 0x7f } : {}
  }

  async compute(actors: readonly Actor[], milliseconds: number): Promise<void> {
    // CLOCK_MONOTONIC, as the puppets read it.
    const startNs = process.hrtime.bigint() + BigInt(200 * slow) * 1_000_000n
    const registers = [startNs, startNs + BigInt(milliseconds) * 1_000_000n, 0, 0, 0, 0]
    for (const slot of actors) {
      this.#pending.set(slot, undefined)
      await this.#ask({ what: what.call, slot, kind: kinds.compute, registers, timeoutMs: 0 })
    }
    for (const slot of actors) {
      const { status } = await this.#ask({
        what: what.collect,
        slot,
        timeoutMs: 200 * slow + milliseconds + patience.ends,
      })
      if (status !== DONE) throw new Error('a task does not end computing')
    }
  }

  async received(actor: Actor): Promise<readonly number[]> {
    const { data } = await this.#ask({ what: what.received, slot: actor })
    return Array.from({ length: data.length / 4 }, (_, index) => new DataView(data.buffer).getUint32(4 * index, true))
  }

  /** Ends everybody and removes the cgroups. */
  async close(): Promise<void> {
    this.#child.stdin!.end()
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), 2000 * slow)
    await this.#exited
    clearTimeout(timer)
    for (const directory of this.#cgroups) await removeTree(directory)
    if (this.#left === undefined) return
    for (const path of cgroupsBelow('/sys/fs/cgroup')) if (!this.#left.has(path)) await removeTree(path)
  }

  async #self(call: Syscall): Promise<Outcome> {
    const answer = await this.#step(0, call, false)
    if (answer.kind !== 'ended') throw new Error(`process 1: ${call.name} does not end`)
    return answer.outcome
  }

  async #step(actor: Actor, given: Syscall, mayWait: boolean): Promise<Answer> {
    const call = executed(given, actor)
    const data = this.#arguments
    const arena = new Arena(data, BASE + actor * SLOT_BYTES + DATA_OFFSET, 0, true)
    const { kind, number, registers, output } = prepared(call, arena)
    const newslot = kind === kinds.clone3 || kind === kinds.clone ? this.#slots++ : 0
    if (this.#slots > SLOTS) throw new Error(`a scenario has more than ${SLOTS - 1} tasks`)
    const reply = await this.#ask({
      ...{ what: what.call, slot: actor, newslot, kind, mayWait, number, registers, output },
      timeoutMs: mayWait ? patience.mayWait : patience.ends,
      data: data.subarray(0, arena.at),
    })
    this.#pending.set(actor, output)
    return this.#answer(actor, reply, reply.born ? { actor: newslot, pid: reply.born } : undefined)
  }

  #answer(actor: Actor, reply: Reply, child: Newcomer | undefined): Answer {
    const born = child === undefined ? {} : { child }
    if (reply.status === WAITS) return { kind: 'waits', ...born }
    if (reply.status !== DONE) return { kind: 'gone' }
    const output = this.#pending.get(actor)
    const { result } = reply
    if (result < 0 && result > -4096)
      return { kind: 'ended', outcome: { errno: errnoName(-result), rule: '', sentence: '' } }
    const length = output === undefined ? 0 : output.cutToValue ? Math.min(result, output.byteCount) : output.byteCount
    const outcome = output === undefined ? { value: result } : { value: result, data: reply.data.slice(0, length) }
    return { kind: 'ended', outcome, ...born }
  }

  async #ask(request: Request): Promise<Reply> {
    const head = Buffer.alloc(REQUEST_BYTES)
    const output = request.output ?? (request.what === what.collect ? this.#pending.get(request.slot) : undefined)
    const words = [request.what, request.slot, request.newslot ?? 0, request.timeoutMs ?? 0, request.kind ?? 0]
    for (const [index, word] of [...words, request.mayWait ? 1 : 0].entries()) head.writeUInt32LE(word, 4 * index)
    head.writeBigInt64LE(BigInt(request.number ?? 0), 24)
    for (const [index, value] of (request.registers ?? []).entries())
      head.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value)), 32 + 8 * index)
    head.writeUInt32LE(request.data?.length ?? 0, 80)
    head.writeUInt32LE(output?.offset ?? 0, 84)
    head.writeUInt32LE(output?.byteCount ?? 0, 88)
    this.#child.stdin!.write(request.data ? Buffer.concat([head, request.data]) : head)
    const reply = await this.#read(REPLY_BYTES)
    const data = await this.#read(reply.readUInt32LE(16))
    return {
      status: reply.readUInt32LE(0),
      born: reply.readUInt32LE(4),
      result: Number(reply.readBigInt64LE(8)),
      data: Uint8Array.from(data),
    }
  }

  async #read(byteCount: number): Promise<Buffer> {
    while (this.#input.length < byteCount) {
      if (this.#gone) throw new Error(`the player has ended: ${this.#complaint || 'nothing said'}`)
      await new Promise<void>((done) => {
        this.#wanted = done
      })
    }
    const data = this.#input.subarray(0, byteCount)
    this.#input = this.#input.subarray(byteCount)
    return data
  }
}

/** A program that is executed finds its mailbox by its environment. */
function executed(call: Syscall, actor: Actor): Syscall {
  if (call.name !== 'execve' && call.name !== 'execveat') return call
  return { ...call, envp: [...call.envp, `PUP=${actor}`] }
}

interface Prepared {
  readonly kind: number
  readonly number: number
  readonly registers: readonly (number | bigint)[]
  readonly output: EncodedCall['output']
}

/** A call as registers, with what the runtime's own calls never need: handlers, pidfds, forks. */
function prepared(call: Syscall, arena: Arena): Prepared {
  const arch = process.arch as 'x64' | 'arm64'
  const name: string = call.name
  if (name === 'fork' || name === 'vfork')
    return {
      ...{ kind: kinds.clone, number: 0, output: undefined },
      registers: [name === 'fork' ? 17 : 0x4111, 0, 0, 0, 0],
    }
  const encoded = encodeCall(call, arena)
  const registers = encoded.registers.map((register) => {
    if (typeof register === 'object') throw new Error(`${call.name}: an earlier result as an argument`)
    return register
  })
  let { output } = encoded
  if (call.name === 'clone3' && (BigInt(call.cl_args.flags) & BigInt(CLONE_PIDFD)) !== 0n) {
    const place = arena.reserve(8)
    arena.u64(Number(registers[0]) - arena.base + 8, arena.address(place))
    output = { offset: place, byteCount: 4, cutToValue: false }
  }
  if (call.name === 'clone3' && call.cl_args.set_tid) {
    const tids = call.cl_args.set_tid
    const place = arena.reserve(4 * tids.length)
    for (const [index, tid] of tids.entries()) arena.u32(place + 4 * index, tid)
    const at = Number(registers[0]) - arena.base
    arena.u64(at + 64, arena.address(place))
    arena.u64(at + 72, tids.length)
  }
  if (call.name === 'clone') {
    // Where the kernel writes numbers; a scenario's own addresses mean nothing here.
    const place = arena.reserve(16)
    registers[2] = arena.address(place)
    registers[3] = arena.address(place + 8)
    output = { offset: place, byteCount: 4, cutToValue: false }
  }
  const kind =
    name === 'clone3'
      ? kinds.clone3
      : name === 'clone'
        ? kinds.clone
        : name === 'rt_sigaction'
          ? kinds.sigaction
          : kinds.plain
  return { kind, number: syscallNumber(call.name, arch), registers, output }
}

async function removeTree(directory: string): Promise<void> {
  for (const entry of readdirSync(directory, { withFileTypes: true }))
    if (entry.isDirectory()) await removeTree(join(directory, entry.name))
  for (let tries = 0; ; tries++) {
    try {
      rmdirSync(directory)
      return
    } catch (error) {
      // The kernel lets go of the last tasks a little later.
      if ((error as NodeJS.ErrnoException).code !== 'EBUSY' || tries > 200) throw error
      await sleep(10)
    }
  }
}
