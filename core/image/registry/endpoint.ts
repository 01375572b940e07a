// Where one repository is reached: an address of a registry or of its mirror, whom to believe there, and who we are.

import type { TlsChoice } from './http.ts'

/** Who we are at a registry: a name with a password, or a token that a login gave and that stands for both. */
export type Credentials =
  | { readonly username: string; readonly password: string }
  | { readonly identityToken: string; readonly username?: string }

export interface Endpoint {
  /** `https://HOST[:PORT]` alone: a path below which a mirror keeps things starts the repository. When `insecure`, http is tried if https fails. */
  readonly url: string
  /** The registry in the words of names, for sentences and logins: `docker.io`, `localhost:5000`. */
  readonly registry: string
  /** The repository at `url`: `library/busybox`; empty when only the login matters. */
  readonly repository: string
  readonly tls: TlsChoice
  /** Another endpoint follows if this one fails: fewer tries. */
  readonly mirror: boolean
  /** `--tls-verify=false`, `insecure = true`: certificates are not checked, and http will do. */
  readonly insecure: boolean
  /** Absent: anonymous. */
  readonly credentials?: Credentials
}
