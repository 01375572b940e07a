// features. OCI runtime spec, features.md.

import { features as ofRuntime } from '../../core/oci/features.ts'
import { print } from '../output.ts'
import { versionNumber } from '../version.ts'
import type { OciVerb } from './main.ts'

export const features: OciVerb = () => {
  print(`${JSON.stringify(ofRuntime(versionNumber), undefined, 2)}\n`)
  return 0
}
