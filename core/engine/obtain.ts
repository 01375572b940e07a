// The image that a container is to be made of: here already, or pulled first, as `--pull` says. podman-run(1). What is
// here needs nothing but a look at the index, so everything else is loaded when it comes to it.

import { UserError } from '../errors.ts'
import type { PlatformWords } from '../image/platform.ts'
import type { ResolveOptions } from '../image/registry/short-names.ts'
import { findImage, type ImageRecord, NoSuchImageError } from '../image/store.ts'
import type { Host, Settings } from './host.ts'
import type { RegistryAccess } from './pull.ts'
import type { OnTransfer } from './transfer.ts'

/** missing: what is here will do. newer: what is here will do when the registry has nothing else, or no answer. */
export type PullPolicy = 'always' | 'missing' | 'never' | 'newer'

export interface Pulling {
  readonly policy: PullPolicy
  readonly quiet: boolean
  readonly platform: PlatformWords
  readonly access: RegistryAccess
}

/** What a pull needs of whoever sits at the terminal; asked for when it comes to that. */
export interface PullHelp {
  readonly onTransfer: () => Promise<OnTransfer>
  /** What has the user choose what a short name means; undefined where nobody can be asked. */
  readonly chooser: () => Promise<ResolveOptions['choose']>
  /** Told the pid of a process that pulls, which no signal of the terminal reaches. */
  readonly childStarted: (pid: number) => void
}

/**
 * The image that a reference means, pulled when the policy says so.
 *
 * @errors UserError when it is not here and may not or cannot be pulled
 */
export async function obtainImage(
  host: Host,
  settings: Settings,
  reference: string,
  pulling: Pulling,
  help: PullHelp,
): Promise<ImageRecord> {
  const here = imageHere(host, settings, reference)
  const { policy, platform } = pulling
  const anyWillDo = policy === 'missing' || policy === 'never'
  if (here && anyWillDo && Object.values(platform).every((word) => word === undefined)) {
    const { os = 'linux', architecture } = host.environment
    const usual = `${os}/${architecture}`
    // Of arm64 there is one variant so far.
    if (here.platform !== usual && here.platform !== `${usual}/v8`) {
      const { warnOfPlatform } = await import('./obtain-remote.ts')
      warnOfPlatform(host, here)
    }
    return here
  }
  const { obtainByPolicy } = await import('./obtain-remote.ts')
  return await obtainByPolicy(host, settings, reference, here, pulling, help)
}

function imageHere({ kernel }: Host, settings: Settings, reference: string): ImageRecord | undefined {
  try {
    return findImage({ kernel, root: settings.root }, reference)
  } catch (error) {
    if (error instanceof NoSuchImageError) return undefined
    // `oci:DIR`, `docker://NAME`: where it is to come from, and no name.
    if (error instanceof UserError && /^[a-z-]+:[/.]/.test(reference)) return undefined
    throw error
  }
}
