// The devices that are no hardware: null, zero, full, random, urandom, tty. mem(4), null(4), random(4), tty(4)

import type { Kernel } from '../kernel.ts'
import { deny } from '../outcome.ts'
import type { Device } from './devices.ts'
import { type FileOperations, staysAtZero } from './file.ts'

const nothing = new Uint8Array(0)
const end = () => ({ value: 0, data: nothing })
const zeros = (_task: unknown, count: number) => ({ value: count, data: new Uint8Array(count) })
const swallow = (_task: unknown, bytes: Uint8Array) => bytes.length

const device = (name: string, operations: FileOperations): Device => ({
  name,
  open: () => ({ ...operations, seek: staysAtZero }),
})

/** Registers them by their numbers: Documentation/admin-guide/devices.txt. */
export function addMemoryDevices({ devices, random, console: terminal }: Kernel): void {
  const noise = (_task: unknown, count: number) => ({ value: count, data: random.bytes(count) })
  const seekable = false
  devices.add('character', 1, 3, device('null', { seekable, read: end, write: swallow }))
  devices.add('character', 1, 5, device('zero', { seekable, read: zeros, write: swallow }))
  const full = () => deny('ENOSPC', 'full(4)', 'full(4): the device is always full')
  devices.add('character', 1, 7, device('full', { seekable, read: zeros, write: full }))
  devices.add('character', 1, 8, device('random', { seekable, read: noise, write: swallow }))
  devices.add('character', 1, 9, device('urandom', { seekable, read: noise, write: swallow }))
  devices.add('character', 5, 1, { name: 'console', open: () => terminal.operations })
  devices.add('character', 5, 0, {
    name: 'tty',
    open: () => deny('ENXIO', 'tty(4)', 'tty(4): the process has no controlling terminal'),
  })
}
