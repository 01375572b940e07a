// Regions of addresses: mmap(2), munmap(2), mprotect(2), mremap(2), brk(2), madvise(2), mlock(2) and their kin.

import type { SyscallOf } from '../../core/syscall.ts'
import { type AddressSpace, addressPages, dropRange, type Region, SharedMemory, spaceOf } from '../address-space.ts'
import { capable } from '../credentials.ts'
import { pageBytes } from '../memory.ts'
import { type Denied, deny, isDenied, type Reply } from '../outcome.ts'
import { type Calls, full, partial } from '../table.ts'
import type { Task } from '../task.ts'
import { populate } from '../touch.ts'
import type { OpenFile } from '../vfs/file.ts'
import { fileOf, int, long } from './arguments.ts'

const MAP = {
  SHARED: 0x01,
  PRIVATE: 0x02,
  TYPE: 0x0f,
  FIXED: 0x10,
  ANONYMOUS: 0x20,
  LOCKED: 0x2000,
  POPULATE: 0x8000,
  NONBLOCK: 0x10000,
  HUGETLB: 0x40000,
  FIXED_NOREPLACE: 0x100000,
} as const
const PROT_WRITE = 2
const PROT_EXEC = 4
const RLIMIT_MEMLOCK = 8
const RLIMIT_AS = 9
const hugePages = 512

const pagesUp = (bytes: number): number => Math.ceil(bytes / pageBytes)
const aligned = (address: number): boolean => address % pageBytes === 0
const invalid = (call: string, why: string): Denied => deny('EINVAL', call, `${call}: ${why}`)
const tooMuch = (call: string, why: string): Denied => deny('ENOMEM', call, `${call}: ${why}`)

/** File systems whose files are no memory. */
const unmappable = /^(nsfs|pidfs|proc|sysfs|cgroup2?|mqueue)$/

/** What a mapping is of: its file, when that may be mapped so. */
function fileToMap(task: Task, call: SyscallOf<'mmap'>, flags: number): OpenFile | undefined | Denied {
  if (flags & MAP.ANONYMOUS) return undefined
  const file = fileOf(task, call.fd, 'mmap(2)')
  if (isDenied(file)) return file
  if (long(call.length) === 0) return invalid('mmap(2)', 'a mapping has a length')
  const access = file.flags & 3
  if (access === 1) return deny('EACCES', 'mmap(2)', 'mmap(2): the descriptor is not open for reading')
  if ((flags & MAP.TYPE) !== MAP.PRIVATE && int(call.prot) & PROT_WRITE && access !== 2)
    return deny('EACCES', 'mmap(2)', 'mmap(2): a shared mapping for writing wants a descriptor open for both')
  if (int(call.prot) & PROT_EXEC && file.path.mount.flags.noexec)
    return deny('EPERM', 'MNT-023', 'mmap(2): nothing is executed from the mount (noexec)')
  if (file.inode.kind !== 'file' || unmappable.test(file.inode.superblock.type))
    return deny('ENODEV', 'mmap(2)', 'mmap(2): this kind of file cannot be mapped')
  return file
}

function mmap(task: Task, call: SyscallOf<'mmap'>): Reply {
  const flags = int(call.flags)
  const [address, length, offset] = [long(call.addr), long(call.length), long(call.offset)]
  if (!aligned(offset)) return invalid('mmap(2)', 'the offset is no multiple of the page size')
  const file = fileToMap(task, call, flags)
  if (isDenied(file)) return file
  if (length === 0) return invalid('mmap(2)', 'the length is 0')
  const huge = (flags & MAP.HUGETLB) !== 0 && !file
  const pages = huge ? Math.ceil(pagesUp(length) / hugePages) * hugePages : pagesUp(length)
  const type = flags & MAP.TYPE
  if (type < 1 || type > 3) return invalid('mmap(2)', 'neither MAP_SHARED nor MAP_PRIVATE')
  const fixed = (flags & (MAP.FIXED | MAP.FIXED_NOREPLACE)) !== 0
  if (fixed && !aligned(address)) return invalid('mmap(2)', 'MAP_FIXED with an address inside of a page')
  if (pages > addressPages || (fixed && address / pageBytes + pages > addressPages))
    return tooMuch('mmap(2)', 'there are not so many addresses')
  const space = spaceOf(task)
  const start = place(space, address, pages, flags, huge)
  if (isDenied(start)) return start
  const refusal = limits(task, space, pages, (flags & MAP.LOCKED) !== 0, 'mmap(2)')
  if (refusal) return refusal
  const hugeMemory = huge ? task.kernel.huge?.reserve(task, pages / hugePages) : undefined
  if (isDenied(hugeMemory)) return hugeMemory
  if (huge && !hugeMemory) return tooMuch('mmap(2)', 'this machine has no huge pages')
  if (flags & MAP.FIXED) space.unmap(start, start + pages)
  if (file) file.references += 1
  const shared = type !== MAP.PRIVATE
  space.insert({
    ...{ start, end: start + pages, prot: int(call.prot) & 7, shared, pieces: [], file },
    offset: file ? offset / pageBytes : 0,
    memory: shared && !file && !huge ? new SharedMemory() : undefined,
    huge: hugeMemory,
    locked: (flags & MAP.LOCKED) !== 0 || space.lockFuture,
    ...{ dontFork: false, heap: false },
  })
  const populates = (flags & (MAP.POPULATE | MAP.NONBLOCK)) === MAP.POPULATE || flags & MAP.LOCKED || space.lockFuture
  return populates ? populated(task, start, pages, int(call.prot), start * pageBytes) : start * pageBytes
}

