// What a test needs of the machine, and the sentence that says what is missing.

import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync, readdirSync, readFileSync } from 'node:fs'
import { availableParallelism, release } from 'node:os'
import { delimiter, join } from 'node:path'
import { describe, it } from 'vitest'
import { isEmulated, isUserModeLinux } from '../../backends/player/machine.ts'
import { toolsDirectory } from '../fixtures/packages.ts'

/** Each need may be left out; all that are named must be there. */
export interface Needs {
  readonly linux?: true
  readonly root?: true
  readonly notRoot?: true
  /** A pure cgroup v2 host: /sys/fs/cgroup is cgroup2. */
  readonly cgroupV2?: true
  /** Controllers on v1 hierarchies, alone or beside a cgroup2 mount (hybrid). */
  readonly cgroupV1?: true
  /** Controllers that must be there, in the words of /proc/cgroups or cgroup.controllers. */
  readonly controllers?: readonly string[]
  /** Without CAP_: `SYS_RESOURCE`. */
  readonly capabilities?: readonly (keyof typeof capabilityBits)[]
  readonly namespaces?: readonly ('user' | 'pid' | 'mnt' | 'uts' | 'ipc' | 'net' | 'cgroup' | 'time')[]
  /** The least kernel: `6.6`. */
  readonly release?: string
  /** In the words of /proc/filesystems. */
  readonly filesystems?: readonly string[]
  readonly programs?: readonly string[]
  /** Kinds of network interfaces that the kernel can make, as in `ip link add type KIND`. */
  readonly links?: readonly ('veth' | 'bridge' | 'dummy')[]
  readonly nftables?: true
  readonly seccompFilters?: true
  /** BPF programs on cgroups, which is how v2 limits devices. */
  readonly cgroupBpf?: true
  readonly cpus?: number
  /** The compiled native parts for this machine. */
  readonly natives?: true
  /** `false`: not in user-mode Linux. */
  readonly userModeLinux?: boolean
  /** What it shows is the same on every kernel, and so it is not shown again on a slow one. */
  readonly anyKernel?: true
}

// capability.h
const capabilityBits = { NET_ADMIN: 12, SYS_ADMIN: 21, SYS_RESOURCE: 24, MKNOD: 27, SETFCAP: 31, BPF: 39 } as const

/** `describe` and `it` that run when the machine has what is needed, and otherwise skip with the reason in their name. */
export function skipUnless(needs: Needs) {
  const reason = missing(needs)
  if (reason === undefined) return { describe, it }
  const skipped = <T extends (name: string, ...rest: never[]) => unknown>(skip: T) => {
    const named = (name: string, ...rest: never[]) => skip(`${name} — skipped: ${reason}`, ...rest)
    // One line for a whole table: the reason is the same for each.
    return Object.assign(named, {
      skip: named,
      each: () => named,
      runIf: () => named,
      skipIf: () => named,
    }) as unknown as T
  }
  return { describe: skipped(describe.skip) as typeof describe, it: skipped(it.skip) as typeof it }
}

