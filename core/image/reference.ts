// How images are named: podman's transports, names with registry, tag and digest, and short names. containers-transports(5).

import { UserError } from '../errors.ts'

/** Where an image is imported from. */
export type ImageSource =
  /** A directory with an OCI image layout; the tag is its annotation `org.opencontainers.image.ref.name`. */
  | { readonly kind: 'oci'; readonly path: string; readonly tag?: string }
  /** A tar file of an OCI image layout. */
  | { readonly kind: 'oci-archive'; readonly path: string; readonly tag?: string }
  /** A directory with a manifest and its blobs, as podman and skopeo keep them. */
  | { readonly kind: 'dir'; readonly path: string }
  /** What `docker save` writes. */
  | { readonly kind: 'docker-archive'; readonly path: string; readonly reference?: string }
  /** Whatever of these lies there. */
  | { readonly kind: 'any'; readonly path: string }

/** A name taken apart: `registry/repository:tag@digest`. */
export interface ImageName {
  readonly registry?: string
  readonly repository: string
  readonly tag?: string
  /** `sha256:` and 64 hexadecimal digits. It decides when there is a tag too. */
  readonly digest?: string
}

/** A name that says which registry, as a registry is asked: `docker.io/library/httpd`. */
export interface WholeName extends ImageName {
  readonly registry: string
}

const otherTransports = ['docker-daemon', 'containers-storage', 'ostree', 'sif', 'tarball']
const digestPattern = /^sha256:[0-9a-f]{64}$/
/** Of registry and repository together, as the distribution's own references have it. */
const nameLengthMax = 255

/**
 * A source when the text starts with a transport, otherwise undefined: then it is a name or an id.
 *
 * @errors UserError for an empty path, and for podman's other transports, by name
 */
export function parseSource(text: string): ImageSource | undefined {
  const match = /^([a-z-]+):(.*)$/s.exec(text)
  if (!match) return undefined
  const [, kind, rest] = match as unknown as [string, string, string]
  if (kind === 'docker-archive' || kind === 'oci' || kind === 'oci-archive') {
    const colon = rest.indexOf(':')
    const path = colon < 0 ? rest : rest.slice(0, colon)
    const suffix = colon < 0 ? undefined : rest.slice(colon + 1)
    if (path === '') throw new UserError(`image ${text}: the transport ${kind} needs a path: ${kind}:PATH`)
    if (suffix === '') throw new UserError(`image ${text}: nothing follows the last colon`)
    if (suffix === undefined) return { kind, path }
    return kind === 'docker-archive' ? { kind, path, reference: suffix } : { kind, path, tag: suffix }
  }
  if (kind === 'dir' && rest !== '') return { kind, path: rest }
  if (kind === 'docker' && rest.startsWith('//'))
    throw new UserError(`image ${text}: the transport docker is a registry: get it with vitrine pull`)
  if (otherTransports.includes(kind)) {
    throw new UserError(
      `image ${text}: the transport ${kind} is not supported; use oci:, oci-archive:, docker-archive: or dir:`,
    )
  }
  return undefined
}

/**
 * Takes a name apart by the grammar of distribution references.
 *
 * @errors UserError saying which part is wrong
 */
