// clone, clone3, fork, vfork: arguments in Linux's order; the birth itself is in life/birth.ts. clone(2), fork(2), vfork(2)

import type { CloneArgs } from '../../core/syscall.ts'
import { type Birth, giveBirth } from '../life/birth.ts'
import { CLONE, CLONE_HIGH } from '../life/clone-flags.ts'
import { pidLevelsMax } from '../ns/pid.ts'
import { type Denied, deny, isDenied, type Outcome, type Reply } from '../outcome.ts'

import { lastSignal, SIG } from '../signal/numbers.ts'
import { type Calls, full, partial } from '../table.ts'
import type { Task } from '../task.ts'
import { anyFileOf, int } from './arguments.ts'

/** Gives birth; with CLONE_VFORK the parent waits, and only what ends it ends that. */
function born(parent: Task, birth: Birth): Reply {
  const made = giveBirth(parent, birth)
  if (isDenied(made)) return made
  const { task, pidfd } = made
  const value = task.entry.in(parent.pidNamespace)!
  const outcome: Outcome = pidfd === undefined ? { value } : { value, data: int32(pidfd) }
  if (!task.vforkDone) return outcome
  const again = (): Outcome | undefined => (task.vforkDone ? undefined : outcome)
  return { queues: [task.vforkDone], again, interruptible: false }
}

function int32(value: number): Uint8Array {
  const data = new Uint8Array(4)
  new DataView(data.buffer).setInt32(0, value, true)
  return data
}

const sizes = { first: 64, withCgroup: 88, most: 4096 } as const

function clone3(parent: Task, args: CloneArgs): Reply {
  const birth = readArgs(parent, args)
  return isDenied(birth) ? birth : born(parent, birth)
}

/** copy_clone_args_from_user() and clone3_args_valid() in kernel/fork.c */
function readArgs(parent: Task, args: CloneArgs): Birth | Denied {
  const call = 'clone3(2)'
  const wrong = (rule: string, why: string) => deny('EINVAL', rule, `${call}: ${why}`)
  const size = args.size ?? sizes.withCgroup
  if (size > sizes.most) return deny('E2BIG', 'CLN-010', `${call}: the struct is larger than a page`)
  if (size < sizes.first) return wrong('CLN-010', 'the struct is smaller than its first version, 64 bytes')
  if (args.tail?.subarray(0, Math.max(0, size - sizes.withCgroup)).some((byte) => byte !== 0))
    return deny('E2BIG', 'CLN-010', `${call}: there is something behind the members that this kernel knows`)
  const numbers = args.set_tid ?? []
  if (numbers.length > pidLevelsMax) return wrong('CLN-015', 'set_tid has more numbers than pid namespaces can nest')
  const { THREAD, PARENT, SIGNAL, NEWTIME, DETACHED, SIGHAND } = CLONE
  const exitSignal = args.exit_signal ?? SIG.CHLD
  if (exitSignal < 0 || exitSignal > lastSignal) return wrong('CLN-011', 'exit_signal is no signal')
  const low = args.flags | 0
  const high = Math.floor(args.flags / 2 ** 32)
  const intoCgroup = (high & CLONE_HIGH.INTO_CGROUP) !== 0
  const cgroup = args.cgroup === undefined ? 0 : Number(args.cgroup)
  if (intoCgroup && (cgroup > 0x7fffffff || cgroup < 0 || size < sizes.withCgroup))
    return wrong('CLN-016', 'CLONE_INTO_CGROUP, and cgroup is no descriptor')
  const clearHandlers = (high & CLONE_HIGH.CLEAR_SIGHAND) !== 0
  if (high & ~(CLONE_HIGH.CLEAR_SIGHAND | CLONE_HIGH.INTO_CGROUP)) return wrong('CLN-014', 'there are unknown flags')
  if (low & (DETACHED | (SIGNAL & ~NEWTIME)))
    return wrong('CLN-009', 'CLONE_DETACHED and the byte of the signal are not taken')
  if (low & SIGHAND && clearHandlers)
    return wrong('CLN-013', 'CLONE_SIGHAND and CLONE_CLEAR_SIGHAND exclude each other')
  if (low & (THREAD | PARENT) && exitSignal !== 0)
    return wrong('CLN-011', 'a thread or sibling has no exit_signal of its own')
  if ((args.stack ?? 0) === 0 ? (args.stack_size ?? 0) !== 0 : (args.stack_size ?? 0) === 0)
    return wrong('CLN-012', 'stack and stack_size are both there or both not')
  const target = () => {
    const file = anyFileOf(parent, cgroup, 'clone3(2): CLONE_INTO_CGROUP')
    return isDenied(file) ? file : parent.kernel.cgroups.target(parent, file)
  }
  return { ...{ flags: low, exitSignal, clearHandlers, numbers, call }, ...(intoCgroup && { cgroup: target }) }
}

/** The lowest byte is the exit signal, so that CLONE_NEWTIME cannot be asked for (CLN-019). Unknown bits do not matter. */
function clone(parent: Task, flags: number): Reply {
  const low = flags & ~CLONE.SIGNAL
  if (low & CLONE.PIDFD && low & CLONE.PARENT_SETTID)
    return deny('EINVAL', 'CLN-056', 'clone(2): CLONE_PIDFD and CLONE_PARENT_SETTID use the same pointer')
  return born(parent, { ...plain, flags: low, exitSignal: flags & CLONE.SIGNAL, call: 'clone(2)' })
}

const plain = { clearHandlers: false, numbers: [] as readonly number[] }
const ofFork: Birth = { ...plain, flags: 0, exitSignal: SIG.CHLD, call: 'fork(2)' }
const ofVfork: Birth = { ...plain, flags: CLONE.VFORK | CLONE.VM, exitSignal: SIG.CHLD, call: 'vfork(2)' }

export const calls: Calls = {
  clone: partial('no stacks, no thread-local storage', (task, { flags }) => clone(task, int(flags))),
  clone3: partial('no stacks, no thread-local storage', (task, { cl_args }) => clone3(task, cl_args)),
  fork: full((task) => born(task, ofFork)),
  vfork: full((task) => born(task, ofVfork)),
  set_tid_address: partial('the address is not written to', (task) => task.entry.numbers[task.pidNamespace.level]!),
}