/** The first thing that is missing, as a phrase, or undefined. */
export function missing(needs: Needs): string | undefined {
  if (process.platform !== 'linux') return `needs Linux, this is ${process.platform}`
  if (needs.root && process.geteuid?.() !== 0) return 'needs root'
  if (needs.notRoot && process.geteuid?.() === 0) return 'needs a user other than root'
  if (needs.release !== undefined && isOlder(release(), needs.release))
    return `needs Linux ${needs.release}, this is ${release()}`
  const version = cgroupVersion()
  if (needs.cgroupV2 && version !== 'v2') return `needs cgroup v2, this host has ${version}`
  if (needs.cgroupV1 && version !== 'v1' && version !== 'hybrid')
    return `needs cgroup v1 or hybrid, this host has ${version}`
  for (const name of needs.controllers ?? [])
    if (!controllers().includes(name)) return `needs the ${name} cgroup controller`
  for (const name of needs.capabilities ?? []) if (!hasCapability(capabilityBits[name])) return `needs CAP_${name}`
  for (const name of needs.namespaces ?? []) if (!existsSync(`/proc/self/ns/${name}`)) return `needs ${name} namespaces`
  for (const name of needs.filesystems ?? []) if (!hasFilesystem(name)) return `needs the file system ${name}`
  for (const name of needs.programs ?? []) if (programPath(name) === undefined) return `needs the program ${name}`
  for (const kind of needs.links ?? []) if (!canMakeLink(kind)) return `needs network interfaces of the kind ${kind}`
  if (needs.nftables && !succeeds('unshare', ['-n', 'nft', 'list', 'ruleset']))
    return 'needs nftables in the kernel, and nft'
  if (needs.seccompFilters && !readFileSync('/proc/self/status', 'utf8').includes('Seccomp_filters'))
    return 'needs seccomp filters'
  if (needs.cgroupBpf && !hasSymbol('cgroup_bpf_prog_attach')) return 'needs BPF programs on cgroups'
  const cpus = availableParallelism()
  if (needs.cpus !== undefined && cpus < needs.cpus) return `needs ${needs.cpus} CPUs, this machine has ${cpus}`
  if (needs.natives && !existsSync(nativePath('tape.so')))
    return `needs ${nativePath('tape.so')}, made by npm run build`
  if (needs.userModeLinux !== undefined && needs.userModeLinux !== isUserModeLinux()) {
    return needs.userModeLinux ? 'needs user-mode Linux' : 'user-mode Linux cannot do this'
  }
  if (needs.anyKernel && isUserModeLinux()) return 'is about no kernel, and shown natively'
  return undefined
}

export function cgroupVersion(): 'v2' | 'v1' | 'hybrid' | 'none' {
  if (existsSync('/sys/fs/cgroup/cgroup.controllers')) return 'v2'
  const mounts = readFileSync('/proc/self/mounts', 'utf8')
  const v1 = / cgroup [^\n]*\bcgroup\b|^cgroup \S+ cgroup /m.test(mounts)
  if (!v1) return 'none'
  return / cgroup2 /.test(mounts) ? 'hybrid' : 'v1'
}

function controllers(): string[] {
  if (cgroupVersion() === 'v2') return readFileSync('/sys/fs/cgroup/cgroup.controllers', 'utf8').trim().split(' ')
  // Where v1 hierarchies are mounted, each in a directory named by its controllers.
  return (existsSync('/sys/fs/cgroup') ? readdirSync('/sys/fs/cgroup') : []).flatMap((name) => name.split(','))
}

function isOlder(running: string, least: string): boolean {
  const [major = 0, minor = 0] = running.split('.').map((part) => Number.parseInt(part, 10))
  const [leastMajor = 0, leastMinor = 0] = least.split('.').map(Number)
  return major < leastMajor || (major === leastMajor && minor < leastMinor)
}

function hasCapability(bit: number): boolean {
  const bits = /^CapEff:\s+([0-9a-f]+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0'
  return ((BigInt(`0x${bits}`) >> BigInt(bit)) & 1n) === 1n
}

function hasFilesystem(name: string): boolean {
  return readFileSync('/proc/filesystems', 'utf8')
    .split('\n')
    .some((line) => line.split('\t').at(-1) === name)
}

// Asked in a network namespace of its own, which goes with the question.
function canMakeLink(kind: string): boolean {
  return succeeds('unshare', ['-n', 'ip', 'link', 'add', 'probe', 'type', kind])
}

function hasSymbol(name: string): boolean {
  return existsSync('/proc/kallsyms') && readFileSync('/proc/kallsyms', 'latin1').includes(` ${name}`)
}

function succeeds(program: string, argv: readonly string[]): boolean {
  return spawnSync(program, argv, { stdio: 'ignore' }).status === 0
}

/** Where a program is on PATH (and in the usual places of root's programs, and among the tools that are only unpacked). */
export function programPath(name: string, path = process.env.PATH ?? ''): string | undefined {
  const directories = [...path.split(delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin', toolsDirectory()]
  return directories
    .map((directory) => join(directory, name))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK)
        return true
      } catch {
        return false
      }
    })
}

/** Where a compiled native part of this machine's architecture is. */
export function nativePath(name: string): string {
  return join(import.meta.dirname, '../../prebuilds', `linux-${process.arch}`, name)
}

export { isEmulated, isUserModeLinux }
