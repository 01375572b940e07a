// Certificates for one registry: files of a directory that is called like it. containers-certs.d(5).

import type { Host } from '../../engine/host.ts'
import { UserError } from '../../errors.ts'
import { AT_FDCWD, close, entriesOf, O, readText } from '../../files.ts'
import { type Kernel, refused } from '../../kernel.ts'
import type { TlsChoice } from './http.ts'

type Certificates = Pick<TlsChoice, 'authorities' | 'certificate' | 'key'>

/** The names in a directory, sorted; undefined when it is not there, or not for the caller to read. */
function namesIn(kernel: Kernel, path: string): string[] | undefined {
  const flags = O.RDONLY | O.DIRECTORY | O.CLOEXEC
  const opened = kernel.call({ name: 'openat', dirfd: AT_FDCWD, pathname: path, flags, mode: 0 })
  if (refused(opened)) return undefined
  try {
    return entriesOf(kernel, opened.value, path)
      .map(({ name }) => name)
      .sort()
  } finally {
    close(kernel, opened.value)
  }
}

/**
 * The certificates for a registry: `*.crt` are authorities to believe, `NAME.cert` with `NAME.key` is who we are. Of the
 * user's `certs.d`, the system's and Docker's, the first that has a directory for the registry.
 *
 * @param registry - `HOST[:PORT]`, as names have it
 * @param certDir - `--cert-dir`: this directory and no other
 * @errors UserError when a certificate has no key or the other way round, and for more than one pair
 */
export function certificatesFor(
  { kernel, environment }: Pick<Host, 'kernel' | 'environment'>,
  registry: string,
  certDir?: string,
  system = '/etc',
): Certificates {
  const home = environment.home ?? environment.variables.HOME ?? '/'
  const parents = [`${home}/.config/containers`, `${system}/containers`, `${system}/docker`]
  const directories = certDir === undefined ? parents.map((parent) => `${parent}/certs.d/${registry}`) : [certDir]
  for (const directory of directories) {
    const names = namesIn(kernel, directory)
    if (names !== undefined) return certificatesOf(kernel, directory, names)
  }
  if (certDir !== undefined) throw new UserError(`--cert-dir=${certDir}: no such directory, or it cannot be read`)
  return {}
}

function certificatesOf(kernel: Kernel, directory: string, names: readonly string[]): Certificates {
  const read = (name: string) => readText(kernel, `${directory}/${name}`)
  const ending = (suffix: string) =>
    names.filter((name) => name.endsWith(suffix)).map((name) => name.slice(0, -suffix.length))
  const authorities = ending('.crt').map((name) => read(`${name}.crt`))
  const [certificates, keys] = [ending('.cert'), ending('.key')]
  for (const name of certificates)
    if (!keys.includes(name))
      throw new UserError(`${directory}/${name}.cert: its key ${name}.key is missing; an authority is called *.crt`)
  for (const name of keys)
    if (!certificates.includes(name))
      throw new UserError(`${directory}/${name}.key: its certificate ${name}.cert is missing`)
  if (certificates.length > 1)
    throw new UserError(
      `${directory}: has ${certificates.join('.cert and ')}.cert; only one can be shown to a registry`,
    )
  const [client] = certificates
  return {
    ...(authorities.length > 0 && { authorities }),
    ...(client !== undefined && { certificate: read(`${client}.cert`), key: read(`${client}.key`) }),
  }
}
