// Shares of caches and of memory bandwidth: groups of the file system resctrl. OCI config-linux.md, "IntelRdt";
// Documentation/arch/x86/resctrl.rst.

import { UserError } from '../errors.ts'
import {
  AT_FDCWD,
  AT_REMOVEDIR,
  must,
  parseFile,
  readText,
  readTextIfThere,
  stat,
  writeAtomically,
  writeInto,
} from '../files.ts'
import { type Kernel, refused } from '../kernel.ts'
import type { LinuxIntelRdt } from '../spec/types.ts'

/** A container's groups. */
export interface ResctrlGroups {
  /** Of its class of service: CTRL_MON. */
  readonly control: string
  /** Its own, when it is monitored: MON. */
  readonly monitoring?: string
}

/** What can be changed of a class. runc-update(8) */
export type Shares = Pick<LinuxIntelRdt, 'l3CacheSchema' | 'memBwSchema'>

/** Where the file system is mounted. @errors UserError when it is not */
export function findResctrl(kernel: Kernel): string {
  for (const line of readText(kernel, '/proc/self/mountinfo').split('\n'))
    if (/ - resctrl /.test(line)) return line.split(' ')[4]!
  throw new UserError(
    'linux.intelRdt: there is no file system resctrl: where the processor has resource control, mount it (mount -t resctrl resctrl /sys/fs/resctrl); otherwise leave it out',
  )
}

/** @errors UserError for a class that is no name, and for schemata of more than a line */
export function checkResctrl({
  closID = '',
  l3CacheSchema = '',
  memBwSchema = '',
  schemata = [],
}: LinuxIntelRdt): void {
  const field = 'linux.intelRdt'
  if (closID === '.' || closID === '..' || (closID.includes('/') && closID !== '/'))
    throw new UserError(`${field}.closID: ${closID}: must be a name without /, or / alone for the default class`)
  for (const line of [l3CacheSchema, memBwSchema, ...schemata])
    if (line.includes('\n')) throw new UserError(`${field}: ${JSON.stringify(line)}: a schema is one line`)
  if (memBwSchema !== '' && !memBwSchema.startsWith('MB:'))
    throw new UserError(`${field}.memBwSchema: ${memBwSchema}: must begin with MB:`)
}

/** @param root - where resctrl is mounted */
export function groupsOf(root: string, intelRdt: LinuxIntelRdt, id: string): ResctrlGroups {
  const { closID, enableMonitoring, enableCMT, enableMBM } = intelRdt
  const control = closID === '/' ? root : `${root}/${closID || id}`
  // The two older words are one since version 1.3 of the specification.
  return enableMonitoring || enableCMT || enableMBM
    ? { control, monitoring: `${control}/mon_groups/${id}` }
    : { control }
}

/** Writes to a file of resctrl, which says in words what it does not take. @errors UserError with those words */
function write(kernel: Kernel, root: string, path: string, content: string, tried: string): void {
  const written = writeInto(kernel, path, content)
  if (!refused(written)) return
  const why = readTextIfThere(kernel, `${root}/info/last_cmd_status`)?.trim()
  throw new UserError(`linux.intelRdt: ${tried}: ${written.errno}${why && why !== 'ok' ? ` (${why})` : ''}`)
}

/** Makes a group. @returns false when it is there already */
function make(kernel: Kernel, root: string, pathname: string): boolean {
  const made = kernel.call({ name: 'mkdirat', dirfd: AT_FDCWD, pathname, mode: 0o755 })
  if (!refused(made)) return true
  if (made.errno === 'EEXIST') return false
  const why = readTextIfThere(kernel, `${root}/info/last_cmd_status`)?.trim()
  throw new UserError(
    `linux.intelRdt: make the group ${pathname}: ${made.errno}${why && why !== 'ok' ? ` (${why})` : ''}`,
  )
}

