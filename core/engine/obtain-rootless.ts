// A pull for somebody who is not root and makes a container: this program does it, as root of a user namespace.

import { UserError } from '../errors.ts'
import { printName } from '../image/reference.ts'
import { resolveName } from '../image/registry/short-names.ts'
import { findImage, type ImageRecord } from '../image/store.ts'
import type { Host, Settings } from './host.ts'
import { asLentRoot } from './lent-root.ts'
import type { PullHelp, Pulling } from './obtain.ts'
import { hereAs } from './pull.ts'

/**
 * @returns undefined for somebody who cannot be root there, and may as well pull here
 * @errors UserError when none of the names can be pulled; why, has been said on standard error
 */
export async function pullAsLentRoot(
  host: Host,
  settings: Settings,
  text: string,
  pulling: Pulling,
  help: PullHelp,
): Promise<ImageRecord | undefined> {
  const { names, remember } = await resolveName(host, text, {
    here: hereAs(host, settings),
    choose: await help.chooser(),
  })
  for (const name of names.map(printName)) {
    const words = ['pull', ...flagsOf(pulling), '--', name]
    // Silent: the id that it prints is nothing that the container prints.
    const code = await asLentRoot(host, settings, words, help.childStarted, true)
    if (code === undefined) return undefined
    // A signal is meant for all of it: no other name is tried.
    if (code > 128) throw new UserError(`image ${text}: its pull was ended by signal ${code - 128}`, code)
    if (code !== 0) continue
    await remember?.()
    return findImage({ kernel: host.kernel, root: settings.root }, name)
  }
  throw new UserError(`image ${text}: it could not be pulled`)
}

/** The flags that say the same again. */
function flagsOf({ quiet, platform, access }: Pulling): string[] {
  const { authfile, certDir, credentials, tlsVerify } = access
  const creds = credentials && 'password' in credentials ? `${credentials.username}:${credentials.password}` : undefined
  const given = { ...platform, authfile, 'cert-dir': certDir, creds, 'tls-verify': tlsVerify }
  const flags = Object.entries(given).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}=${value}`]))
  return quiet ? ['--quiet', ...flags] : flags
}
