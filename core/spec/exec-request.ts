// What a user asks for with `exec`, and the OCI Process it means. podman-exec(1).

import { mergeEnv } from './from-request.ts'
import { cleanPath } from './mounts.ts'
import { capabilityNames } from './names.ts'
import type { LinuxCapabilities, Process, Spec } from './types.ts'
import type { ResolvedUser } from './user.ts'

export interface ExecRequest {
  readonly container: string
  readonly command: readonly string[]
  readonly env: readonly string[]
  readonly workingDirectory?: string
  readonly user?: string
  readonly privileged: boolean
  readonly detach: boolean
  readonly interactive: boolean
  readonly terminal: boolean
}

/** A user who is not root has only what was given to be kept across execve: the container's ambient set. */
function execCapabilities(
  request: ExecRequest,
  container: LinuxCapabilities,
  facts: { readonly uid: number; readonly boundingCapabilities: readonly string[] },
): LinuxCapabilities {
  if (request.privileged) {
    const all = capabilityNames.filter((name) => facts.boundingCapabilities.includes(name))
    return { bounding: all, effective: all, permitted: all, inheritable: [], ambient: [] }
  }
  const bounding = container.bounding ?? []
  if (facts.uid === 0) return { bounding, effective: bounding, permitted: bounding, inheritable: [], ambient: [] }
  const kept = container.ambient ?? []
  return { bounding, effective: kept, permitted: kept, inheritable: kept, ambient: kept }
}

/**
 * The Process of an exec: the container's own, with another program and what the request changes.
 *
 * @param spec - the container's
 * @param facts - the user that `request.user` names, when it names one, and what the caller could give at most
 */
export function processFromExec(
  request: ExecRequest,
  spec: Spec,
  facts: { readonly user?: ResolvedUser; readonly boundingCapabilities: readonly string[] },
): Process {
  const base: Process = spec.process ?? { user: { uid: 0, gid: 0 }, cwd: '/' }
  const { user } = facts
  const home = user === undefined ? [] : [`HOME=${user.home}`]
  const changedUser = user && { uid: user.uid, gid: user.gid, additionalGids: user.additionalGids }
  return {
    ...base,
    terminal: request.terminal,
    user: { ...base.user, ...changedUser },
    args: request.command,
    env: mergeEnv(base.env ?? [], home, request.env),
    cwd: cleanPath(request.workingDirectory ?? base.cwd),
    capabilities: execCapabilities(request, base.capabilities ?? {}, {
      uid: user?.uid ?? base.user.uid,
      boundingCapabilities: facts.boundingCapabilities,
    }),
  }
}