export function parseName(text: string): ImageName {
  const refuse = (why: string): never => {
    throw new UserError(`image name ${JSON.stringify(text)}: ${why}`)
  }
  const at = text.indexOf('@')
  const digest = at < 0 ? undefined : text.slice(at + 1)
  if (digest !== undefined && /^sha(384|512):/.test(digest))
    refuse(`its digest is ${digest.slice(0, 6)}, and only sha256 is supported`)
  if (digest !== undefined && !digestPattern.test(digest))
    refuse('its digest must be sha256: and 64 hexadecimal digits')
  const named = at < 0 ? text : text.slice(0, at)
  const colon = named.lastIndexOf(':')
  // A colon before the last slash belongs to the registry's port.
  const tagged = colon > named.lastIndexOf('/')
  const tag = tagged ? named.slice(colon + 1) : undefined
  if (tag !== undefined && !isTag(tag)) refuse(`its tag ${JSON.stringify(tag)} is malformed`)
  const path = tagged ? named.slice(0, colon) : named
  const slash = path.indexOf('/')
  const first = slash < 0 ? '' : path.slice(0, slash)
  const registry = /[.:]/.test(first) || first === 'localhost' ? first : undefined
  const repository = registry === undefined ? path : path.slice(slash + 1)
  if (/[A-Z]/.test(repository)) refuse('it must be lowercase')
  for (const component of repository.split('/')) {
    if (!/^[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*$/.test(component)) {
      refuse(`its part ${JSON.stringify(component)} is malformed`)
    }
  }
  if (registry !== undefined && !isRegistry(registry)) refuse(`its registry ${registry} is malformed`)
  if (path.length > nameLengthMax) refuse(`it is longer than ${nameLengthMax} characters`)
  return { registry, repository, tag, digest }
}

/** OCI distribution spec, "Pulling manifests". */
export const isTag = (text: string): boolean => /^\w[\w.-]{0,127}$/.test(text)

/** Whether a text is `HOST[:PORT]`, the host a name or an address; IPv6 stands in brackets. */
export function isRegistry(text: string): boolean {
  return /^(?:[A-Za-z0-9]+(?:[.-]+[A-Za-z0-9]+)*|\[[0-9A-Fa-f:]+\])(?::\d+)?$/.test(text)
}

/** The inverse of `parseName`. */
export function printName({ registry, repository, tag, digest }: ImageName): string {
  const path = registry === undefined ? repository : `${registry}/${repository}`
  return `${path}${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`
}

/**
 * The name as a registry is asked: Docker Hub's short form written out, and `latest` when there is neither tag nor digest.
 *
 * @param registry - for a name that says none
 */
export function wholeName(name: ImageName, registry: string): WholeName {
  const given = name.registry ?? registry
  const host = given === 'index.docker.io' ? 'docker.io' : given
  const repository = repositoryOf({ ...name, registry: host }).slice(host.length + 1)
  const tag = name.tag ?? (name.digest === undefined ? 'latest' : undefined)
  return { registry: host, repository, tag, digest: name.digest }
}

/**
 * What `docker://NAME` names, undefined when the text does not start so. No short names here: a registry that is not said
 * is Docker Hub.
 *
 * @errors UserError for a malformed name
 */
export function fromDockerTransport(text: string): WholeName | undefined {
  return text.startsWith('docker://') ? wholeName(parseName(text.slice('docker://'.length)), 'docker.io') : undefined
}

/** The repository as a whole, Docker's short form written out: `docker.io/httpd` is `docker.io/library/httpd`. */
export function repositoryOf(name: ImageName): string {
  const { registry = 'localhost', repository } = name
  if (registry === 'docker.io' || registry === 'index.docker.io') {
    return repository.includes('/') ? `docker.io/${repository}` : `docker.io/library/${repository}`
  }
  return `${registry}/${repository}`
}

/** The name under which an image is kept: `httpd` is `localhost/httpd:latest`. */
export function localName(text: string): string {
  const name = parseName(text)
  if (name.digest !== undefined) throw new UserError(`image name ${text}: a name to keep has no digest`)
  return `${repositoryOf(name)}:${name.tag ?? 'latest'}`
}

/** What a name may stand for locally, best first. */
export function candidates(
  text: string,
): readonly { readonly repository: string; readonly tag?: string; readonly digest?: string }[] {
  const name = parseName(text)
  const tag = name.tag ?? (name.digest === undefined ? 'latest' : undefined)
  const registries = name.registry === undefined ? ['localhost', 'docker.io'] : [name.registry]
  return registries.map((registry) => ({ repository: repositoryOf({ ...name, registry }), tag, digest: name.digest }))
}

/** Whether a text can be an id or the start of one, with or without `sha256:`; answers its digits. */
export function idDigits(text: string): string | undefined {
  return /^(?:sha256:)?([0-9a-f]{3,64})$/.exec(text)?.[1]
}

/** The digits of a digest. sha256 is the only algorithm in use. @errors UserError for others and for malformed ones */
export function digestHex(digest: string, what: string): string {
  if (!digestPattern.test(digest)) {
    throw new UserError(`${what}: its digest ${JSON.stringify(digest)} is not sha256: and 64 hexadecimal digits`)
  }
  return digest.slice('sha256:'.length)
}
