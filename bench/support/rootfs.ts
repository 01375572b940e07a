// A root filesystem for benchmarks: busybox and the directories that mounts need.

import { copyFileSync, mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'

export function busyboxRoot(directory: string): string {
  const root = join(directory, 'rootfs')
  for (const name of ['bin', 'proc', 'dev', 'sys', 'etc', 'tmp']) mkdirSync(join(root, name), { recursive: true })
  copyFileSync('/bin/busybox', join(root, 'bin/busybox'))
  for (const name of ['true', 'sh', 'sleep', 'cat', 'ls']) symlinkSync('busybox', join(root, 'bin', name))
  return root
}
