// Platforms: how they are written, and which image of an index fits one. OCI image spec 1.1, image-index.md ("platform");
// the words and fallbacks are those of Go's GOOS and GOARCH as containerd and podman use them.

import { UserError } from '../errors.ts'
import { ask } from '../files.ts'
import type { Kernel } from '../kernel.ts'
import type { Descriptor } from './manifest.ts'

export interface Platform {
  readonly os: string
  readonly architecture: string
  /** `v7` of `linux/arm/v7`; absent is the architecture's usual one. */
  readonly variant?: string
}

/** What somebody wants, and whether they said so. */
export interface WantedPlatform extends Platform {
  /** Asked for, not the machine's own: only this architecture will do. */
  readonly asked: boolean
}

const otherNames: Readonly<Record<string, readonly [architecture: string, variant?: string]>> = {
  i386: ['386'],
  i686: ['386'],
  x86_64: ['amd64'],
  'x86-64': ['amd64'],
  aarch64: ['arm64'],
  armhf: ['arm', 'v7'],
  armel: ['arm', 'v6'],
  armv8l: ['arm', 'v8'],
  armv7l: ['arm', 'v7'],
  armv6l: ['arm', 'v6'],
  armv5tel: ['arm', 'v5'],
  wasm32: ['wasm'],
  mips64el: ['mips64le'],
  loongarch64: ['loong64'],
}
/** The variant that is meant when none is said, and is left out. */
const usualVariant: Readonly<Record<string, string>> = { amd64: 'v1', arm64: 'v8' }

/** One spelling of each: `x86_64` is `amd64`, `arm64/v8` is `arm64`, `arm` is `arm/v7`. */
export function normalPlatform({ os, architecture, variant }: Platform): Platform {
  const lower = architecture.toLowerCase()
  const [name, implied] = (Object.hasOwn(otherNames, lower) ? otherNames[lower] : undefined) ?? [lower]
  const given = (variant || implied || '').toLowerCase().replace(/^(\d)/, 'v$1')
  const usual = (Object.hasOwn(usualVariant, name) ? usualVariant[name] : undefined) ?? ''
  const plain = given === usual ? '' : given
  const whole = name === 'arm' && plain === '' ? 'v7' : plain
  const system = os.toLowerCase() === 'macos' ? 'darwin' : os.toLowerCase()
  return { os: system, architecture: name, ...(whole === '' ? {} : { variant: whole }) }
}

export function platformText({ os, architecture, variant }: Platform): string {
  return `${os}/${architecture}${variant ? `/${variant}` : ''}`
}

/**
 * The platform of this machine: Linux, and the architecture that uname(2) tells.
 *
 * @param programs - what it executes, where that is something else
 */
export function machinePlatform(
  kernel: Kernel,
  programs: { readonly os?: string; readonly architecture: string } | undefined,
): WantedPlatform {
  if (programs?.os !== undefined) return { os: programs.os, architecture: programs.architecture, asked: false }
  const utsname = ask(kernel, { name: 'uname', buf: 390 }, 'uname').data!
  const machine = new TextDecoder().decode(utsname.subarray(260, 325)).replace(/\0.*$/s, '')
  return { ...normalPlatform({ os: 'linux', architecture: machine }), asked: false }
}

/** What `--platform`, `--os`, `--arch` and `--variant` say. */
export interface PlatformWords {
  readonly platform?: string
  readonly os?: string
  readonly arch?: string
  readonly variant?: string
}

/**
 * The platform that flags mean; what they leave out is the machine's.
 *
 * @errors UserError for a malformed one, and for --platform together with the others
 */
export function wantedPlatform(machine: Platform, words: PlatformWords): WantedPlatform {
  const { platform, os, arch, variant } = words
  if (platform !== undefined && (os ?? arch ?? variant) !== undefined)
    throw new UserError('--platform: contradicts --os, --arch and --variant; give one or the others')
  if (platform !== undefined) return { ...parsePlatform(platform, machine), asked: true }
  const asked = (os ?? arch ?? variant) !== undefined
  if (!asked) return { ...normalPlatform(machine), asked }
  // Another architecture does not have this machine's variant.
  const own = arch === undefined ? machine.variant : undefined
  const wanted = { os: os ?? machine.os, architecture: arch ?? machine.architecture, variant: variant ?? own }
  return { ...parsePlatform(platformText(wanted), machine), asked }
}

