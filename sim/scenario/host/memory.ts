// Where memory lay in the programs of a log: addresses that a kernel chooses by chance are the log's, and regions that the
// log does not tell of (the program itself, its stack) are there when it makes use of them.

import type { Syscall } from '../../../core/syscall.ts'
import { type AddressSpace, spaceOf } from '../../address-space.ts'
import type { Task } from '../../task.ts'
import type { Expected } from '../scenario.ts'

const MAP_FIXED = 0x10
const MAP_FIXED_NOREPLACE = 0x100000
const pageBytes = 4096

export class HostMemory {
  readonly #heaps = new WeakSet<AddressSpace>()

  /** The call as it is to be made. */
  before(task: Task, call: Syscall, expected: Expected): Syscall {
    if (expected.kind !== 'value') return call
    const { value } = expected
    switch (call.name) {
      case 'mmap':
        if (Number(call.flags) & (MAP_FIXED | MAP_FIXED_NOREPLACE) || value <= 0n) return call
        return { ...call, addr: Number(value) }
      case 'brk': {
        const space = spaceOf(task)
        if (this.#heaps.has(space)) return call
        this.#heaps.add(space)
        const start = Number(call.addr) === 0 ? Number(value) : Number(call.addr)
        Object.assign(space, { heapStart: start, heapEnd: start })
        return call
      }
      case 'mremap':
        this.#there(task, Number(call.old_address), Number(call.old_size))
        return moved(call, value)
      case 'mprotect':
      case 'mlock':
      case 'mlock2':
      case 'munlock':
        this.#there(task, Number(call.addr), Number(call.len))
        return call
      case 'madvise':
        this.#there(task, Number(call.addr), Number(call.length))
        return call
      case 'shmat':
        return Number(call.shmaddr) === 0 ? { ...call, shmaddr: Number(value) } : call
      default:
        return call
    }
  }

  /** Regions that came with the program. */
  #there(task: Task, address: number, byteCount: number): void {
    const space = spaceOf(task)
    const [start, end] = [Math.floor(address / pageBytes), Math.ceil((address + byteCount) / pageBytes)]
    for (let page = start; page < end; ) {
      const [region] = space.within(page, end)
      const until = Math.min(end, region?.start ?? end)
      if (until > page)
        space.insert({
          ...{ start: page, end: until, prot: 7, shared: false, pieces: [], file: undefined, offset: 0 },
          ...{ memory: undefined, huge: undefined, locked: false, dontFork: false, heap: false },
        })
      page = Math.max(until, region?.end ?? end)
    }
  }
}

const MREMAP_MAYMOVE = 1
const MREMAP_FIXED = 2

/** Where it was moved to is the log's. */
function moved(call: Extract<Syscall, { name: 'mremap' }>, value: bigint): Syscall {
  const flags = Number(call.flags)
  if (flags & MREMAP_FIXED || !(flags & MREMAP_MAYMOVE) || Number(call.old_address) === Number(value)) return call
  return { ...call, flags: flags | MREMAP_FIXED, new_address: Number(value) }
}