/** Where a new mapping goes, in pages: there, near there, or wherever is room. */
function place(space: AddressSpace, address: number, pages: number, flags: number, huge: boolean): number | Denied {
  const wanted = Math.floor(address / pageBytes)
  if (flags & MAP.FIXED_NOREPLACE && space.within(wanted, wanted + pages).length > 0)
    return deny('EEXIST', 'mmap(2)', 'mmap(2): MAP_FIXED_NOREPLACE, and something is there')
  if (flags & (MAP.FIXED | MAP.FIXED_NOREPLACE)) return wanted
  const free = wanted >= 16 && wanted + pages <= addressPages && space.within(wanted, wanted + pages).length === 0
  return (free && !huge ? wanted : space.findRoom(pages, huge)) ?? tooMuch('mmap(2)', 'no addresses are left')
}

/** A mapping is there although its pages could not all be made; who kills the task is the OOM killer. */
function populated(task: Task, start: number, pages: number, prot: number, value: number): Reply {
  const reply = populate(task, start, start + pages, (prot & PROT_WRITE) !== 0)
  if (typeof reply !== 'object' || !('again' in reply)) return value
  return { ...reply, again: () => (reply.again() ? { value } : undefined) }
}

/** RLIMIT_AS and RLIMIT_MEMLOCK. getrlimit(2) */
function limits(task: Task, space: AddressSpace, pages: number, locked: boolean, call: string): Denied | undefined {
  const all = task.process.limits.get(RLIMIT_AS)?.soft
  if (all !== undefined && (sum(space.regions) + pages) * pageBytes > all)
    return tooMuch(call, 'RLIMIT_AS allows no more addresses')
  return locked ? mayLock(task, space, pages, call) : undefined
}

const sum = (regions: readonly Region[]): number => regions.reduce((pages, { start, end }) => pages + end - start, 0)

/** @errors EPERM RLIMIT_MEMLOCK is 0; ENOMEM it is less (mmap: EAGAIN) */
function mayLock(task: Task, space: AddressSpace, pages: number, call: string): Denied | undefined {
  const limit = task.process.limits.get(RLIMIT_MEMLOCK)
  const most = limit ? limit.soft : 8_388_608
  if (most === undefined || capable(task.credentials, 'IPC_LOCK', task.kernel.initial.user)) return undefined
  if (most === 0) return deny('EPERM', call, `${call}: RLIMIT_MEMLOCK is 0, and there is no CAP_IPC_LOCK`)
  const locked = sum(space.regions.filter((region) => region.locked))
  if ((locked + pages) * pageBytes <= most) return undefined
  return deny(call === 'mmap(2)' ? 'EAGAIN' : 'ENOMEM', call, `${call}: RLIMIT_MEMLOCK allows no more locked memory`)
}

function munmap(task: Task, call: SyscallOf<'munmap'>): Reply {
  const [address, length] = [long(call.addr), long(call.length)]
  if (!aligned(address) || length === 0) return invalid('munmap(2)', 'an address inside of a page, or no length')
  const start = address / pageBytes
  const pages = pagesUp(length)
  if (start + pages > addressPages) return invalid('munmap(2)', 'there are no such addresses')
  task.process.image.space?.unmap(start, start + pages)
  return 0
}

function mprotect(task: Task, call: SyscallOf<'mprotect'>): Reply {
  const [address, length] = [long(call.addr), long(call.len)]
  const prot = int(call.prot)
  if (!aligned(address)) return invalid('mprotect(2)', 'an address inside of a page')
  if (length === 0) return 0
  if (prot & ~0x0300000f) return invalid('mprotect(2)', 'there is no such protection')
  const found = range(task, address, length, 'mprotect(2)')
  if (isDenied(found)) return found
  if (prot & PROT_EXEC && found.some(({ file }) => file?.path.mount.flags.noexec))
    return deny('EACCES', 'MNT-023', 'mprotect(2): nothing is executed from the mount of the file (noexec)')
  for (const region of found) region.prot = prot & 7
  return 0
}

