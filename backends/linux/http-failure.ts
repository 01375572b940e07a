// Why there is no answer from a host, as a sentence: from the errors of Node's sockets, of its resolver and of OpenSSL.

import { HttpFailure } from '../../core/image/registry/http.ts'

/** What Node threw while it spoke to a host. */
export function failureOf(error: unknown, url: URL): Error {
  if (error instanceof HttpFailure || !(error instanceof Error)) return error as Error
  const code = (error as NodeJS.ErrnoException).code ?? ''
  const where = url.port === '' ? `${url.hostname}:${url.protocol === 'https:' ? 443 : 80}` : url.host
  const certificate = certificateSentence(code, error)
  if (certificate !== undefined) {
    return new HttpFailure(`the certificate of ${where} ${certificate}; ${trustAdvice(url.host)}`, code, false)
  }
  const plain = plainSentences[code]
  if (plain !== undefined) return new HttpFailure(plain.sentence(where, url.hostname), code, plain.transient)
  if (/ALERT_(?:CERTIFICATE_REQUIRED|BAD_CERTIFICATE|UNKNOWN_CA|HANDSHAKE_FAILURE)/.test(code)) {
    const advice = `put NAME.cert and NAME.key into /etc/containers/certs.d/${url.host}/`
    return new HttpFailure(`${where} does not accept our client certificate, or wants one: ${advice}`, code, false)
  }
  if (/^ERR_SSL_|^EPROTO$/.test(code)) {
    if (/WRONG_VERSION_NUMBER|PACKET_LENGTH|HTTP_REQUEST|wrong version number/i.test(`${code} ${error.message}`)) {
      const advice = 'if it speaks plain http, use --tls-verify=false or insecure = true in registries.conf'
      return new HttpFailure(`${where} does not speak TLS: ${advice}`, code, false)
    }
    return new HttpFailure(`TLS with ${where}: ${reasonOf(error)}`, code, false)
  }
  if (/^HPE_/.test(code)) return new HttpFailure(`${where} answered with something that is not HTTP`, code, false)
  if (/^ERR_PROXY_/.test(code)) {
    return new HttpFailure(`connect to ${where} through the proxy: ${reasonOf(error)}`, code, false)
  }
  if (code === '' || /^ERR_/.test(code)) return error // Nothing that a network does: a fault of the program.
  return new HttpFailure(`connect to ${where}: ${reasonOf(error)}`, code, true)
}

/** A connection that said nothing for too long. */
export function silence(url: URL, milliseconds: number): HttpFailure {
  return new HttpFailure(`${url.host} sent nothing for ${milliseconds / 1000} s`, 'ETIMEDOUT', true)
}

/** A connection on which only drops come. */
export function drops(url: URL): HttpFailure {
  return new HttpFailure(`${url.host} sends next to nothing`, 'ETIMEDOUT', true)
}

/** A body that ended too early without an error of its own. */
export function brokenOff(url: URL): HttpFailure {
  return new HttpFailure(`${url.host} broke the connection`, 'ECONNRESET', true)
}

interface Plain {
  readonly sentence: (where: string, name: string) => string
  readonly transient: boolean
}

const plainSentences: Readonly<Record<string, Plain>> = {
  ECONNREFUSED: { sentence: (where) => `connect to ${where}: connection refused`, transient: true },
  ECONNRESET: { sentence: (where) => `${where} broke the connection`, transient: true },
  EPIPE: { sentence: (where) => `${where} broke the connection`, transient: true },
  ETIMEDOUT: { sentence: (where) => `connect to ${where}: it does not answer`, transient: true },
  ERR_STREAM_PREMATURE_CLOSE: { sentence: (where) => `${where} broke the connection`, transient: true },
  ERR_SOCKET_CONNECTION_TIMEOUT: { sentence: (where) => `connect to ${where}: it does not answer`, transient: true },
  ERR_TLS_HANDSHAKE_TIMEOUT: { sentence: (where) => `connect to ${where}: it does not answer`, transient: true },
  EHOSTUNREACH: { sentence: (where) => `connect to ${where}: no route to the host`, transient: true },
  ENETUNREACH: { sentence: (where) => `connect to ${where}: the network is unreachable`, transient: true },
  EAI_AGAIN: { sentence: (_, name) => `look up ${name}: no name server answers`, transient: true },
  ENOTFOUND: { sentence: (_, name) => `look up ${name}: no such host`, transient: false },
}

// x509_vfy(3), in Node's words.
function certificateSentence(code: string, error: Error): string | undefined {
  switch (code) {
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
      return 'is signed by itself'
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'UNABLE_TO_GET_ISSUER_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'CERT_UNTRUSTED':
      return 'is signed by an authority that is not known here'
    case 'CERT_HAS_EXPIRED':
      return 'has expired'
    case 'CERT_NOT_YET_VALID':
      return 'is not valid yet'
    case 'CERT_REVOKED':
      return 'is revoked'
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return `is for other names (${(error as { reason?: string }).reason ?? error.message})`
    default:
      return /^(?:CERT_|CA_|INVALID_CA|INVALID_PURPOSE|HOSTNAME_MISMATCH|UNABLE_TO_)/.test(code)
        ? `cannot be verified (${error.message})`
        : undefined
  }
}

function trustAdvice(host: string): string {
  return `to believe it, put the certificate of its authority into /etc/containers/certs.d/${host}/ca.crt, or use --tls-verify=false`
}

// `write EPROTO 1234:error:0A00010B:SSL routines::wrong version number:../deps/…` says it in one part of several.
function reasonOf(error: Error): string {
  return (error as { reason?: string }).reason ?? /SSL routines:[^:]*:([^:]+)/.exec(error.message)?.[1] ?? error.message
}
