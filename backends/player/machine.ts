// Which machine this is: somebody's own, or one of those that scenarios may change as they like.

import { readFileSync } from 'node:fs'
import { release } from 'node:os'

export function isUserModeLinux(): boolean {
  return readFileSync('/proc/cpuinfo', 'utf8').includes('User Mode Linux')
}

/** The machine that test/emulator/run boots. */
export function isEmulated(): boolean {
  return readFileSync('/proc/cmdline', 'utf8').includes('vitrine_emulator')
}

export function kernelVersion(): readonly [number, number] {
  const [major = 0, minor = 0] = release()
    .split('.')
    .map((part) => Number.parseInt(part, 10))
  return [major, minor]
}

/** Which machine this is, and its kernel: `linux 6.18`, `uml 6.12`, `emulated 6.12`. */
export function titleOfKernel(): string {
  return `${isUserModeLinux() ? 'uml' : isEmulated() ? 'emulated' : 'linux'} ${kernelVersion().join('.')}`
}
