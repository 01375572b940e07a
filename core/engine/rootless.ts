// Containers of a user who is not root: a user namespace, and the ids that subuid(5) and subgid(5) lend.

import { RefusedError, UserError } from '../errors.ts'
import { must, readLink, readText, readTextIfThere, writeInto } from '../files.ts'
import { removeUnpacked } from '../image/remove.ts'
import { type Step, startFd } from '../launch/plan.ts'
import type { LinuxIDMapping } from '../spec/types.ts'
import type { Host } from './host.ts'
import { findProgram, programCode, runProgram } from './program.ts'

export interface IdMappings {
  readonly uid: readonly LinuxIDMapping[]
  readonly gid: readonly LinuxIDMapping[]
  /** Only the caller's own id is mapped, which needs no privilege, but forbids setgroups(2). user_namespaces(7). */
  readonly single: boolean
}

const CLONE_NEWUSER = 0x10000000
const PR_SET_PDEATHSIG = 1
const SIGKILL = 9

/** Lines `who:first:count` of subuid(5) for a user by name or number. */
export function subordinateIds(
  text: string,
  who: readonly string[],
): { readonly first: number; readonly count: number }[] {
  return text.split('\n').flatMap((line) => {
    const [owner, first, count] = line.split(':')
    if (owner === undefined || !who.includes(owner) || !/^\d+$/.test(first ?? '') || !/^\d*[1-9]\d*$/.test(count ?? ''))
      return []
    return [{ first: Number(first), count: Number(count) }]
  })
}

/** The caller is root inside; the ids above come from the ranges lent to it, in the order of the file. */
export function mappingsOf(
  own: number,
  lent: readonly { readonly first: number; readonly count: number }[],
): LinuxIDMapping[] {
  const mappings = [{ containerID: 0, hostID: own, size: 1 }]
  let next = 1
  for (const { first, count } of lent) {
    mappings.push({ containerID: next, hostID: first, size: count })
    next += count
  }
  return mappings
}

/** By passwd(5), or the environment where others know names: it may have none, or that of whoever became this user. */
function userNames({ kernel, environment }: Host): string[] {
  const lines = (readTextIfThere(kernel, '/etc/passwd') ?? '').split('\n').map((line) => line.split(':'))
  const names = lines.filter(([name, , uid]) => name && uid === String(environment.uid)).map(([name]) => name!)
  return names.length > 0 || environment.userName === undefined ? names : [environment.userName]
}

/** The mappings of the caller's containers. */
export function idMappings(host: Host): IdMappings {
  const { kernel, environment } = host
  const who = [String(environment.uid), ...userNames(host)]
  const lent = (path: string) => subordinateIds(readTextIfThere(kernel, path) ?? '', who)
  const uids = lent('/etc/subuid')
  const gids = lent('/etc/subgid')
  const helpers = findProgram(host, 'newuidmap') !== undefined && findProgram(host, 'newgidmap') !== undefined
  if (uids.length === 0 || gids.length === 0 || !helpers)
    return { uid: mappingsOf(environment.uid, []), gid: mappingsOf(environment.gid, []), single: true }
  return { uid: mappingsOf(environment.uid, uids), gid: mappingsOf(environment.gid, gids), single: false }
}

/**
 * Maps the ids of a child that waits in a new user namespace. user_namespaces(7), newuidmap(1).
 *
 * @errors UserError when newuidmap refuses, RefusedError when the kernel does
 */
export async function writeMappings(host: Host, pid: number, mappings: IdMappings): Promise<void> {
  const { kernel } = host
  const lines = (list: readonly LinuxIDMapping[]) =>
    list.map(({ containerID, hostID, size }) => `${containerID} ${hostID} ${size}\n`).join('')
  const write = (file: string, text: string) =>
    must(writeInto(kernel, `/proc/${pid}/${file}`, text), `map ids: write /proc/${pid}/${file}`)
  if (mappings.single || host.environment.uid === 0) {
    if (mappings.single) write('setgroups', 'deny')
    write('uid_map', lines(mappings.uid))
    write('gid_map', lines(mappings.gid))
    return
  }
  for (const [program, list] of [
    ['newuidmap', mappings.uid],
    ['newgidmap', mappings.gid],
  ] as const) {
    const path = findProgram(host, program)
    if (path === undefined) throw new UserError(`${program}: not found; install the package uidmap`)
    const words = list.flatMap(({ containerID, hostID, size }) => [containerID, hostID, size].map(String))
    await runProgram(host, [path, String(pid), ...words])
  }
}

/** Removes a directory whose files may belong to the lent ids: where those are, the caller is root. */
export async function removeRootless(host: Host, directory: string): Promise<void> {
  try {
    removeUnpacked(host.kernel, directory)
    return
  } catch (error) {
    if (!(error instanceof RefusedError && (error.errno === 'EACCES' || error.errno === 'EPERM'))) throw error
  }
  const rm = findProgram(host, 'rm')
  if (rm === undefined)
    throw new UserError(`remove ${directory}: its files belong to other users, and there is no program rm`)
  const code = await runAsLentRoot(host, [rm, '-rf', '--', directory], idMappings(host))
  if (code !== 0) throw new UserError(`remove ${directory}: rm ended with exit code ${code}`)
}

/** Runs a program as root of a new user namespace, where the ids lent to the caller are others. @returns its exit code */
export async function runAsLentRoot(
  host: Host,
  argv: readonly [string, ...string[]],
  mappings: IdMappings,
  started: (pid: number) => void = () => {},
  steps: readonly Step[] = [],
): Promise<number> {
  const here = readLink(host.kernel, '/proc/self/cwd').target ?? '/'
  return await programCode(host, argv, {
    cloneFlags: CLONE_NEWUSER,
    before: [
      {
        in: 'child',
        call: { name: 'read', fd: startFd, buf: 1 },
        why: 'wait until the users of the new user namespace are mapped',
        waits: true,
        as: 'maps',
      },
      { in: 'child', call: { name: 'setresgid', rgid: 0, egid: 0, sgid: 0 }, why: 'become group 0 there' },
      { in: 'child', call: { name: 'setresuid', ruid: 0, euid: 0, suid: 0 }, why: 'become user 0 there' },
      {
        in: 'child',
        call: { name: 'prctl', option: PR_SET_PDEATHSIG, arg2: SIGKILL, arg3: 0, arg4: 0, arg5: 0 },
        why: 'end when whoever waits for it ends',
      },
      // It may be removed, or closed to the caller: relative paths lead nowhere from there.
      {
        in: 'child',
        call: { name: 'chdir', path: here },
        why: 'be where the caller is',
        tolerate: ['ENOENT', 'EACCES'],
      },
      ...steps,
    ],
    waiting: async (pid) => {
      started(pid)
      await writeMappings(host, pid, mappings)
    },
  })
}

/**
 * In a new user namespace the kernel lays no overlay over a directory that has mounts below it: they are locked to it, and
 * an overlay would lay bare what they cover. mount_namespaces(7), overlayfs(5).
 *
 * @errors UserError naming the directory and the first of the mounts
 */
export function refuseLockedLayer(host: Host, directory: string): void {
  const below = directory === '/' ? '/' : `${directory}/`
  for (const line of readText(host.kernel, '/proc/self/mountinfo').split('\n')) {
    const mountPoint = line.split(' ')[4]
    if (mountPoint === undefined || mountPoint === directory || !mountPoint.startsWith(below)) continue
    throw new UserError(
      `--rootfs=${directory}:O: only root can lay an overlay over a directory with mounts in it, such as ${mountPoint}: use a directory without any`,
    )
  }
}
