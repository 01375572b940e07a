// HTTP for registries, by Node's own client; loaded only when a registry is spoken to.

import type { Http } from '../../core/image/registry/http.ts'

/** @param variables - the caller's environment: `HTTPS_PROXY`, `NO_PROXY` and their kin are followed */
export function openHttp(_variables: Readonly<Record<string, string | undefined>>): Http {
  throw new Error('not written yet')
}
