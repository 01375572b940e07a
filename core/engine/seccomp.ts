// The filter of a container's system calls: compiled once for a set of capabilities and kept, since compiling is dear.

import { RefusedError, UserError } from '../errors.ts'
import { ask, list, makeDirectories, readBytes, removeFile, writeAtomically } from '../files.ts'
import type { Kernel } from '../kernel.ts'
import type { MachineArchitecture } from '../launch/seccomp/architectures.ts'
import type { CompiledSeccomp } from '../launch/seccomp/compile.ts'
import { defaultProfile } from '../launch/seccomp/profile.ts'
import { flagsValue } from '../launch/seccomp/rules.ts'
import { capabilityNames } from '../spec/names.ts'
import type { ContainerRequest } from '../spec/request.ts'
import type { LinuxSeccomp } from '../spec/types.ts'
import { statOf } from '../store/alive.ts'
import type { Host, Settings } from './host.ts'

/** Part of the kept filters' names: raised whenever the profile or the compiler changes what a filter decides. */
const filterVersion = 1

export interface Filter {
  readonly profile: LinuxSeccomp
  readonly compiled: CompiledSeccomp
}

function machineOf(host: Host): MachineArchitecture {
  return host.environment.architecture === 'arm64' ? 'aarch64' : 'x86_64'
}

/**
 * The filter that a request means; undefined for none.
 *
 * @param bounding - the container's bounding set: the default profile allows what its capabilities are for
 * @errors UserError for a profile that cannot be read or carried out
 */
export async function filterOf(
  host: Host,
  settings: Settings,
  request: ContainerRequest,
  bounding: readonly string[],
): Promise<Filter | undefined> {
  const { seccomp } = request.security
  if (seccomp.kind === 'unconfined' || (request.privileged && seccomp.kind === 'default')) return undefined
  const arch = machineOf(host)
  if (seccomp.kind === 'file') {
    const { profileOfFile } = await import('../launch/seccomp/file.ts')
    const facts = { capabilities: bounding, arch, kernelRelease: releaseOf(host) }
    const profile = profileOfFile(parsed(seccomp.path, seccomp.text), facts, seccomp.path)
    const { compileSeccomp } = await import('../launch/seccomp/compile.ts')
    return { profile, compiled: compileSeccomp(profile, arch) }
  }
  const profile = defaultProfile(bounding, arch)
  return { profile, compiled: await kept(host, settings, arch, bounding, profile) }
}

/** uname's release. uname(2): fields of 65 bytes, the third. */
function releaseOf({ kernel }: Host): string {
  const { data } = ask(kernel, { name: 'uname', buf: 390 }, 'uname')
  return new TextDecoder().decode(data!.subarray(130, 195)).replace(/\0.*$/s, '')
}

function parsed(path: string, text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch (error) {
    throw new UserError(`--security-opt=seccomp=${path}: is no JSON: ${(error as Error).message}`)
  }
}

const isGone = (found: ReturnType<typeof statOf>) => found === undefined || found.state === 'Z'

/** Removes what commands have left that were killed as they wrote a filter. */
function sweepDrafts(kernel: Kernel, directory: string): void {
  for (const name of list(kernel, directory)) {
    const [, pid] = /\.(\d+)\.tmp$/.exec(name) ?? []
    if (pid !== undefined && isGone(statOf(kernel, Number(pid)))) removeFile(kernel, `${directory}/${name}`)
  }
}

/** The default profile depends on the machine and the capabilities alone, so they name the file. */
async function kept(
  host: Host,
  settings: Settings,
  arch: MachineArchitecture,
  bounding: readonly string[],
  profile: LinuxSeccomp,
): Promise<CompiledSeccomp> {
  const { kernel } = host
  const set = bounding.reduce((bits, name) => bits | (1n << BigInt(capabilityNames.indexOf(name as never))), 0n)
  const directory = `${settings.root}/filters`
  const path = `${directory}/${filterVersion}-${arch}-${set.toString(16)}`
  try {
    const program = readBytes(kernel, path)
    if (program.length > 0 && program.length % 8 === 0) return { program, flags: flagsValue(undefined) }
  } catch (error) {
    if (!(error instanceof RefusedError && error.errno === 'ENOENT')) throw error
  }
  const { compileSeccomp } = await import('../launch/seccomp/compile.ts')
  const compiled = compileSeccomp(profile, arch)
  makeDirectories(kernel, directory, 0o700)
  sweepDrafts(kernel, directory)
  writeAtomically(kernel, path, compiled.program)
  return compiled
}
