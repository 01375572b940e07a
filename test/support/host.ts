// The machine as it is: what a leftover would be visible in, read before and after, and compared.

import { execFileSync } from 'node:child_process'
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** Everything that a container may leave behind, as sorted lists of names, by kind. */
export type HostState = Readonly<Record<Kind, readonly string[]>>

const kinds = ['cgroup', 'mount', 'network interface', 'nftables', 'iptables', 'process', 'file'] as const
export type Kind = (typeof kinds)[number]

/** Set in the environment of everything that a test run starts, so that its processes are known as its own. */
export const runMarker = 'VITRINE_TEST_RUN'

/**
 * Reads the state of the machine. What cannot be read (no nft, no rights) is an empty list both times.
 *
 * @param directories - whose files count, beside the default state directories
 */
export function hostState(directories: readonly string[] = ['/run/vitrine', '/var/lib/vitrine']): HostState {
  return {
    cgroup: cgroups(),
    mount: mounts(),
    'network interface': list('/sys/class/net'),
    nftables: lines('nft', ['-s', 'list', 'ruleset']),
    iptables: ['iptables-save', 'ip6tables-save'].flatMap((program) => lines(program, []).map(withoutCounters)),
    process: ownProcesses(),
    file: directories.flatMap(everythingBelow),
  }
}

/** What is there now and was not before, and the other way round, one sentence each. */
export function changes(before: HostState, after: HostState): string[] {
  return kinds.flatMap((kind) => [
    ...minus(after[kind], before[kind]).map((name) => `${kind} left behind: ${name}`),
    ...minus(before[kind], after[kind]).map((name) => `${kind} gone: ${name}`),
  ])
}

/** Like `changes` with the state now, but patient: the kernel takes things apart a little after the last process. */
export async function settledChanges(
  before: HostState,
  { waitMs = 3000, directories = undefined as string[] | undefined } = {},
) {
  for (let waited = 0; ; waited += 100) {
    const found = changes(before, hostState(directories))
    if (found.length === 0 || waited >= waitMs) return found
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

// As multisets: the same rule twice is two rules.
function minus(all: readonly string[], taken: readonly string[]): string[] {
  const left = new Map<string, number>()
  for (const name of taken) left.set(name, (left.get(name) ?? 0) + 1)
  return all.filter((name) => {
    const count = left.get(name) ?? 0
    left.set(name, count - 1)
    return count <= 0
  })
}

// Whoever put this process into a cgroup below the root makes and removes others beside it, and those are not ours.
function cgroups(): string[] {
  const lines = readFileSync('/proc/self/cgroup', 'utf8').trimEnd().split('\n')
  const foreign = lines
    .map((line) => line.split(':').slice(2).join(':'))
    .filter((path) => dirname(path) !== '/' && path !== '/')
    .map((path) => `${dirname(path)}/`)
  return directoriesBelow('/sys/fs/cgroup').filter((path) => !foreign.some((above) => path.includes(above)))
}

function mounts(): string[] {
  // mountinfo(5): the ids change, the root, the mount point, the options and the source do not.
  const text = readFileSync('/proc/self/mountinfo', 'utf8').trimEnd()
  return text
    .split('\n')
    .map((line) => line.replace(/^\d+ \d+ \S+ /, '').replace(/ (shared|master|propagate_from):\d+/g, ''))
}

function ownProcesses(): string[] {
  const marker = process.env[runMarker]
  const found: string[] = []
  for (const pid of list('/proc').filter((name) => /^\d+$/.test(name))) {
    if (Number(pid) === process.pid) continue
    const exe = attempt(() => readlinkSync(`/proc/${pid}/exe`)) ?? ''
    const environment = attempt(() => readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0')) ?? []
    const ours = marker !== undefined && environment.includes(`${runMarker}=${marker}`)
    if (!ours && !exe.startsWith('/memfd:vitrine') && !inNewNamespace(pid)) continue
    // A thread of the tests' own tree is no leftover; those who run this comparison are its ancestors or itself.
    if (ours && isAncestor(Number(pid))) continue
    const name = attempt(() => readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ').trim())
    if (name === undefined || attempt(() => /^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'latin1'))))
      continue
    found.push(`${pid} ${name.slice(0, 120)}`)
  }
  return found
}

function inNewNamespace(pid: string): boolean {
  return ['pid', 'mnt', 'net', 'uts'].some((kind) => {
    const theirs = attempt(() => readlinkSync(`/proc/${pid}/ns/${kind}`))
    return theirs !== undefined && theirs !== attempt(() => readlinkSync(`/proc/self/ns/${kind}`))
  })
}

function isAncestor(pid: number): boolean {
  for (let at = process.ppid; at > 1; ) {
    if (at === pid) return true
    const status = attempt(() => readFileSync(`/proc/${at}/status`, 'latin1')) ?? ''
    at = Number(/^PPid:\s+(\d+)/m.exec(status)?.[1] ?? 0)
  }
  return false
}

function directoriesBelow(path: string): string[] {
  const below = attempt(() => readdirSync(path, { withFileTypes: true })) ?? []
  return below
    .filter((entry) => entry.isDirectory())
    .flatMap(({ name }) => [join(path, name), ...directoriesBelow(join(path, name))])
}

function everythingBelow(path: string): string[] {
  const found = attempt(() => lstatSync(path))
  if (found === undefined) return []
  if (!found.isDirectory()) return [path]
  // Step by step: readdir's own recursion follows links, and an image's /var/run is not the host's.
  return [path, ...list(path).flatMap((name) => everythingBelow(join(path, name)))]
}

function lines(program: string, argv: readonly string[]): string[] {
  const text =
    attempt(() => execFileSync(program, argv, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })) ?? ''
  return text.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('#'))
}

function withoutCounters(line: string): string {
  return line.replace(/ \[\d+:\d+\]/, '')
}

function list(path: string): string[] {
  return attempt(() => readdirSync(path)) ?? []
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined // It ended, or we may not look.
  }
}
