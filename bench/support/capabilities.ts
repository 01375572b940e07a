// All capabilities by name: what an unrestricted caller has.

import { capabilityNames } from '../../core/spec/names.ts'

export const allCapabilities: readonly string[] = capabilityNames
