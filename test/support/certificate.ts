// Certificates that no system believes, for servers of tests on loopback. openssl-req(1)

import { execFileSync } from 'node:child_process'
import { join } from 'node:path'

export interface Certificate {
  /** PEM files. */
  readonly path: string
  readonly keyPath: string
}

/** A certificate for 127.0.0.1 and localhost that is its own authority, with a key on P-256: `NAME.crt`, `NAME.key`. */
export function makeCertificate(directory: string, name: string): Certificate {
  const [path, keyPath] = ['crt', 'key'].map((suffix) => join(directory, `${name}.${suffix}`)) as [string, string]
  const newKey = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '7']
  const names = ['-subj', `/CN=${name} of a test`, '-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost']
  execFileSync('openssl', ['req', ...newKey, ...names, '-keyout', keyPath, '-out', path], { stdio: 'pipe' })
  return { path, keyPath }
}