/** The regions of a range, cut out exactly; ENOMEM when there is a hole in it. */
function range(task: Task, address: number, length: number, call: string): Region[] | Denied {
  const space = spaceOf(task)
  const start = Math.floor(address / pageBytes)
  const end = start + pagesUp(length + (address % pageBytes))
  if (end <= start) return []
  if (!space.covers(start, end)) return tooMuch(call, 'some of these addresses are not mapped')
  space.split(start)
  space.split(end)
  return space.within(start, end)
}

function brk(task: Task, call: SyscallOf<'brk'>): Reply {
  const space = spaceOf(task)
  const wanted = long(call.addr)
  const before = space.heapEnd
  // brk(2) of the kernel refuses by answering what is.
  if (wanted < space.heapStart) return before
  const [start, end] = [pagesUp(before), pagesUp(wanted)]
  if (end <= start) space.unmap(end, start)
  else {
    if (space.within(start, end).length > 0 || limits(task, space, end - start, space.lockFuture, 'brk(2)'))
      return before
    const heap = space.within(start - 1, start)[0]
    if (heap?.heap && heap.end === start) heap.end = end
    else
      space.insert({
        ...{ start, end, prot: 3, shared: false, pieces: [], file: undefined, offset: 0, memory: undefined },
        ...{ huge: undefined, locked: space.lockFuture, dontFork: false, heap: true },
      })
  }
  space.heapEnd = wanted
  return wanted
}

const MREMAP_MAYMOVE = 1
const MREMAP_FIXED = 2
const MREMAP_DONTUNMAP = 4

function mremap(task: Task, call: SyscallOf<'mremap'>): Reply {
  const [address, oldBytes, newBytes] = [long(call.old_address), long(call.old_size), long(call.new_size)]
  const flags = int(call.flags)
  const target = long(call.new_address)
  if (flags & ~7 || (flags & MREMAP_FIXED && !(flags & MREMAP_MAYMOVE)))
    return invalid('mremap(2)', 'there are no such flags, or MREMAP_FIXED without MREMAP_MAYMOVE')
  if (flags & MREMAP_DONTUNMAP) return invalid('mremap(2)', 'MREMAP_DONTUNMAP is not modelled')
  if (!aligned(address) || newBytes === 0) return invalid('mremap(2)', 'an address inside of a page, or no new size')
  if (flags & MREMAP_FIXED && !aligned(target)) return invalid('mremap(2)', 'a new address inside of a page')
  const space = spaceOf(task)
  const [start, oldPages, newPages] = [address / pageBytes, pagesUp(oldBytes), pagesUp(newBytes)]
  const whole = space.within(start, start + 1)[0]
  if (!whole || whole.end < start + oldPages || (oldPages === 0 && !whole.shared))
    return deny('EFAULT', 'mremap(2)', 'mremap(2): the old range is not within one mapping')
  const more = newPages - oldPages
  const refusal = more > 0 ? limits(task, space, more, whole.locked, 'mremap(2)') : undefined
  if (refusal) return refusal
  if (more <= 0 && !(flags & MREMAP_FIXED)) {
    if (more < 0) space.unmap(start + newPages, start + oldPages)
    return address
  }
  if (
    !(flags & MREMAP_FIXED) &&
    whole.end === start + oldPages &&
    space.within(whole.end, whole.end + more).length === 0
  ) {
    whole.end += more
    return address
  }
  if (!(flags & MREMAP_MAYMOVE)) return tooMuch('mremap(2)', 'there is no room behind, and it may not be moved')
  const to = flags & MREMAP_FIXED ? target / pageBytes : space.findRoom(newPages)
  if (to === undefined) return tooMuch('mremap(2)', 'no addresses are left')
  if (flags & MREMAP_FIXED && to < start + oldPages && start < to + newPages)
    return invalid('mremap(2)', 'the old and the new range overlap')
  if (flags & MREMAP_FIXED) space.unmap(to, to + newPages)
  if (more < 0) space.unmap(start + newPages, start + oldPages)
  space.move(start, start + Math.min(oldPages, newPages), to, to + newPages)
  return to * pageBytes
}

const MADV = {
  NORMAL: 0,
  WILLNEED: 3,
  DONTNEED: 4,
  FREE: 8,
  REMOVE: 9,
  DONTFORK: 10,
  DOFORK: 11,
  POPULATE_READ: 22,
  POPULATE_WRITE: 23,
} as const
/** Advice that changes nothing that could be seen here. */
const heard = new Set([0, 1, 2, 3, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 25])

