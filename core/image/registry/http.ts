// What registry code is handed in to speak HTTP: one exchange, no redirects, no retries, no policy.

/** Whom to believe and who we are on one connection. registries.conf(5), containers-certs.d(5). */
export interface TlsChoice {
  /** False accepts any certificate: `--tls-verify=false`, `insecure = true`. */
  readonly verify: boolean
  /** PEM certificates to believe besides the system's. */
  readonly authorities?: readonly string[]
  /** PEM of a client certificate and its key. */
  readonly certificate?: string
  readonly key?: string
}

export interface HttpRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  /** A stream goes out as it is read, with `Content-Length`. */
  readonly body?: Uint8Array | { readonly bytes: AsyncIterable<Uint8Array>; readonly lengthBytes: number }
  readonly tls: TlsChoice
  /** How long a connection may be silent before the exchange fails. */
  readonly idleTimeoutMs: number
}

export interface HttpResponse {
  readonly status: number
  /** A header by its name in any case; several of one name are joined with `, `. */
  readonly header: (name: string) => string | undefined
  /** To be read to its end, or ended by `close`. @errors HttpFailure when the connection breaks */
  readonly body: AsyncIterable<Uint8Array>
  readonly close: () => void
}

/** Why there is no answer, or no more of it. */
export class HttpFailure extends Error {
  /** Node's or the resolver's word: ECONNREFUSED, ENOTFOUND, CERT_HAS_EXPIRED, ETIMEDOUT. */
  readonly code: string
  /** Another try may go better: the connection broke, timed out or was refused; not for certificates and names. */
  readonly transient: boolean

  constructor(message: string, code: string, transient: boolean) {
    super(message)
    this.code = code
    this.transient = transient
  }
}

export interface Http {
  /** @errors HttpFailure when there is no answer */
  readonly send: (request: HttpRequest) => Promise<HttpResponse>
}
