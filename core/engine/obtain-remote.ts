// What `--pull` and `--platform` ask for when a look at the index is not enough.

import { UserError } from '../errors.ts'
import { nameMeant } from '../image/change.ts'
import {
  fits,
  machinePlatform,
  normalPlatform,
  type Platform,
  platformText,
  wantedPlatform,
} from '../image/platform.ts'
import { idDigits } from '../image/reference.ts'
import { localNames } from '../image/registry/short-names.ts'
import { type ImageRecord, listImages } from '../image/store.ts'
import type { Host, Settings } from './host.ts'
import type { PullHelp, Pulling } from './obtain.ts'
import { pullImage } from './pull.ts'

/** Says that an image is for another machine: without binfmt_misc(5) its programs cannot be executed here. */
export function warnOfPlatform(host: Host, image: Pick<ImageRecord, 'platform'>): void {
  const offered = platformOf(image)
  const machine = machinePlatform(host.kernel, host.environment)
  if (offered === undefined || fits(machine, offered)) return
  const [theirs, ours] = [offered, machine].map((platform) => platformText(normalPlatform(platform)))
  host.warn(`image platform (${theirs}) does not match the expected platform (${ours})`)
}

/** Undefined where the image does not say. */
function platformOf({ platform }: Pick<ImageRecord, 'platform'>): Platform | undefined {
  const [os, architecture, variant] = platform.split('/')
  return !os || !architecture || architecture === 'unknown' ? undefined : { os, architecture, variant }
}

/** What a short name means by the configuration, if that is here. */
async function configuredHere(host: Host, settings: Settings, text: string): Promise<ImageRecord | undefined> {
  if (idDigits(text) !== undefined || /^[a-z-]+:[/.]/.test(text)) return undefined
  const names = (await localNames(host, text)).map(({ registry, repository, tag, digest }) =>
    digest === undefined ? `${registry}/${repository}:${tag}` : `${registry}/${repository}@${digest}`,
  )
  const images = listImages({ kernel: host.kernel, root: settings.root })
  const isIt = (name: string) => (image: ImageRecord) => image.names.includes(name) || image.repoDigests.includes(name)
  return names.map((name) => images.find(isIt(name))).find((image) => image !== undefined)
}

/** @param found - what the reference means among the images that are here, without a look at the configuration */
export async function obtainByPolicy(
  host: Host,
  settings: Settings,
  reference: string,
  found: ImageRecord | undefined,
  pulling: Pulling,
  help: PullHelp,
): Promise<ImageRecord> {
  const { policy, access } = pulling
  const here = found ?? (await configuredHere(host, settings, reference))
  const wanted = wantedPlatform(machinePlatform(host.kernel, host.environment), pulling.platform)
  const offered = here && platformOf(here)
  const local = here && (!wanted.asked || (offered && fits(wanted, offered))) ? here : undefined
  const use = (image: ImageRecord) => {
    if (!wanted.asked) warnOfPlatform(host, image)
    return image
  }
  if (local && (policy === 'missing' || policy === 'never')) return use(local)
  if (policy === 'never') {
    const other = here === undefined ? '' : ` for ${platformText(wanted)}, but for ${here.platform}`
    throw new UserError(`image ${reference}: not here${other}, and --pull=never forbids to pull it`)
  }
  if (isId(reference, here)) {
    if (local && policy === 'newer') return use(local)
    const why = here ? 'it is named by its id, which no registry knows' : 'there is no image with this id here'
    throw new UserError(`image ${reference}: cannot be pulled: ${why}`)
  }
  // What is here decides what a short name means.
  const name = (found && nameMeant(found, reference)) ?? reference
  const hasty = policy === 'newer' && local !== undefined
  try {
    if (host.environment.uid !== 0) {
      const { pullAsLentRoot } = await import('./obtain-rootless.ts')
      const pulled = await pullAsLentRoot(host, settings, name, pulling, help)
      if (pulled) return use(pulled)
    }
    const [onTransfer, choose] = [await help.onTransfer(), await help.chooser()]
    return use(await pullImage(host, settings, name, { platform: wanted, access, hasty, choose, onTransfer }))
  } catch (error) {
    const ended = error instanceof UserError && error.exitCode > 128
    if (policy === 'newer' && local && error instanceof UserError && !ended) return use(local)
    throw error
  }
}

function isId(reference: string, here: ImageRecord | undefined): boolean {
  const digits = idDigits(reference)
  if (digits === undefined) return false
  if (here === undefined) return reference.startsWith('sha256:') || digits.length === 64
  return here.id.startsWith(digits) && nameMeant(here, reference) === undefined
}
