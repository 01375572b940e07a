// /proc/PID/limits. proc_pid_limits(5)

import { limitOf, RLIMIT } from '../life/limits.ts'
import type { Task } from '../task.ts'

const rows: readonly (readonly [number, string, string])[] = [
  [RLIMIT.CPU, 'Max cpu time', 'seconds'],
  [RLIMIT.FSIZE, 'Max file size', 'bytes'],
  [RLIMIT.DATA, 'Max data size', 'bytes'],
  [RLIMIT.STACK, 'Max stack size', 'bytes'],
  [RLIMIT.CORE, 'Max core file size', 'bytes'],
  [RLIMIT.RSS, 'Max resident set', 'bytes'],
  [RLIMIT.NPROC, 'Max processes', 'processes'],
  [RLIMIT.NOFILE, 'Max open files', 'files'],
  [RLIMIT.MEMLOCK, 'Max locked memory', 'bytes'],
  [RLIMIT.AS, 'Max address space', 'bytes'],
  [RLIMIT.LOCKS, 'Max file locks', 'locks'],
  [RLIMIT.SIGPENDING, 'Max pending signals', 'signals'],
  [RLIMIT.MSGQUEUE, 'Max msgqueue size', 'bytes'],
  [RLIMIT.NICE, 'Max nice priority', ''],
  [RLIMIT.RTPRIO, 'Max realtime priority', ''],
  [RLIMIT.RTTIME, 'Max realtime timeout', 'us'],
]

const line = (title: string, soft: string, hard: string, unit: string): string =>
  `${title.padEnd(25)} ${soft.padEnd(20)} ${hard.padEnd(20)} ${unit.padEnd(10)}\n`
const shown = (value: number | undefined): string => (value === undefined ? 'unlimited' : String(value))

export function limitsText(of: Task): string {
  const lines = rows.map(([resource, title, unit]) => {
    const { soft, hard } = limitOf(of, resource)
    return line(title, shown(soft), shown(hard), unit)
  })
  return line('Limit', 'Soft Limit', 'Hard Limit', 'Units') + lines.join('')
}
