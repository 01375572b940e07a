// /proc/PID/stat and statm: the same in numbers. proc_pid_stat(5), proc_pid_statm(5)

import { mayAccess, readByPath } from '../access.ts'
import { mappedPages, residentPages } from '../address-space.ts'
import { limitOf, RLIMIT } from '../life/limits.ts'
import { pageBytes } from '../memory.ts'
import type { Reading } from './process-directory.ts'
import { bitsOf, parentNumber, signalSets, stateOf, threadCount } from './state.ts'

const ticksPerSecond = 100

/** Undefined becomes RLIM_INFINITY. */
const limitText = (value: number | undefined): string => (value === undefined ? '18446744073709551615' : String(value))

const low31 = (bits: bigint): string => String(bits & 0x7fffffffn)

export function statText({ of, reader, superblock, scope }: Reading): string {
  const { process, entry } = of
  const { namespace } = superblock
  const space = of.alive ? process.image.space : undefined
  const startNs = process.startNs + reader.namespaces.time.boottimeOffsetNs
  const { ignored, caught } = signalSets(of)
  const mayKnow = mayAccess(reader, of, readByPath) === undefined
  const ended = of.state === 'zombie' && process.zombie ? process.ending : undefined
  of.kernel.cpu?.update()
  const burntNs = scope === 'process' ? [...process.tasks].reduce((sum, { cpuNs }) => sum + cpuNs, 0) : of.cpuNs
  const ticks = Math.floor((burntNs / 1e9) * ticksPerSecond)
  const { terminal } = process as { terminal?: { device?: number; foreground?: typeof entry } }
  const zeros = (count: number): number[] => Array.from({ length: count }, () => 0)
  const fields: (string | number)[] = [
    entry.in(namespace) ?? 0,
    `(${of.comm})`,
    stateOf(of, reader),
    parentNumber(of, namespace),
    process.group.in(namespace) ?? 0,
    process.session.in(namespace) ?? 0,
    terminal?.device ?? 0,
    terminal?.foreground?.in(namespace) ?? -1,
    of.alive ? 0x400000 : 0x40000c,
    ...zeros(4),
    ticks,
    ...zeros(3),
    20 + of.nice,
    of.nice,
    threadCount(of),
    0,
    Math.floor((startNs / 1e9) * ticksPerSecond),
    space ? mappedPages(space) * pageBytes : 0,
    space ? residentPages(space) : 0,
    limitText(limitOf(of, RLIMIT.RSS).soft),
    ...zeros(5),
    ...[bitsOf([...of.pending]), of.signalMask, ignored, caught].map(low31),
    0,
    ...zeros(2),
    process.exitSignal,
    ...zeros(3),
    ...zeros(10),
    ended && mayKnow ? ((ended.code & 0xff) << 8) | ended.signal : 0,
  ]
  return `${fields.join(' ')}\n`
}

export function statmText({ of }: Reading): string {
  const space = of.alive ? of.process.image.space : undefined
  return space ? `${mappedPages(space)} ${residentPages(space)} 0 0 0 ${mappedPages(space)} 0\n` : '0 0 0 0 0 0 0\n'
}
