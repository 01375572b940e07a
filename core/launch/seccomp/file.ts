// Seccomp profiles as podman and docker keep them in files: OCI's words, with entries that depend on the container.

import { type Errno, errnoNumbers } from '../../errno.ts'
import { UserError } from '../../errors.ts'
import type { LinuxSeccomp, LinuxSeccompArg, LinuxSyscall } from '../../spec/types.ts'
import type { MachineArchitecture } from './architectures.ts'

/** What the entries of a file may depend on. */
export interface ProfileFacts {
  /** The container's bounding set. */
  readonly capabilities: readonly string[]
  readonly arch: MachineArchitecture
  /** uname's release: `6.12.48+deb13-amd64`. */
  readonly kernelRelease: string
}

/** When an entry applies (`includes`) or does not (`excludes`). */
interface Filter {
  readonly caps?: readonly string[] | null
  /** Go's names: amd64, arm64. */
  readonly arches?: readonly string[] | null
  /** `5.8` */
  readonly minKernel?: string
}

/** The format of containers-common's and moby's seccomp.json, of which an OCI profile is a special case. */
interface ProfileFile extends Omit<LinuxSeccomp, 'syscalls'> {
  /** An errno's name; goes before the number. */
  readonly defaultErrno?: string
  readonly archMap?: readonly { readonly architecture: string; readonly subArchitectures?: readonly string[] | null }[]
  readonly syscalls?: readonly FileEntry[] | null
}

interface FileEntry extends Omit<LinuxSyscall, 'names' | 'args'> {
  readonly name?: string
  readonly names?: readonly string[] | null
  readonly errno?: string
  readonly args?: readonly LinuxSeccompArg[] | null
  readonly includes?: Filter | null
  readonly excludes?: Filter | null
}

const machines: Readonly<Record<MachineArchitecture, { readonly go: string; readonly oci: string }>> = {
  x86_64: { go: 'amd64', oci: 'SCMP_ARCH_X86_64' },
  aarch64: { go: 'arm64', oci: 'SCMP_ARCH_AARCH64' },
}

/**
 * The OCI profile that a profile file means for one container: entries that do not apply are left out, names of errnos
 * become numbers, `archMap` becomes the architectures of this machine. What the words of the result mean is checked by
 * `compileSeccomp`.
 * @param value - the file's JSON, read
 * @param where - the file's name, for messages
 * @throws UserError naming the field that is missing or has the wrong form
 */
export function profileOfFile(value: unknown, facts: ProfileFacts, where: string): LinuxSeccomp {
  if (!isRecord(value)) throw new UserError(`${where}: a seccomp profile is a JSON object`)
  if (typeof value.defaultAction !== 'string') throw new UserError(`${where}: defaultAction: must be a string`)
  for (const field of ['syscalls', 'archMap', 'architectures', 'flags'])
    if (value[field] !== undefined && value[field] !== null && !Array.isArray(value[field]))
      throw new UserError(`${where}: ${field}: must be a list`)
  const file = value as unknown as ProfileFile
  const { defaultErrno, archMap, syscalls, architectures, flags, ...rest } = file
  if (archMap?.length && architectures?.length)
    throw new UserError(`${where}: has both architectures and archMap; one of them must go`)
  const here = archMap?.find(({ architecture }) => architecture === machines[facts.arch].oci)
  const entries = (syscalls ?? []).map((entry, index) => checked(entry, `${where}: syscalls[${index}]`))
  return {
    ...rest,
    // Written as null by Go programs when empty.
    flags: flags ?? undefined,
    architectures: here ? [here.architecture, ...(here.subArchitectures ?? [])] : (architectures ?? []),
    defaultErrnoRet: errnoOf(defaultErrno, rest.defaultErrnoRet, `${where}: defaultErrno`),
    syscalls: entries
      .filter(({ includes, excludes }) => applies(includes, facts) && !isExcluded(excludes, facts))
      .map((entry) => ({
        names: entry.name ? [entry.name] : (entry.names ?? []),
        action: entry.action,
        errnoRet: errnoOf(entry.errno, entry.errnoRet, where),
        args: entry.args ?? [],
      })),
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isStrings(value: unknown): boolean {
  return (
    value === undefined || value === null || (Array.isArray(value) && value.every((one) => typeof one === 'string'))
  )
}

function checked(entry: unknown, where: string): FileEntry {
  if (!isRecord(entry)) throw new UserError(`${where}: must be an object`)
  if (typeof entry.action !== 'string') throw new UserError(`${where}.action: must be a string`)
  if (typeof entry.name !== 'string' && !Array.isArray(entry.names))
    throw new UserError(`${where}: must have a name or a list of names`)
  if (!isStrings(entry.names)) throw new UserError(`${where}.names: must be a list of strings`)
  const args = entry.args ?? []
  if (!Array.isArray(args) || !args.every(isRecord)) throw new UserError(`${where}.args: must be a list of objects`)
  for (const field of ['includes', 'excludes'])
    if (entry[field] !== undefined && entry[field] !== null) checkFilter(entry[field], `${where}.${field}`)
  return entry as unknown as FileEntry
}

/** A condition that is not known could be the one that matters, so it is refused. */
function checkFilter(filter: unknown, where: string): void {
  if (!isRecord(filter)) throw new UserError(`${where}: must be an object`)
  for (const [key, value] of Object.entries(filter)) {
    if (key === 'caps' || key === 'arches') {
      if (!isStrings(value)) throw new UserError(`${where}.${key}: must be a list of strings`)
    } else if (key !== 'minKernel') throw new UserError(`${where}.${key}: is not supported`)
    else if (typeof value !== 'string' || !/^\d+\.\d+$/.test(value))
      throw new UserError(`${where}.minKernel: must be like 5.8`)
  }
}

function applies(includes: Filter | null | undefined, facts: ProfileFacts): boolean {
  const { caps, arches, minKernel } = includes ?? {}
  return (
    (!arches?.length || arches.includes(machines[facts.arch].go)) &&
    (caps ?? []).every((name) => facts.capabilities.includes(name)) &&
    (minKernel === undefined || isAtLeast(facts.kernelRelease, minKernel))
  )
}

function isExcluded(excludes: Filter | null | undefined, facts: ProfileFacts): boolean {
  const { caps, arches, minKernel } = excludes ?? {}
  return (
    (arches ?? []).includes(machines[facts.arch].go) ||
    (caps ?? []).some((name) => facts.capabilities.includes(name)) ||
    (minKernel !== undefined && isAtLeast(facts.kernelRelease, minKernel))
  )
}

function isAtLeast(release: string, wanted: string): boolean {
  const [major = 0, minor = 0] = release.split('.').map((part) => Number.parseInt(part, 10))
  const [wantedMajor = 0, wantedMinor = 0] = wanted.split('.').map(Number)
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor)
}

function errnoOf(name: string | undefined, number: number | undefined, where: string): number | undefined {
  // Go programs write 0 and "" for absent errnos beside actions that take none.
  if (!name) return number ?? undefined
  if (!Object.hasOwn(errnoNumbers, name)) throw new UserError(`${where}: no such errno: ${name}`)
  return errnoNumbers[name as Errno]
}
