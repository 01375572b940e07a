// prctl, personality: what a process or thread says about itself. prctl(2), personality(2)

import { cut } from '../life/exec.ts'
import { type Denied, deny, type Outcome, type Reply } from '../outcome.ts'
import { lastSignal } from '../signal/numbers.ts'
import { type Calls, full, partial } from '../table.ts'
import type { Task } from '../task.ts'
import { encode } from '../vfs/utf8.ts'
import { int, long, uint } from './arguments.ts'
import { prctlCredentials } from './prctl-credentials.ts'
import { setStrict } from './seccomp.ts'

/** linux/prctl.h */
const PR = {
  SET_PDEATHSIG: 1,
  GET_PDEATHSIG: 2,
  GET_DUMPABLE: 3,
  SET_DUMPABLE: 4,
  SET_NAME: 15,
  GET_NAME: 16,
  GET_SECCOMP: 21,
  SET_SECCOMP: 22,
  SET_TIMERSLACK: 29,
  GET_TIMERSLACK: 30,
  SET_CHILD_SUBREAPER: 36,
  GET_CHILD_SUBREAPER: 37,
  SET_THP_DISABLE: 41,
  GET_THP_DISABLE: 42,
} as const

const call = 'prctl(2)'
const invalid = (why: string): Denied => deny('EINVAL', call, `${call}: ${why}`)

function int32(value: number): Outcome {
  const data = new Uint8Array(4)
  new DataView(data.buffer).setInt32(0, value, true)
  return { value: 0, data }
}

function prctl(task: Task, option: number, args: readonly [number, number, number, number]): Reply {
  const [arg2] = args
  const { process } = task
  switch (option) {
    case PR.SET_PDEATHSIG:
      if (arg2 < 0 || arg2 > lastSignal) return invalid('PR_SET_PDEATHSIG wants a signal')
      task.parentDeathSignal = arg2
      return 0
    case PR.GET_PDEATHSIG:
      return int32(task.parentDeathSignal)
    case PR.GET_DUMPABLE:
      return process.dumpable ? 1 : 0
    case PR.SET_DUMPABLE:
      if (arg2 !== 0 && arg2 !== 1) return invalid('PR_SET_DUMPABLE wants 0 or 1')
      process.dumpable = arg2 === 1
      return 0
    case PR.SET_NAME:
      return deny('EFAULT', call, `${call}: PR_SET_NAME wants a pointer`)
    case PR.GET_NAME: {
      const data = new Uint8Array(16)
      data.set(encode(task.comm).subarray(0, 15))
      return { value: 0, data }
    }
    case PR.GET_SECCOMP:
      return task.seccomp ? (task.seccomp.program ? 2 : 1) : 0
    case PR.SET_SECCOMP:
      if (arg2 === 1) return setStrict(task)
      return deny('EFAULT', call, `${call}: PR_SET_SECCOMP wants a filter; seccomp(2) takes one`)
    case PR.SET_TIMERSLACK:
      task.timerSlackNs = arg2 <= 0 ? task.defaultSlackNs : arg2
      return 0
    case PR.GET_TIMERSLACK:
      return task.timerSlackNs
    case PR.SET_CHILD_SUBREAPER:
      process.subreaper = arg2 !== 0
      return 0
    case PR.SET_THP_DISABLE:
      if (args[1] !== 0 || args[2] !== 0 || args[3] !== 0) return invalid('PR_SET_THP_DISABLE takes one argument')
      process.image.hugePagesDisabled = arg2 !== 0
      return 0
    case PR.GET_THP_DISABLE:
      if (args.some((arg) => arg !== 0)) return invalid('PR_GET_THP_DISABLE takes no arguments')
      return process.image.hugePagesDisabled ? 1 : 0
    case PR.GET_CHILD_SUBREAPER:
      return int32(process.subreaper ? 1 : 0)
  }
  return prctlCredentials(task, option, args) ?? invalid(`the option ${option} is unknown`)
}

/** What a program asks to be run like; 0xffffffff only asks back. */
function personality(task: Task, persona: number): number {
  const before = task.personality
  if (persona !== 0xffffffff) task.personality = persona
  return before
}

export const calls: Calls = {
  prctl: partial('names, deaths, subreapers, dumpable, privileges, seccomp', (task, given) => {
    const { option, arg2, arg3, arg4, arg5 } = given
    return prctl(task, int(option), [long(arg2), long(arg3), long(arg4), long(arg5)])
  }),
  prctl_get: full((task, { option }) => prctl(task, int(option), [1, 0, 0, 0])),
  prctl_name: full((task, { option, comm }) => {
    if (int(option) !== PR.SET_NAME) return invalid('only PR_SET_NAME takes a text')
    if (comm === null) return deny('EFAULT', call, `${call}: PR_SET_NAME wants a pointer`)
    task.comm = cut(comm)
    return 0
  }),
  personality: full((task, { persona }) => personality(task, uint(persona))),
}
