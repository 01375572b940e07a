// kill, tkill, tgkill, rt_sigqueueinfo: signals from task to task. kill(2), tgkill(2), rt_sigqueueinfo(2)

import { maySignal } from '../access.ts'
import type { PidEntry } from '../ns/pid.ts'
import { type Denied, deny, isDenied } from '../outcome.ts'
import type { Process } from '../process.ts'
import { SI, type SignalInfo } from '../signal/info.ts'
import { lastSignal } from '../signal/numbers.ts'
import { fromTask, isFromAbove, sendToProcess, sendToTask } from '../signal/send.ts'
import { type Calls, full, partial } from '../table.ts'
import type { Task } from '../task.ts'
import { int } from './arguments.ts'

/** @errors EINVAL no signal has this number; EPERM (PID-102) */
function check(sender: Task, receiver: Task, signal: number, call: string): Denied | undefined {
  if (signal < 0 || signal > lastSignal) return deny('EINVAL', 'PID-029', `${call}: signals have numbers from 0 to 64`)
  return maySignal(sender, receiver, signal, call)
}

/** Signal 0 is a question only. */
export function signalProcess(sender: Task, process: Process, signal: number, call: string): Denied | undefined {
  const { leader } = process
  const refusal = check(sender, leader, signal, call)
  if (refusal || signal === 0) return refusal
  sendToProcess(process, fromTask(sender, leader, signal), isFromAbove(sender, leader))
  return undefined
}

export function signalThread(sender: Task, task: Task, signal: number, call: string): Denied | undefined {
  const refusal = check(sender, task, signal, call)
  if (refusal || signal === 0) return refusal
  sendToTask(task, fromTask(sender, task, signal, SI.TKILL), isFromAbove(sender, task))
  return undefined
}

/** One that may be signalled is enough. __kill_pgrp_info() */
export function signalGroup(sender: Task, group: PidEntry | undefined, signal: number, call: string): number | Denied {
  let refusal: Denied = deny('ESRCH', 'PID-041', `${call}: there is no such process group`)
  let done = false
  for (const process of [...(group?.group ?? [])]) {
    const answer = signalProcess(sender, process, signal, call)
    if (answer === undefined) done = true
    else refusal = answer
  }
  return done ? 0 : refusal
}

function kill(task: Task, pid: number, signal: number): number | Denied {
  const call = 'kill(2)'
  if (pid > 0) {
    const process = task.pidNamespace.find(pid)?.task?.process
    if (process === undefined)
      return deny('ESRCH', 'PID-029', `${call}: no process has the number ${pid} in the caller's pid namespace`)
    return signalProcess(task, process, signal, call) ?? 0
  }
  if (pid === -0x80000000) return deny('ESRCH', call, `${call}: there is no such process group`)
  if (pid === -1) return killAll(task, signal)
  return signalGroup(task, pid === 0 ? task.process.group : task.pidNamespace.find(-pid), signal, call)
}

/** Everybody that the caller can see but itself and process 1 (PID-017). */
function killAll(task: Task, signal: number): number | Denied {
  const call = 'kill(2)'
  let outcome: number | Denied = deny('ESRCH', 'PID-017', `${call}: there is nobody but process 1 and the caller`)
  for (const [pid, { task: other }] of [...task.pidNamespace.entries]) {
    if (pid === 1 || other === undefined || other !== other.process.leader || other.process === task.process) continue
    const answer = signalProcess(task, other.process, signal, call)
    if (isDenied(outcome) && outcome.errno === 'ESRCH') outcome = 0
    if (answer?.errno !== 'EPERM') outcome = answer ?? 0
  }
  return outcome
}

/** @param tgid - 0: whatever process the thread belongs to */
function killThread(task: Task, tgid: number, tid: number, signal: number, call: string): number | Denied {
  const thread = task.pidNamespace.find(tid)?.task
  if (thread === undefined || (tgid > 0 && thread.process.leader.entry.in(task.pidNamespace) !== tgid))
    return deny('ESRCH', call, `${call}: there is no such thread`)
  return signalThread(task, thread, signal, call) ?? 0
}

function queue(task: Task, tgid: number, signal: number, info: Uint8Array): number | Denied {
  const call = 'rt_sigqueueinfo(2)'
  const view = new DataView(info.buffer, info.byteOffset, info.byteLength)
  const at = (offset: number): number => (offset + 4 <= info.length ? view.getInt32(offset, true) : 0)
  const code = at(8)
  const process = task.pidNamespace.find(tgid)?.task?.process
  if ((code >= 0 || code === SI.TKILL) && process !== task.process)
    return deny('EPERM', call, `${call}: only kill(2) and the kernel may say so of themselves`)
  if (process === undefined) return deny('ESRCH', call, `${call}: there is no process ${tgid}`)
  const refusal = check(task, process.leader, signal, call)
  if (refusal || signal === 0) return refusal ?? 0
  const sent: SignalInfo = { signal, code, pid: at(16), uid: at(20) >>> 0, value: at(24) }
  sendToProcess(process, sent, isFromAbove(task, process.leader))
  return 0
}

export const calls: Calls = {
  kill: full((task, { pid, sig }) => kill(task, int(pid), int(sig))),
  tkill: full((task, { tid, sig }) => {
    if (int(tid) <= 0) return deny('EINVAL', 'tkill(2)', 'tkill(2): a thread has a positive number')
    return killThread(task, 0, int(tid), int(sig), 'tkill(2)')
  }),
  tgkill: full((task, { tgid, tid, sig }) => {
    if (int(tgid) <= 0 || int(tid) <= 0)
      return deny('EINVAL', 'tgkill(2)', 'tgkill(2): processes and threads have positive numbers')
    return killThread(task, int(tgid), int(tid), int(sig), 'tgkill(2)')
  }),
  rt_sigqueueinfo: partial('the value is 32 bits', (task, { tgid, sig, info }) =>
    queue(task, int(tgid), int(sig), info),
  ),
}