/** `linux/arm64/v8`, `arm64`, `linux`. */
function parsePlatform(text: string, machine: Platform): Platform {
  const parts = text.split('/')
  if (parts.length > 3 || !parts.every((part) => /^[A-Za-z0-9_.-]+$/.test(part)))
    throw new UserError(`--platform=${text}: must be OS/ARCHITECTURE[/VARIANT], such as linux/arm64`)
  const [first, architecture, variant] = parts as [string, string?, string?]
  if (architecture !== undefined) return normalPlatform({ os: first, architecture, variant })
  if (/^(linux|windows|darwin|macos|freebsd|wasi|wasip1|wasip2|js)$/i.test(first))
    return normalPlatform({ ...machine, os: first })
  return normalPlatform({ os: machine.os, architecture: first })
}

const wasi: readonly string[] = ['wasi', 'wasip2', 'wasip1']

/** What will do for a wanted platform, best first. */
function acceptable(wanted: WantedPlatform): Platform[] {
  const { os, architecture, variant } = normalPlatform(wanted)
  const lower = (from: number, to: number, of = architecture) =>
    Array.from({ length: Math.max(0, from - to + 1) }, (_, down) =>
      normalPlatform({ os, architecture: of, variant: `v${from - down}` }),
    )
  const exact = normalPlatform({ os, architecture, variant })
  // WASI goes by several names, and its programs say themselves which one they are made for.
  if (wasi.includes(os)) return [os, ...wasi.filter((name) => name !== os)].map((name) => ({ os: name, architecture }))
  const level = Number(/^v(\d+)/.exec(variant ?? '')?.[1] ?? Number.NaN)
  if (architecture === 'arm') return [exact, ...lower(level - 1, 5)]
  // A 64-bit machine runs 32-bit programs, as a rule; somebody who names the architecture does not mean them.
  if (architecture === 'amd64')
    return [exact, ...lower(level - 1, 1), ...(wanted.asked ? [] : [{ os, architecture: '386' }])]
  if (architecture === 'arm64') return [exact, ...lower(level - 1, 8), ...(wanted.asked ? [] : lower(8, 5, 'arm'))]
  return [exact]
}

const same = (one: Platform, other: Platform): boolean => platformText(one) === platformText(other)

/** Whether an image of some platform is what is wanted. */
export function fits(wanted: WantedPlatform, offered: Platform): boolean {
  return acceptable(wanted).some((platform) => same(platform, normalPlatform(offered)))
}

/** A signed statement about an image and no image: buildx gives these no platform of their own. */
const isStatement = ({ platform, annotations }: Descriptor): boolean =>
  (platform?.os === 'unknown' && platform.architecture === 'unknown') ||
  annotations?.['vnd.docker.reference.type'] === 'attestation-manifest'

/** An index may leave out what it must not. */
const platformOf = ({ os, architecture, variant }: Partial<Platform>): Platform => ({
  os: os ?? '',
  architecture: architecture ?? '',
  variant,
})

/**
 * The entry of an index that fits best.
 *
 * @param what - for the sentence: the image's name
 * @errors UserError that lists what there is
 */
export function chooseForPlatform(wanted: WantedPlatform, manifests: readonly Descriptor[], what: string): Descriptor {
  const images = manifests.filter((descriptor) => !isStatement(descriptor))
  for (const platform of acceptable(wanted)) {
    const found = images.find((image) => image.platform && same(platform, normalPlatform(platformOf(image.platform))))
    if (found) return found
  }
  // An entry without a platform is for whoever comes.
  const any = images.find((image) => !image.platform)
  if (any) return any
  const offered = images.map((image) => platformText(normalPlatform(platformOf(image.platform!))))
  const list = offered.length === 0 ? 'it has none at all' : `it has ${[...new Set(offered)].join(', ')}`
  throw new UserError(`${what}: no image for ${platformText(normalPlatform(wanted))}; ${list}`)
}
