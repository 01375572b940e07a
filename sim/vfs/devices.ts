// Character and block devices by their numbers: what opening a device file leads to, whatever the file's name. null(4)

import type { Denied } from '../outcome.ts'
import type { Task } from '../task.ts'
import type { FileOperations, OpenFile } from './file.ts'

export interface Device {
  /** As in /proc/devices and devtmpfs: `null`. */
  readonly name: string
  readonly open: (task: Task, file: OpenFile) => FileOperations | Denied
}

export class DeviceRegistry {
  readonly #devices = new Map<string, Device>()

  add(kind: 'character' | 'block', major: number, minor: number, device: Device): void {
    this.#devices.set(`${kind} ${major}:${minor}`, device)
  }

  /** Undefined: nobody serves these numbers (ENXIO). */
  find(kind: 'character' | 'block', [major, minor]: readonly [number, number]): Device | undefined {
    return this.#devices.get(`${kind} ${major}:${minor}`)
  }
}
