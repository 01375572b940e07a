// Compiled filters kept by profile: the caller owns the cache, because compiling costs more than the rest of a plan.

import type { LinuxSeccomp } from '../../spec/types.ts'
import type { MachineArchitecture } from './architectures.ts'
import { type CompiledSeccomp, compileSeccomp } from './compile.ts'

/** Filters by machine and profile. Make one with `new Map()` and keep it as long as profiles repeat. */
export type SeccompCache = Map<string, CompiledSeccomp>

/** `compileSeccomp`, or what it gave for an equal profile before. Errors are not kept. */
export function compiled(cache: SeccompCache, profile: LinuxSeccomp, arch: MachineArchitecture): CompiledSeccomp {
  const key = `${arch} ${JSON.stringify(profile)}`
  const known = cache.get(key)
  if (known) return known
  const made = compileSeccomp(profile, arch)
  cache.set(key, made)
  return made
}
