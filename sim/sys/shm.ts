// System V shared memory: shmget(2), shmat(2), shmdt(2), shmctl(2)

import { addressPages, spaceOf } from '../address-space.ts'
import { getObject, mayControl, mayReadObject, mayUse, mayWriteObject, noAccess } from '../ipc/objects.ts'
import { Segment, SegmentMemory } from '../ipc/segment.ts'
import { setPermissions, statSegment } from '../ipc/stat.ts'
import { pageBytes } from '../memory.ts'
import { type Denied, deny, isDenied, type Reply } from '../outcome.ts'
import { type Calls, full, partial } from '../table.ts'
import type { Task } from '../task.ts'
import { int, long } from './arguments.ts'

const SHM_RDONLY = 0o10000
const SHM_RND = 0o20000
const SHM_REMAP = 0o40000
const IPC_RMID = 0
const IPC_SET = 1
const IPC_STAT = 2
const SHM_LOCK = 11
const SHM_UNLOCK = 12

const invalid = (call: string, why: string): Denied => deny('EINVAL', call, `${call}: ${why}`)

function shmget(task: Task, key: number, sizeBytes: number, flags: number): number | Denied {
  const call = 'shmget(2)'
  const { ipc } = task.namespaces
  const { limits } = ipc
  return getObject(ipc.segments, task.credentials, ipc.owner, {
    ...{ key, flags, call },
    fits: (segment) => (segment.sizeBytes < sizeBytes ? invalid(call, 'the segment is smaller') : undefined),
    make: () => {
      if (sizeBytes < 1 || sizeBytes > limits.shmmax) return invalid(call, 'a segment has 1 to kernel.shmmax bytes')
      if (ipc.segmentPages + Math.ceil(sizeBytes / pageBytes) > limits.shmall)
        return deny('ENOSPC', call, `${call}: kernel.shmall allows no more pages`)
      if (ipc.segments.size >= limits.shmmni)
        return deny('ENOSPC', call, `${call}: kernel.shmmni allows no more segments`)
      const base = { id: ipc.segments.nextId(), key, creator: task.credentials, mode: flags }
      return new Segment(base, ipc, sizeBytes, task.entry.numbers[0]!, task.kernel.now())
    },
  })
}

function shmat(task: Task, id: number, given: number, flags: number): Reply {
  const call = 'shmat(2)'
  const { ipc } = task.namespaces
  if (given === 0 && flags & SHM_REMAP) return invalid(call, 'SHM_REMAP wants an address')
  if (given % pageBytes !== 0 && !(flags & SHM_RND)) return invalid(call, 'the address lies inside of a page')
  const segment = ipc.segments.find(id, call)
  if (isDenied(segment)) return segment
  const wanted = flags & SHM_RDONLY ? mayReadObject : mayReadObject | mayWriteObject
  if (!mayUse(task.credentials, segment, wanted, ipc.owner)) return noAccess(call)
  const space = spaceOf(task)
  const { pages } = segment
  let start: number | undefined
  if (given === 0) start = space.findRoom(pages)
  else {
    start = Math.floor(given / pageBytes)
    if (start + pages > addressPages) return invalid(call, 'there are no such addresses')
    if (!(flags & SHM_REMAP) && space.within(start, start + pages).length > 0)
      return invalid(call, 'something is at the address, and SHM_REMAP is missing')
    space.unmap(start, start + pages)
  }
  if (start === undefined) return deny('ENOMEM', call, `${call}: no addresses are left`)
  space.insert({
    ...{ start, end: start + pages, prot: flags & SHM_RDONLY ? 1 : 3, shared: true, pieces: [], file: undefined },
    ...{ offset: 0, memory: segment.memory, huge: undefined, locked: false, dontFork: false, heap: false },
  })
  segment.attachedAt = task.kernel.now()
  segment.lastPid = task.entry.numbers[0]!
  return start * pageBytes
}

/** Works whatever namespace the segment is of (IPC-004). */
function shmdt(task: Task, address: number): number | Denied {
  const call = 'shmdt(2)'
  const { space } = task.process.image
  const start = address / pageBytes
  const region = Number.isInteger(start) ? space?.within(start, start + 1)[0] : undefined
  if (region === undefined || region.start !== start || !(region.memory instanceof SegmentMemory))
    return invalid(call, 'no segment is attached there')
  const { segment } = region.memory
  segment.detachedAt = task.kernel.now()
  segment.lastPid = task.entry.numbers[0]!
  const end = start + segment.pages
  for (const part of space!.within(start, end)) if (part.memory === segment.memory) space!.unmap(part.start, part.end)
  return 0
}

function shmctl(task: Task, id: number, operation: number, buffer: Uint8Array | null): Reply {
  const call = 'shmctl(2)'
  const { credentials } = task
  const { ipc } = task.namespaces
  if (![IPC_RMID, IPC_SET, IPC_STAT, SHM_LOCK, SHM_UNLOCK].includes(operation))
    return invalid(call, `there is no operation ${operation}`)
  const segment = ipc.segments.find(id, call)
  if (isDenied(segment)) return segment
  if (operation === IPC_STAT) {
    if (!mayUse(credentials, segment, mayReadObject, ipc.owner)) return noAccess(call)
    return { value: 0, data: statSegment(segment, credentials) }
  }
  const refusal = mayControl(credentials, segment, ipc.owner, call)
  if (refusal) return refusal
  if (operation === IPC_RMID) segment.doom()
  else if (operation === IPC_SET) {
    const denied = setPermissions(segment, credentials, buffer ?? new Uint8Array(0), call)
    if (denied) return denied
    segment.changed = task.kernel.now()
  } else segment.locked = operation === SHM_LOCK
  return 0
}

export const calls: Calls = {
  shmat: partial('no SHM_EXEC', (task, { shmid, shmaddr, shmflg }) =>
    shmat(task, int(shmid), long(shmaddr), int(shmflg)),
  ),
  shmctl: partial('no IPC_INFO, SHM_INFO, SHM_STAT', (task, { shmid, op, buf }) =>
    shmctl(task, int(shmid), int(op), buf),
  ),
  shmdt: full((task, { shmaddr }) => shmdt(task, long(shmaddr))),
  shmget: partial('no huge pages', (task, { key, size, shmflg }) => shmget(task, int(key), long(size), int(shmflg))),
}
