// The real kernel for one command of vitrine-oci, opened at its first use.

import type { Host } from '../../core/engine/host.ts'
import { openHost, readEnvironment } from '../host.ts'

let host: Host | undefined

export const opened = (): Host | undefined => host

export function theHost(): Host {
  // What is made for a container has the rights that are said where it is made, not fewer.
  if (host === undefined) process.umask(0o022)
  host ??= openHost(readEnvironment())
  return host
}
