// Reading clocks. clock_gettime(2), gettimeofday(2), time(2)

import { CLOCK, readClock } from '../clocks.ts'
import { capable } from '../credentials.ts'
import { type Denied, deny, type Outcome } from '../outcome.ts'
import { type Calls, full, partial } from '../table.ts'
import type { Task } from '../task.ts'
import type { Moment } from '../time.ts'
import { int } from './arguments.ts'

function pair(seconds: number, part: number): Outcome {
  const data = new Uint8Array(16)
  const view = new DataView(data.buffer)
  view.setBigInt64(0, BigInt(seconds), true)
  view.setBigInt64(8, BigInt(part), true)
  return { value: 0, data }
}

const timespec = ({ seconds, nanoseconds }: Moment): Outcome => pair(seconds, nanoseconds)

function noClock(call: string, clock: number): Denied {
  if (clock < 0) return deny('ENOSYS', call, `${call}: clocks of other processes are not modelled`)
  return deny('EINVAL', call, `${call}: there is no clock ${clock}`)
}

function gettime(task: Task, clock: number): Outcome {
  const moment = readClock(task, clock)
  return moment ? timespec(moment) : noClock('clock_gettime(2)', clock)
}

/** The wall clock belongs to the machine: nobody in a user namespace sets it (USR-015). */
function settime(task: Task, clock: number, timeNs: bigint | null): Denied {
  const call = 'clock_settime(2)'
  if (clock !== CLOCK.REALTIME) return deny('EINVAL', call, `${call}: only the wall clock can be set`)
  if (timeNs === null) return deny('EFAULT', call, `${call}: the time is no pointer`)
  if (timeNs < 0n) return deny('EINVAL', call, `${call}: the time is negative`)
  if (!capable(task.credentials, 'SYS_TIME', task.kernel.initial.user))
    return deny('EPERM', 'USR-015', `${call}: it needs CAP_SYS_TIME in the initial user namespace`)
  return deny('ENOSYS', call, `${call}: the wall clock of a machine is part of its configuration`)
}

export const calls: Calls = {
  clock_getres: full((task, { clockid }) =>
    readClock(task, int(clockid)) ? pair(0, 1) : noClock('clock_getres(2)', int(clockid)),
  ),
  clock_gettime: partial('no clocks of other processes', (task, { clockid }) => gettime(task, int(clockid))),
  clock_settime: partial('refused to everybody', (task, { clockid, tp }) => settime(task, int(clockid), tp)),
  gettimeofday: full((task) => {
    const { seconds, nanoseconds } = task.kernel.now()
    return pair(seconds, Math.floor(nanoseconds / 1000))
  }),
  time: full((task) => task.kernel.now().seconds),
}
