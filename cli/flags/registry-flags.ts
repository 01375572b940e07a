// The flags that say which image of several is meant, and how registries are spoken to; of pull, push, run and create.

import type { Pulling, PullPolicy } from '../../core/engine/obtain.ts'
import type { RegistryAccess } from '../../core/engine/pull.ts'
import { UserError } from '../../core/errors.ts'
import type { PlatformWords } from '../../core/image/platform.ts'
import type { ParsedFlags } from './parse.ts'
import type { Flag } from './table.ts'

export const platformFlag: Flag = {
  name: 'platform',
  kind: 'text',
  value: 'OS/ARCH[/VARIANT]',
  help: 'platform of the image: linux/arm64',
}

export const platformFlags: readonly Flag[] = [
  { name: 'arch', kind: 'text', value: 'ARCHITECTURE', help: "architecture of the image, if not this machine's" },
  { name: 'os', kind: 'text', value: 'OS', help: 'operating system of the image, if not linux' },
  platformFlag,
  { name: 'variant', kind: 'text', value: 'VARIANT', help: 'variant of the architecture: v7' },
]

export const registryFlags: readonly Flag[] = [
  { name: 'authfile', kind: 'text', value: 'FILE', help: 'where logins are kept' },
  { name: 'cert-dir', kind: 'text', value: 'DIR', help: 'certificates for the registry: *.crt, *.cert, *.key' },
  { name: 'creds', kind: 'text', value: 'USER:PASSWORD', help: 'who you are at the registry' },
  { name: 'tls-verify', kind: 'switch', help: 'false: plain HTTP and any certificate will do' },
]

export const pullQuiet: Flag = { name: 'quiet', short: 'q', kind: 'switch', help: 'say nothing of a pull' }

const policies: readonly PullPolicy[] = ['always', 'missing', 'never', 'newer']
/** Other words that podman takes for them. */
const policyWords: Readonly<Record<string, PullPolicy>> = {
  ...Object.fromEntries(policies.map((policy) => [policy, policy])),
  ...{ true: 'always', false: 'missing', ifnotpresent: 'missing', ifmissing: 'missing', ifnewer: 'newer' },
}

export const pullFlag: Flag = {
  name: 'pull',
  kind: 'text',
  value: 'POLICY',
  help: 'when to pull the image: always, missing, never or newer (default missing)',
  bare: { value: 'always', words: Object.keys(policyWords) },
}

export const platformWords = (flags: ParsedFlags): PlatformWords => ({
  platform: flags.text('platform'),
  os: flags.text('os'),
  arch: flags.text('arch'),
  variant: flags.text('variant'),
})

/** @errors UserError for `--creds` without a password */
export function registryAccess(flags: ParsedFlags): RegistryAccess {
  const creds = flags.text('creds')
  const colon = creds?.indexOf(':') ?? 0
  if (creds !== undefined && colon <= 0) throw new UserError('--creds: must be USER:PASSWORD')
  return {
    ...(flags.has('tls-verify') ? { tlsVerify: flags.on('tls-verify') } : {}),
    authfile: flags.text('authfile'),
    certDir: flags.text('cert-dir'),
    ...(creds === undefined
      ? {}
      : { credentials: { username: creds.slice(0, colon), password: creds.slice(colon + 1) } }),
  }
}

/** @errors UserError for `--pull` and `--creds` that mean nothing */
export function pullingOf(flags: ParsedFlags): Pulling {
  const word = flags.text('pull') ?? 'missing'
  const policy = policyWords[word.toLowerCase()]
  if (policy === undefined) throw new UserError(`--pull=${word}: must be one of ${policies.join(', ')}`)
  return { policy, quiet: flags.on('quiet'), platform: platformWords(flags), access: registryAccess(flags) }
}
