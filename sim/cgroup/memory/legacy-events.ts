// Version 1: eventfds that are told of a group's ends of memory and of thresholds that its usage crosses.
// cgroup-v1/memory.rst, 9 to 11

import { type Denied, deny, isDenied } from '../../outcome.ts'
import type { Task } from '../../task.ts'
import { EventFile } from '../../vfs/eventfd.ts'
import type { OpenFile } from '../../vfs/file.ts'
import { mayBeRead } from '../../vfs/flags.ts'
import { pagesMax, pagesOf } from '../amounts.ts'
import type { At, CgroupFile } from '../controller.ts'
import { CgroupFileInode } from '../file.ts'
import type { MemoryGroup } from './group.ts'

/** What somebody wants to be told. */
export type Watched =
  | { readonly kind: 'oom' }
  | { readonly kind: 'pressure' }
  | { readonly kind: 'usage' | 'memsw'; readonly pages: number; above: boolean }

const call = 'cgroup.event_control'
const invalid = (why: string): Denied => deny('EINVAL', 'V1-003', `${call}: ${why}`)
const levels = /^(low|medium|critical)(,(default|hierarchy|local))?$/

function fileOf(task: Task, number: number): OpenFile | Denied {
  const file = task.files.get(number)?.file
  return file ?? deny('EBADF', 'V1-003', `${call}: descriptor ${number} is not open`)
}

const usageOf = (group: MemoryGroup, kind: 'usage' | 'memsw') =>
  kind === 'usage' ? group.usage : group.usage + group.swapUsage

function watchedOf(group: MemoryGroup, name: string, text: string): Watched | Denied {
  if (name === 'memory.oom_control') return { kind: 'oom' }
  if (name === 'memory.pressure_level')
    return levels.test(text) ? { kind: 'pressure' } : invalid('a level is low, medium or critical')
  if (name !== 'memory.usage_in_bytes' && name !== 'memory.memsw.usage_in_bytes')
    return invalid(`${name} has nothing to tell`)
  const pages = pagesOf(text, '-1', 'V1-003', call)
  if (isDenied(pages)) return pages
  const kind = name === 'memory.usage_in_bytes' ? 'usage' : 'memsw'
  return { kind, pages: pages ?? pagesMax, above: usageOf(group, kind) > (pages ?? pagesMax) }
}

/** `EVENTFD FILE WORDS`: two descriptors of the writer, and what the file is asked. memcg_write_event_control() */
function register({ state, cgroup, task }: At<MemoryGroup>, text: string): Denied | undefined {
  const found = /^(\d+) (\d+)(?: (.*))?$/s.exec(text.trim())
  if (!found) return invalid('two descriptors, and words')
  const eventfd = fileOf(task, Number(found[1]))
  if (isDenied(eventfd)) return eventfd
  if (!(eventfd.operations instanceof EventFile)) return invalid('the first descriptor is no eventfd')
  const file = fileOf(task, Number(found[2]))
  if (isDenied(file)) return file
  if (!mayBeRead(file.flags)) return deny('EACCES', 'V1-003', `${call}: the file cannot be read`)
  if (!(file.inode instanceof CgroupFileInode) || file.inode.directory.cgroup !== cgroup)
    return invalid('the file is not of this cgroup')
  const watched = watchedOf(state, file.inode.file.name, found[3] ?? '')
  if (isDenied(watched)) return watched
  const listener = { watched, eventfd: eventfd.operations }
  state.listeners.add(listener)
  eventfd.tellAtEnd({ ended: () => state.listeners.delete(listener) })
  if (watched.kind === 'oom' && state.underOom) listener.eventfd.signal()
  return undefined
}

/** A group, and with it all below, has come to the end of its memory. mem_cgroup_oom_notify() */
export function tellOom(group: MemoryGroup): void {
  for (const { watched, eventfd } of group.listeners) if (watched.kind === 'oom') eventfd.signal()
  for (const child of group.children) tellOom(child)
}

/** Usage has changed: whoever waits for a threshold in between is told, whichever way it went. */
export function tellThresholds(group: MemoryGroup): void {
  for (const { watched, eventfd } of group.listeners) {
    if (watched.kind !== 'usage' && watched.kind !== 'memsw') continue
    const above = usageOf(group, watched.kind) > watched.pages
    if (above === watched.above) continue
    watched.above = above
    eventfd.signal()
  }
}

/** The cgroup is gone, of which all are told. */
export function tellEnd(group: MemoryGroup): void {
  for (const { eventfd } of group.listeners) eventfd.signal()
  group.listeners.clear()
}

export const legacyEventFiles: readonly CgroupFile<MemoryGroup>[] = [
  { name: 'cgroup.event_control', mode: 0o222, write: register },
  { name: 'memory.pressure_level', mode: 0 },
]
