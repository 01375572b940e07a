// System V semaphores: semget(2), semop(2), semctl(2)

import { getObject, IPC_NOWAIT, mayControl, mayReadObject, mayUse, mayWriteObject, noAccess } from '../ipc/objects.ts'
import { type SemaphoreOperation, SemaphoreSet, semaphoreMax } from '../ipc/semaphores.ts'
import { setPermissions, statSemaphores } from '../ipc/stat.ts'
import { adjustmentsOf } from '../ipc/undo.ts'
import { type Denied, deny, isDenied, type Outcome, type Reply } from '../outcome.ts'
import { type Calls, full, partial } from '../table.ts'
import type { Task } from '../task.ts'
import { int } from './arguments.ts'

const SEM_UNDO = 0x1000
const operationBytes = 6
const IPC = { RMID: 0, SET: 1, STAT: 2 } as const
const CTL = { GETPID: 11, GETVAL: 12, GETALL: 13, GETNCNT: 14, GETZCNT: 15, SETVAL: 16, SETALL: 17 } as const

const invalid = (call: string, why: string): Denied => deny('EINVAL', call, `${call}: ${why}`)
const tooMuch = (call: string): Denied => deny('ERANGE', call, `${call}: a semaphore is 0 to ${semaphoreMax}`)

function semget(task: Task, key: number, count: number, flags: number): number | Denied {
  const call = 'semget(2)'
  const { ipc } = task.namespaces
  const { limits } = ipc
  if (count < 0 || count > limits.semmsl) return invalid(call, 'a set has as many semaphores as kernel.sem allows')
  return getObject(ipc.semaphores, task.credentials, ipc.owner, {
    ...{ key, flags, call },
    fits: (set) => (count > set.values.length ? invalid(call, 'the set has less semaphores') : undefined),
    make: () => {
      if (count === 0) return invalid(call, 'a new set has one semaphore or more')
      if (ipc.semaphoreCount + count > limits.semmns || ipc.semaphores.size >= limits.semmni)
        return deny('ENOSPC', call, `${call}: kernel.sem allows no more`)
      ipc.semaphoreCount += count
      return new SemaphoreSet(ipc.semaphores.nextId(), key, task.credentials, flags, count, task.kernel.now())
    },
  })
}

function operationsOf(bytes: Uint8Array, count: number): SemaphoreOperation[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return Array.from({ length: count }, (_, index) => {
    const at = operationBytes * index
    const flags = view.getInt16(at + 4, true)
    return {
      number: view.getUint16(at, true),
      change: view.getInt16(at + 2, true),
      noWait: (flags & IPC_NOWAIT) !== 0,
      undo: (flags & SEM_UNDO) !== 0,
    }
  })
}

function semop(task: Task, id: number, bytes: Uint8Array, count: number, timeoutNs: bigint | null): Reply {
  const call = 'semop(2)'
  const { ipc } = task.namespaces
  if (count < 1 || id < 0) return invalid(call, 'there are no operations, or the id is negative')
  if (count > ipc.limits.semopm) return deny('E2BIG', call, `${call}: more operations than kernel.sem allows`)
  if (bytes.length < operationBytes * count) return deny('EFAULT', call, `${call}: there are less operations than said`)
  if (timeoutNs !== null && timeoutNs < 0n) return invalid(call, 'the timeout is negative')
  const operations = operationsOf(bytes, count)
  const set = ipc.semaphores.find(id, call)
  if (isDenied(set)) return set
  if (operations.some(({ number }) => number >= set.values.length))
    return deny('EFBIG', call, `${call}: the set has no such semaphore`)
  const alters = operations.some(({ change }) => change !== 0)
  if (!mayUse(task.credentials, set, alters ? mayWriteObject : mayReadObject, ipc.owner)) return noAccess(call)
  const first = attempt(task, set, operations, call)
  if (!('change' in first)) return first
  const waitsOn = first
  if (waitsOn.noWait)
    return deny('EAGAIN', call, `${call}: IPC_NOWAIT, and semaphore ${waitsOn.number} would be waited for`)
  const waiting = waitsOn.change === 0 ? set.waitingForZero : set.waitingForMore
  waiting[waitsOn.number]! += 1
  const stopped = (outcome: Outcome): Outcome => {
    waiting[waitsOn.number]! -= 1
    return outcome
  }
  return {
    queues: [set.changes],
    interruptible: true,
    restarts: false,
    again: () => {
      if (set.removed) return stopped(deny('EIDRM', call, `${call}: the set has been removed`))
      const outcome = attempt(task, set, operations, call)
      return 'change' in outcome ? undefined : stopped(outcome)
    },
    interrupted: () => stopped(deny('EINTR', 'signal(7)', `${call}: a signal came while the call waited`)),
    ...(timeoutNs !== null && {
      deadlineNs: task.kernel.clock.nowNs + Number(timeoutNs),
      timedOut: () => stopped(deny('EAGAIN', call, `${call}: the time is up`)),
    }),
  }
}

