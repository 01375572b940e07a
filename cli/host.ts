// The host as the engine sees it: the Linux kernel, this process's environment, clocks and entropy.

import { nativeFile } from '../backends/linux/ffi.ts'
import { openLinux } from '../backends/linux/open.ts'
import type { Environment, Host } from '../core/engine/host.ts'
import { must } from '../core/files.ts'
import { printError } from './output.ts'
import { versionNumber } from './version.ts'

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
  const kernel = openLinux()
  return {
    kernel,
    environment,
    now: () => Date.now(),
    monotonicNs: () => process.hrtime.bigint(),
    // Not node:crypto: loading it takes 4 ms.
    randomBytes: (count) => must(kernel.call({ name: 'getrandom', buf: count, flags: 0 }), 'getrandom').data!,
    sleep: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
    initPath: () => nativeFile('init'),
    archive: async () => (await import('../backends/linux/archive.ts')).openArchive(),
    http: async () =>
      (await import('../backends/linux/http.ts')).openHttp(environment.variables, `vitrine/${versionNumber}`),
    warn: (sentence) => printError(`warning: ${sentence}`),
  }
}
