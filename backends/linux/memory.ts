// Memory outside of JavaScript's heap, where calls find their arguments: it does not move, and its address is known.

import { Arena } from '../../core/launch/arena.ts'
import type { Native } from './ffi.ts'

const PROT_READ_WRITE = 3
const MAP_PRIVATE_ANONYMOUS = 0x22
const KIB = 1024

export interface Region {
  readonly address: number
  readonly bytes: Uint8Array
}

/** The regions that one kernel object uses again and again; pages are taken only when they are touched. */
export interface Memory {
  /** Arguments of single calls. */
  readonly call: Region
  /** Arguments of a batch or an in-process launch, its tape, and the child's stack. */
  readonly tapeArguments: Region
  readonly tape: Region
  readonly stack: Region
  /** A region of its own for a call that waits on another thread. */
  borrow(): Region
  giveBack(region: Region): void
  readonly openFlags: (flags: number) => number
  arenaOn(region: Region): Arena
}

/** The longest buffer of one call: longer writes are cut, as write(2) may. */
export const CALL_BYTES = 1024 * KIB

function map(native: Native, arch: 'x64' | 'arm64', byteCount: number): Region {
  const address = native.syscall(
    arch === 'x64' ? 9 : 222,
    0,
    byteCount,
    PROT_READ_WRITE,
    MAP_PRIVATE_ANONYMOUS,
    0xffffffff,
    0,
  )
  if (address < 0) throw new Error(`mmap of ${byteCount} bytes: errno ${-address}`)
  return { address, bytes: native.view(address, byteCount) }
}

/** Four of open(2)'s flags stand in other places on arm64 (asm/fcntl.h): O_DIRECT, O_LARGEFILE, O_DIRECTORY, O_NOFOLLOW. */
function openFlagsOfArm64(flags: number): number {
  const moved = 0o40000 | 0o100000 | 0o200000 | 0o400000
  const has = (bit: number, becomes: number) => ((flags & bit) === 0 ? 0 : becomes)
  return (
    (flags & ~moved) |
    has(0o40000, 0o200000) |
    has(0o100000, 0o400000) |
    has(0o200000, 0o40000) |
    has(0o400000, 0o100000)
  )
}

export function mapMemory(native: Native, arch: 'x64' | 'arm64'): Memory {
  const whole = map(native, arch, CALL_BYTES + 2048 * KIB + 64 * KIB)
  const part = (offset: number, byteCount: number): Region => ({
    address: whole.address + offset,
    bytes: whole.bytes.subarray(offset, offset + byteCount),
  })
  const free: Region[] = []
  const openFlags = arch === 'arm64' ? openFlagsOfArm64 : (flags: number) => flags
  return {
    call: part(0, CALL_BYTES),
    tapeArguments: part(CALL_BYTES, 1536 * KIB),
    tape: part(CALL_BYTES + 1536 * KIB, 512 * KIB),
    stack: part(CALL_BYTES + 2048 * KIB, 64 * KIB),
    borrow: () => free.pop() ?? map(native, arch, 128 * KIB),
    giveBack: (region) => {
      free.push(region)
    },
    openFlags,
    arenaOn: (region) => new Arena(region.bytes, region.address, 0, true, openFlags),
  }
}