/** `MB:0=20;1=70` and `L3:0=007f0` by resource and domain, with masks as numbers. */
function sharesOf(line: string): [string, number][] {
  const [, resource = '', domains = ''] = /^\s*([^:]+):(.*)$/.exec(line) ?? []
  return domains.split(';').map((each) => {
    const [domain = '', value = ''] = each.split('=')
    return [`${resource.trim()}:${domain.trim()}`, Number.parseInt(value, resource.trim() === 'MB' ? 10 : 16)]
  })
}

/** @errors UserError for a class that is there with other shares */
function checkShares(kernel: Kernel, control: string, wanted: readonly string[]): void {
  const there = new Map(readText(kernel, `${control}/schemata`).split('\n').flatMap(sharesOf))
  for (const line of wanted)
    if (sharesOf(line).some(([share, value]) => there.get(share) !== value))
      throw new UserError(`linux.intelRdt: the class ${control} has other shares than ${line}; give another closID`)
}

const recordIn = (directory: string) => `${directory}/resctrl.json`

/**
 * Puts a process into its groups, and makes those that are missing; what was made is noted in the container's directory.
 *
 * @errors UserError naming what was refused, in the kernel's words
 */
export function joinResctrl(
  kernel: Kernel,
  root: string,
  intelRdt: LinuxIntelRdt,
  { id, pid, directory }: { readonly id: string; readonly pid: number; readonly directory: string },
): void {
  const { control, monitoring } = groupsOf(root, intelRdt, id)
  const { closID, l3CacheSchema, memBwSchema, schemata = [] } = intelRdt
  const older = [l3CacheSchema, memBwSchema].filter((line) => line !== undefined && line !== '') as string[]
  if (closID && older.length + schemata.length === 0 && stat(kernel, control) === undefined)
    throw new UserError(`linux.intelRdt.closID: ${closID}: there is no such class; give its schemata, or make it first`)
  const made: string[] = []
  // A class with a name of its own is shared, and stays.
  const isNew = make(kernel, root, control)
  if (isNew && !closID) made.push(control)
  if (made.length > 0) writeAtomically(kernel, recordIn(directory), JSON.stringify(made))
  if (!isNew && closID) checkShares(kernel, control, older)
  for (const line of [...(isNew || !closID ? older : []), ...schemata])
    write(kernel, root, `${control}/schemata`, `${line}\n`, `share by ${line}`)
  if (monitoring !== undefined && make(kernel, root, monitoring)) made.unshift(monitoring)
  if (made.length > 0) writeAtomically(kernel, recordIn(directory), JSON.stringify(made))
  enterResctrl(kernel, root, { control, ...(monitoring && { monitoring }) }, pid)
}

/** Puts a further process into the groups of its container. @errors UserError as `joinResctrl` */
export function enterResctrl(kernel: Kernel, root: string, groups: ResctrlGroups, pid: number): void {
  for (const group of [groups.control, groups.monitoring])
    if (group !== undefined) write(kernel, root, `${group}/tasks`, String(pid), `put process ${pid} into ${group}`)
}

/** Gives a container's class other shares. @errors UserError as `joinResctrl`, and for a container that has no class */
export function updateResctrl(kernel: Kernel, intelRdt: LinuxIntelRdt | undefined, id: string, shares: Shares): void {
  checkResctrl(shares)
  if (intelRdt === undefined)
    throw new UserError(
      `cannot update container ${id}: it has no class of resctrl, since its config.json has no linux.intelRdt`,
    )
  const root = findResctrl(kernel)
  const { control } = groupsOf(root, intelRdt, id)
  for (const line of [shares.l3CacheSchema, shares.memBwSchema])
    if (line) write(kernel, root, `${control}/schemata`, `${line}\n`, `share by ${line}`)
}

/** Removes the groups that were made for a container. Safe to repeat. */
export function leaveResctrl(kernel: Kernel, directory: string): void {
  const path = recordIn(directory)
  const text = readTextIfThere(kernel, path)
  if (text === undefined) return
  for (const pathname of parseFile<string[]>(text, path)) {
    const gone = kernel.call({ name: 'unlinkat', dirfd: AT_FDCWD, pathname, flags: AT_REMOVEDIR })
    if (refused(gone) && gone.errno !== 'ENOENT') must(gone, `remove the group ${pathname}`)
  }
}
