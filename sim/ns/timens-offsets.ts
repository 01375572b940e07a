// /proc/PID/timens_offsets: what the clocks of the time namespace for children are shifted by. time_namespaces(7),
// timens_offsets_write() in fs/proc/base.c

import { type Credentials, capable } from '../credentials.ts'
import type { Kernel } from '../kernel.ts'
import { type Denied, deny } from '../outcome.ts'
import { decode } from '../vfs/utf8.ts'
import type { TimeNamespace } from './time.ts'

const call = 'write to timens_offsets'
const pageBytes = 4096
const linesMax = 2
/** KTIME_MAX in seconds; a clock has to stay below the half of it. */
const secondsMax = 9_223_372_036

interface Offset {
  readonly clock: 'monotonic' | 'boottime'
  readonly seconds: number
  readonly nanoseconds: number
}

/**
 * @param namespace - `timeForChildren` of the process
 * @param opener - the credentials of the description
 * @errors EINVAL, EPERM, ERANGE, EACCES in this order (TIM-002)
 */
export function writeOffsets(
  kernel: Kernel,
  namespace: TimeNamespace,
  bytes: Uint8Array,
  at: number,
  opener: Credentials,
): number | Denied {
  if (at !== 0 || bytes.length >= pageBytes)
    return deny('EINVAL', 'TIM-002', `${call}: offsets are one write at the start, of less than a page`)
  const [text = ''] = decode(bytes).split('\0')
  const lines = text.split('\n')
  if (lines.length > 1 && lines.at(-1) === '') lines.pop()
  const offsets: Offset[] = []
  for (const line of lines.slice(0, linesMax)) {
    const offset = parse(line)
    if (offset === undefined)
      return deny(
        'EINVAL',
        'TIM-002',
        `${call}: a line is monotonic or boottime, seconds, and up to 999999999 nanoseconds`,
      )
    offsets.push(offset)
  }
  if (!capable(opener, 'SYS_TIME', namespace.owner))
    return deny('EPERM', 'TIM-002', `${call}: it needs CAP_SYS_TIME in the user namespace that owns the time namespace`)
  for (const { seconds, nanoseconds } of offsets) {
    const then = seconds + Math.floor((kernel.clock.nowNs + nanoseconds) / 1e9)
    if (Math.abs(seconds) > secondsMax || then < 0 || then > Math.floor(secondsMax / 2))
      return deny('ERANGE', 'TIM-002', `${call}: the clock would be before 0, or about 146 years or more after it`)
  }
  if (namespace.fixed) return deny('EACCES', 'TIM-002', `${call}: somebody is in the time namespace, its offsets stay`)
  for (const { clock, seconds, nanoseconds } of offsets) namespace[`${clock}OffsetNs`] = seconds * 1e9 + nanoseconds
  const written = lines.length > linesMax ? lines.slice(0, linesMax).join('\n').length + 1 : bytes.length
  return written
}

/** As sscanf(3) reads `%9s %lld %lu`; what follows is not looked at. */
function parse(line: string): Offset | undefined {
  const match = /^\s*(\S{9}|\S{1,8}(?=\s))\s*([+-]?\d+)\s+\+?(\d+)/.exec(line)
  if (match === null) return undefined
  const [, named, seconds, nanoseconds] = match
  if (Number(nanoseconds) > 999_999_999) return undefined
  const clock = named === 'monotonic' || named === '1' ? 'monotonic' : 'boottime'
  if (clock === 'boottime' && named !== 'boottime' && named !== '7') return undefined
  return { clock, seconds: Number(seconds), nanoseconds: Number(nanoseconds) }
}

/** What a read(2) gives. */
export function readOffsets(namespace: TimeNamespace): string {
  return (['monotonic', 'boottime'] as const)
    .map((clock) => {
      const offsetNs = namespace[`${clock}OffsetNs`]
      const seconds = Math.floor(offsetNs / 1e9)
      const nanoseconds = offsetNs - seconds * 1e9
      return `${clock.padEnd(10)} ${String(seconds).padStart(10)} ${String(nanoseconds).padStart(9)}\n`
    })
    .join('')
}