/** Answers the operation that has to wait, or the end of the call. */
function attempt(
  task: Task,
  set: SemaphoreSet,
  operations: readonly SemaphoreOperation[],
  call: string,
): Outcome | SemaphoreOperation {
  const result = set.attempt(operations)
  if (result === 'ERANGE') return tooMuch(call)
  if (result !== 'done') return result
  const pid = task.entry.numbers[0]!
  for (const { number, change, undo } of operations) {
    set.pids[number] = pid
    if (!undo || change === 0) continue
    adjustmentsOf(task, set)[number]! -= change
  }
  set.operated = task.kernel.now()
  set.changes.wake()
  return { value: 0 }
}

function semctl(task: Task, id: number, number: number, operation: number, arg: number | Uint8Array): Reply {
  const call = 'semctl(2)'
  const { credentials } = task
  const { ipc } = task.namespaces
  const known = [...Object.values(IPC), ...Object.values(CTL)] as number[]
  if (!known.includes(operation)) return invalid(call, `there is no operation ${operation}`)
  const value = operation === CTL.SETVAL ? (typeof arg === 'object' ? 0 : int(arg)) : 0
  // The number of a set is looked at twice: whether it can be one, and then whether there is one.
  if (id >= 0 && (value < 0 || value > semaphoreMax)) return tooMuch(call)
  const set = ipc.semaphores.find(id, call)
  if (isDenied(set)) return set
  if (operation === IPC.RMID || operation === IPC.SET) {
    const refusal = mayControl(credentials, set, ipc.owner, call)
    if (refusal) return refusal
    if (operation === IPC.RMID) {
      ipc.semaphoreCount -= set.values.length
      ipc.semaphores.remove(set)
      return 0
    }
    const denied = setPermissions(set, credentials, typeof arg === 'number' ? new Uint8Array(0) : arg, call)
    if (denied) return denied
    set.changed = task.kernel.now()
    return 0
  }
  const changes = operation === CTL.SETVAL || operation === CTL.SETALL
  if (operation === CTL.SETVAL && !(number >= 0 && number < set.values.length))
    return invalid(call, 'the set has no such semaphore')
  if (!mayUse(credentials, set, changes ? mayWriteObject : mayReadObject, ipc.owner)) return noAccess(call)
  switch (operation) {
    case IPC.STAT:
      return { value: 0, data: statSemaphores(set, credentials) }
    case CTL.GETALL:
      return { value: 0, data: new Uint8Array(new Uint16Array(set.values).buffer) }
    case CTL.SETALL:
      return setAll(task, set, arg)
    case CTL.SETVAL:
      return setValues(task, set, new Map([[number, value]]))
  }
  if (number < 0 || number >= set.values.length) return invalid(call, 'the set has no such semaphore')
  if (operation === CTL.GETVAL) return set.values[number]!
  if (operation === CTL.GETPID) return set.pids[number]!
  return operation === CTL.GETNCNT ? set.waitingForMore[number]! : set.waitingForZero[number]!
}

function setAll(task: Task, set: SemaphoreSet, arg: number | Uint8Array): Reply {
  if (typeof arg === 'number' || arg.length < 2 * set.values.length)
    return deny('EFAULT', 'semctl(2)', 'semctl(2): there are not enough values')
  const view = new DataView(arg.buffer, arg.byteOffset, arg.byteLength)
  return setValues(task, set, new Map(set.values.map((_, at) => [at, view.getUint16(2 * at, true)])))
}

/** Nobody's undo counts for them any more. */
function setValues(task: Task, set: SemaphoreSet, values: ReadonlyMap<number, number>): Reply {
  for (const value of values.values()) if (value < 0 || value > semaphoreMax) return tooMuch('semctl(2)')
  for (const [number, value] of values) {
    set.values[number] = value
    set.pids[number] = task.entry.numbers[0]!
  }
  for (const undo of set.undone) for (const number of values.keys()) undo[number] = 0
  set.changed = task.kernel.now()
  set.changes.wake()
  return 0
}

export const calls: Calls = {
  semctl: partial('no IPC_INFO, SEM_INFO, SEM_STAT', (task, { semid, semnum, op, arg }) =>
    semctl(task, int(semid), int(semnum), int(op), int(arg)),
  ),
  semctl_buffer: partial('no IPC_INFO, SEM_INFO, SEM_STAT', (task, { semid, semnum, op, arg }) =>
    semctl(task, int(semid), int(semnum), int(op), arg),
  ),
  semget: full((task, { key, nsems, semflg }) => semget(task, int(key), int(nsems), int(semflg))),
  semop: full((task, { semid, sops, nsops }) => semop(task, int(semid), sops, int(nsops), null)),
  semtimedop: full((task, { semid, sops, nsops, timeout }) => semop(task, int(semid), sops, int(nsops), timeout)),
}
