// Other runtimes on this host: whether they are here, and what they need to run at all.

import { accessSync, constants, existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

export const onPath = (program: string) =>
  program.startsWith('/') ||
  [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin'].some((place) => {
    try {
      accessSync(join(place, program), constants.X_OK)
      return true
    } catch {
      return false
    }
  })

/** crun refuses a host with both kinds of cgroups: it gets a mount namespace in which there is one kind. */
export const withoutUnified = (words: readonly string[]): readonly string[] =>
  existsSync('/sys/fs/cgroup/unified')
    ? ['unshare', '-m', 'sh', '-c', 'umount /sys/fs/cgroup/unified && exec "$@"', 'sh', ...words]
    : words
