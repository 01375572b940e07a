// wait4, waitid, exit, exit_group: how processes end, and how their parents learn of it. wait(2), exit(2)

import { endProcess, endThread } from '../life/exit.ts'
import { pidEntryOf, pidfdOf } from '../life/pidfd.ts'
import { lookAtChildren, type News, W, type Which, waitStatus } from '../life/wait-children.ts'
import { type Denied, deny, isDenied, type Outcome, type Reply } from '../outcome.ts'
import { encodeInfo } from '../signal/info.ts'
import { SIG } from '../signal/numbers.ts'
import { type Calls, full, partial } from '../table.ts'
import type { Task } from '../task.ts'
import { O } from '../vfs/flags.ts'
import { int } from './arguments.ts'

/**
 * @param found - makes the outcome of news
 * @param patient - waits; otherwise `nothing` is the outcome at once
 */
function wait(
  task: Task,
  which: Which,
  options: number,
  call: string,
  found: (news: News) => Outcome,
  nothing: Outcome | undefined,
): Reply {
  const again = (): Outcome | undefined => {
    const news = lookAtChildren(task, which, options)
    if (news === 'none') return deny('ECHILD', 'PID-030', `${call}: there is no such child to wait for`)
    return news && found(news)
  }
  const outcome = again() ?? nothing
  return outcome ?? { queues: [task.process.childChanges], again, interruptible: true }
}

const ofWait4 = W.NOHANG | W.STOPPED | W.CONTINUED | W.NOTHREAD | W.CLONE | W.ALL
const ofWaitid = ofWait4 | W.EXITED | W.NOWAIT

function wait4(task: Task, pid: number, options: number): Reply {
  const call = 'wait4(2)'
  if (options & ~ofWait4) return deny('EINVAL', 'PID-030', `${call}: there are unknown options`)
  if (pid === -0x80000000) return deny('ESRCH', call, `${call}: there is no such process group`)
  const found = (news: News): Outcome => {
    const { slab } = task.kernel
    const data = slab.take(4)
    slab.view.setInt32(slab.base, waitStatus(news), true)
    return { value: news.pid, data }
  }
  const nothing = options & W.NOHANG ? { value: 0 } : undefined
  return wait(task, whichOf(task, pid), options | W.EXITED, call, found, nothing)
}

function whichOf(task: Task, pid: number): Which {
  if (pid === -1) return { kind: 'any' }
  if (pid === 0) return { kind: 'group', group: task.process.group }
  if (pid < 0) return { kind: 'group', group: task.pidNamespace.find(-pid) }
  return { kind: 'process', entry: task.pidNamespace.find(pid) }
}

const P = { ALL: 0, PID: 1, PGID: 2, PIDFD: 3 } as const

function waitid(task: Task, idtype: number, id: number, options: number): Reply {
  const call = 'waitid(2)'
  if (options & ~ofWaitid) return deny('EINVAL', 'PID-030', `${call}: there are unknown options`)
  if (!(options & (W.EXITED | W.STOPPED | W.CONTINUED)))
    return deny('EINVAL', 'waitid(2)', `${call}: nothing is waited for: WEXITED, WSTOPPED or WCONTINUED is needed`)
  let patient = !(options & W.NOHANG)
  const which = whichOfId(task, idtype, id, call)
  if (isDenied(which)) return which
  let nothing: Outcome | undefined = { value: 0, data: new Uint8Array(128) }
  if (idtype === P.PIDFD && patient && task.files.get(id)!.file.flags & O.NONBLOCK) {
    patient = false
    nothing = deny('EAGAIN', 'PID-037', `${call}: the pidfd does not wait, and the process has not changed`)
  }
  const found = ({ pid, uid, code, status }: News): Outcome => ({
    value: 0,
    data: encodeInfo({ signal: SIG.CHLD, pid, uid, code, status }),
  })
  return wait(task, which, options, call, found, patient ? undefined : nothing)
}

function whichOfId(task: Task, idtype: number, id: number, call: string): Which | Denied {
  const wrong = (why: string) => deny('EINVAL', 'waitid(2)', `${call}: ${why}`)
  switch (idtype) {
    case P.ALL:
      return { kind: 'any' }
    case P.PID:
      if (id <= 0) return wrong('P_PID wants the number of a process')
      return { kind: 'process', entry: task.pidNamespace.find(id) }
    case P.PGID:
      if (id < 0) return wrong('P_PGID wants the number of a process group')
      return { kind: 'group', group: id === 0 ? task.process.group : task.pidNamespace.find(id) }
    case P.PIDFD: {
      if (id < 0) return wrong('P_PIDFD wants a descriptor')
      const file = pidfdOf(task, id, call)
      return isDenied(file) ? file : { kind: 'process', entry: pidEntryOf(file) }
    }
    default:
      return wrong('the kind of id is unknown')
  }
}

export const calls: Calls = {
  exit: full((task, { status }) => {
    endThread(task, int(status) & 0xff)
    return 0
  }),
  exit_group: full((task, { status }) => {
    endProcess(task.process, { code: int(status) & 0xff, signal: 0 })
    return 0
  }),
  wait4: partial('no resource usage', (task, { pid, options }) => wait4(task, int(pid), int(options))),
  waitid: partial('no resource usage', (task, { idtype, id, options }) =>
    waitid(task, int(idtype), int(id), int(options)),
  ),
}
