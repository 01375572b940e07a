// Whom TLS connections believe: the system's authorities and Node's own, and those of one registry.

import { readFileSync } from 'node:fs'
import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls'
import { UserError } from '../../core/errors.ts'
import type { TlsChoice } from '../../core/image/registry/http.ts'

// Where distributions keep all of them in one file. Reading the directory instead takes 80 ms.
const bundles = [
  '/etc/ssl/certs/ca-certificates.crt', // Debian, Arch
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem', // Fedora
  '/etc/ssl/ca-bundle.pem', // SUSE
  '/etc/ssl/cert.pem', // Alpine
]

/**
 * What one choice needs, made once for all its connections: parsing the authorities takes 20 ms.
 *
 * @errors UserError for a client certificate or an authority that cannot be understood
 */
export function secureContext(tls: TlsChoice, variables: Readonly<Record<string, string | undefined>>): SecureContext {
  const believed = tls.verify ? [...getCACertificates('default'), ...systemAuthorities(variables.SSL_CERT_FILE)] : []
  try {
    return createSecureContext({
      ...(tls.verify ? { ca: [...believed, ...(tls.authorities ?? [])] } : {}),
      ...(tls.certificate === undefined ? {} : { cert: tls.certificate, key: tls.key }),
    })
  } catch (error) {
    throw new UserError(`read the certificates for TLS: ${(error as Error).message}`)
  }
}

function systemAuthorities(file: string | undefined): readonly string[] {
  for (const path of file ? [file] : bundles) {
    try {
      return [readFileSync(path, 'latin1')]
    } catch {
      // Another distribution's.
    }
  }
  return getCACertificates('system')
}