function madvise(task: Task, call: SyscallOf<'madvise'>): Reply {
  const [address, length] = [long(call.addr), long(call.length)]
  const advice = int(call.advice)
  if (!heard.has(advice) && !(Object.values(MADV) as number[]).includes(advice))
    return invalid('madvise(2)', 'there is no such advice')
  if (!aligned(address)) return invalid('madvise(2)', 'an address inside of a page')
  if (length === 0) return 0
  const start = address / pageBytes
  const end = start + pagesUp(length)
  const space = spaceOf(task)
  if (advice === MADV.POPULATE_READ || advice === MADV.POPULATE_WRITE) {
    if (!space.covers(start, end)) return tooMuch('madvise(2)', 'some of these addresses are not mapped')
    const needed = advice === MADV.POPULATE_WRITE ? PROT_WRITE : ~0
    for (const region of space.within(start, end)) {
      if (!(region.prot & needed)) return invalid('madvise(2)', 'the protection of the pages does not allow it')
      const last = region.offset + Math.min(end, region.end) - region.start
      if (region.file && last > pagesUp(region.file.inode.sizeBytes))
        return deny(
          'EFAULT',
          'madvise(2)',
          'madvise(2): behind the end of the file there is nothing to be had (SIGBUS)',
        )
    }
    return populate(task, start, end, advice === MADV.POPULATE_WRITE)
  }
  for (const region of space.within(start, end)) {
    if (advice === MADV.DONTNEED || advice === MADV.FREE) {
      if (region.locked) return invalid('madvise(2)', 'the memory is locked')
      if (advice === MADV.FREE && (region.shared || region.file))
        return invalid('madvise(2)', 'MADV_FREE is for anonymous memory')
      dropRange(region, start, end)
    } else if (advice === MADV.DONTFORK || advice === MADV.DOFORK) region.dontFork = advice === MADV.DONTFORK
  }
  return space.covers(start, end) ? 0 : tooMuch('madvise(2)', 'some of these addresses are not mapped')
}

function lock(task: Task, address: number, length: number, onFault: boolean, call: string): Reply {
  const space = spaceOf(task)
  const start = Math.floor(address / pageBytes)
  const pages = pagesUp(length + (address % pageBytes))
  const refusal = mayLock(task, space, pages, call)
  if (refusal) return refusal
  const regions = range(task, address, length, call)
  if (isDenied(regions)) return regions
  for (const region of regions) setLocked(region, true)
  if (onFault || regions.length === 0) return 0
  // They are locked all the same. __mlock_posix_error_return() in mm/mlock.c
  if (regions.some(({ prot }) => prot === 0)) return tooMuch(call, 'nobody may touch some of the pages (PROT_NONE)')
  const reply = populate(
    task,
    start,
    start + pages,
    regions.every(({ prot }) => (prot & PROT_WRITE) !== 0),
  )
  return isDenied(reply) && reply.errno === 'EFAULT' ? tooMuch(call, reply.sentence) : reply
}

function setLocked(region: Region, locked: boolean): void {
  region.locked = locked
  for (const { extent } of region.pieces) extent.locked = locked
}

function mlockall(task: Task, call: SyscallOf<'mlockall'>): Reply {
  const flags = int(call.flags)
  if (flags === 0 || flags & ~7 || flags === 4) return invalid('mlockall(2)', 'there are no such flags')
  const space = spaceOf(task)
  const refusal = mayLock(task, space, flags & 1 ? sum(space.regions) : 0, 'mlockall(2)')
  if (refusal) return refusal
  if (flags & 2) space.lockFuture = true
  if (flags & 1)
    for (const region of space.regions) {
      setLocked(region, true)
      if (!(flags & 4)) populate(task, region.start, region.end, (region.prot & PROT_WRITE) !== 0)
    }
  return 0
}

function munlockall(task: Task): Reply {
  const space = spaceOf(task)
  space.lockFuture = false
  for (const region of space.regions) setLocked(region, false)
  return 0
}

export const calls = {
  mmap: partial('pages have no contents; devices cannot be mapped', mmap),
  munmap: full(munmap),
  mprotect: full(mprotect),
  brk: full(brk),
  mremap: partial('no MREMAP_DONTUNMAP', mremap),
  madvise: partial('advice on how pages are kept is heard and changes nothing', madvise),
  mlock: full((task, call) => lock(task, long(call.addr), long(call.len), false, 'mlock(2)')),
  mlock2: full((task, call) =>
    int(call.flags) & ~1
      ? invalid('mlock2(2)', 'there are no such flags')
      : lock(task, long(call.addr), long(call.len), (int(call.flags) & 1) !== 0, 'mlock2(2)'),
  ),
  munlock: full((task, call) => {
    const regions = range(task, long(call.addr), long(call.len), 'munlock(2)')
    if (isDenied(regions)) return regions
    for (const region of regions) setLocked(region, false)
    return 0
  }),
  mlockall: full(mlockall),
  munlockall: full(munlockall),
} satisfies Calls
