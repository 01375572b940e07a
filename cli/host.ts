// The host as the engine sees it: the Linux kernel, this process's environment, clocks and entropy.

import { openLinux } from '../backends/linux/open.ts'
import type { Environment, Host } from '../core/engine/host.ts'
import { printError } from './output.ts'

export function readEnvironment(): Environment {
  const { env } = process
  return {
    uid: process.geteuid?.() ?? 0,
    gid: process.getegid?.() ?? 0,
    userName: env.USER ?? env.LOGNAME,
    home: env.HOME,
    variables: env,
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
  }
}

export function openHost(environment: Environment): Host {
  return {
    kernel: openLinux(),
    environment,
    now: () => Date.now(),
    monotonicNs: () => process.hrtime.bigint(),
    randomBytes: (count) => crypto.getRandomValues(new Uint8Array(count)),
    sleep: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
    archive: async () => (await import('../backends/linux/archive.ts')).openArchive(),
    warn: (sentence) => printError(`warning: ${sentence}`),
  }
}
