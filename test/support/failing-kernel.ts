// A simulated machine whose kernel refuses exactly one call of the runtime, or at which the runtime is killed after one:
// its calls are counted, wherever they are made: by the runtime, by the monitor, by the container until it executes its program.

import { type Errno, errnoSentences } from '../../core/errno.ts'
import type { Syscall, SyscallName } from '../../core/syscall.ts'
import type { Kernel as Machine } from '../../sim/kernel.ts'
import { deny, isDenied, type Outcome } from '../../sim/outcome.ts'
import type { Task } from '../../sim/task.ts'
import type { InodeKind } from '../../sim/vfs/inode.ts'

/** Who makes a call: `child` is the container's process before execve(2). */
export type Who = 'runtime' | 'monitor' | 'child'

export interface SeenCall {
  readonly who: Who
  readonly call: Syscall
  /** What a descriptor that it reads from or writes to is of. */
  readonly on?: InodeKind
  /** The errno, when it was refused without our doing. */
  readonly errno?: Errno
}

/** What goes wrong: at the call of this index, counted from 0 after `arm`. */
export type Fault = { readonly at: number; readonly errno: Errno } | { readonly at: number; readonly crash: true }

/** The runtime was killed: nothing that its JavaScript still does reaches the machine. */
export class Crashed extends Error {}

/** More calls than any verb makes: it goes round and round. */
const callsMax = 60_000

export interface FailingMachine {
  /** Begins to count, with a fault or without one. */
  readonly arm: (fault?: Fault) => void
  /** Stops counting; what was seen. */
  readonly disarm: () => readonly SeenCall[]
}

/** Puts itself between the tasks of a runtime and the kernel of its machine. */
export function watchCalls(machine: Machine, runtime: Task): FailingMachine {
  const roles = new Map<Task, 'monitor' | 'child'>()
  let seen: SeenCall[] | undefined
  let fault: Fault | undefined
  let crashed = false
  let made = 0
  const { process } = runtime
  const pass = machine.call.bind(machine)

  const whose = (task: Task): Who | undefined => (task.process === process ? 'runtime' : roles.get(task))

  const learn = (task: Task, who: Who, call: Syscall, outcome: Outcome | undefined) => {
    if (outcome === undefined || isDenied(outcome)) return
    if (call.name === 'execve' && who === 'child') roles.delete(task)
    if (call.name !== 'clone3' || machine.lastBorn === undefined || machine.lastBorn.process === process) return
    roles.set(machine.lastBorn, who === 'runtime' ? 'monitor' : 'child')
  }

  machine.call = (task: Task, call: Syscall) => {
    const who = whose(task)
    if (who === undefined) return pass(task, call)
    // Nobody waits for what close(2) says: a throw would be nobody's.
    if (crashed && who === 'runtime' && call.name === 'close') return { value: 0 }
    if (crashed && who === 'runtime') throw new Crashed(`the runtime was killed before ${call.name}`)
    if (made++ > callsMax) throw new Error(`more than ${callsMax} calls: it does not come to an end`)
    if (seen === undefined) {
      const outcome = pass(task, call)
      learn(task, who, call, outcome)
      return outcome
    }
    const index = seen.length
    const isIt = fault?.at === index
    const kind = 'fd' in call && typeof call.fd === 'number' ? task.files.get(call.fd)?.file.inode.kind : undefined
    const one: SeenCall = { who, call, ...(kind && { on: kind }) }
    if (isIt && 'errno' in fault!) {
      seen.push(one)
      // What close(2) says comes after the descriptor is gone.
      if (call.name === 'close') pass(task, call)
      return deny(fault.errno, 'fault', `refused by the test: ${errnoSentences[fault.errno]}`)
    }
    seen.push(one)
    const outcome = pass(task, call)
    if (outcome && isDenied(outcome)) seen[index] = { ...one, errno: outcome.errno }
    learn(task, who, call, outcome)
    if (isIt) {
      crashed = true
      pass(machine.init, { name: 'kill', pid: process.leader.entry.numbers[0]!, sig: 9 })
      // A process that it has just made has its program all the same.
      if (who === 'runtime' && call.name !== 'close' && call.name !== 'clone3')
        throw new Crashed(`the runtime was killed after ${call.name}`)
    }
    return outcome
  }
  return {
    arm: (given) => {
      seen = []
      fault = given
      made = 0
    },
    disarm: () => {
      const all = seen ?? []
      seen = undefined
      fault = undefined
      made = 0
      return all
    },
  }
}

/** Calls that cannot be refused: there is no errno for them. */
export const neverRefused: ReadonlySet<SyscallName> = new Set(['getpid', 'getuid', 'getgid', 'umask'])
