// Owners of what is in a volume, changed by descriptor and without following links: it may be a container's work.

import { RefusedError, UserError } from '../errors.ts'
import {
  AT_EMPTY_PATH,
  AT_SYMLINK_NOFOLLOW,
  close,
  entriesOf,
  O,
  open,
  S_IFDIR,
  S_IFMT,
  type Stat,
  stat,
  statOpen,
} from '../files.ts'
import { type Kernel, refused } from '../kernel.ts'
import type { Host } from './host.ts'
import { type HostIds, hostOwner, type Owner } from './host-ids.ts'
import type { Prepared } from './prepare.ts'
import { findProgram } from './program.ts'
import { runAsLentRoot } from './rootless.ts'

/** The deepest that a tree may be: a descriptor is open for each level. */
const depthMax = 1000

/** Directories whose owners the host cannot do without. */
const ofTheSystem =
  /^\/(bin|boot|dev|etc|home|lib|lib32|lib64|libx32|media|mnt|opt|proc|root|run|sbin|srv|sys|tmp|usr|var)?$|^\/(usr|var|proc|sys)\/[^/]+$/

/**
 * The option `U`: gives a volume, and all in it, to the container's user; what is mounted below stays as it is. Who is not
 * root does it as root of a user namespace.
 *
 * @errors UserError for a directory of the system, and for a tree deeper than a thousand directories
 */
export async function giveToUser(host: Host, prepared: Prepared, ids: HostIds, path: string): Promise<void> {
  if (ofTheSystem.test(path))
    throw new UserError(`U: ${path} is the system's, and its owners are not changed: give a directory of your own`)
  const { user } = prepared.spec.process!
  const owner = hostOwner(ids, user)
  try {
    changeOwners(host.kernel, path, () => owner)
  } catch (error) {
    if (!lacksRight(error) || prepared.mappings === undefined) throw error
    await giveAsLentRoot(host, prepared.mappings, ['-R', '-P'], path, user)
  }
}

/** Gives a directory alone to an owner, who is counted as the host does. */
export async function giveDirectory(host: Host, prepared: Prepared, ids: HostIds, path: string, owner: Owner) {
  const { kernel } = host
  const fd = open(kernel, path, O.PATH | O.DIRECTORY | O.NOFOLLOW)
  try {
    changeOwner(kernel, fd, '', statOpen(kernel, fd), owner)
  } catch (error) {
    const inside = ids.ofContainer(owner)
    if (!lacksRight(error) || prepared.mappings === undefined || inside === undefined) throw error
    await giveAsLentRoot(host, prepared.mappings, [], path, inside)
  } finally {
    close(kernel, fd)
  }
}

/** Changes the owners of a tree; what has no owner to be given stays as it is. */
export function changeOwners(kernel: Kernel, path: string, ownerOf: (found: Stat) => Owner | undefined): void {
  const fd = open(kernel, path, O.PATH)
  try {
    const top = statOpen(kernel, fd)
    changeOwner(kernel, fd, '', top, ownerOf(top))
    if (isDirectory(top)) changeBelow(kernel, fd, path, top.mountId, ownerOf, 1)
  } finally {
    close(kernel, fd)
  }
}

const isDirectory = ({ mode }: Stat): boolean => (mode & S_IFMT) === S_IFDIR

const lacksRight = (error: unknown): boolean =>
  error instanceof RefusedError && (error.errno === 'EPERM' || error.errno === 'EACCES')

function changeOwner(kernel: Kernel, dirfd: number, name: string, found: Stat, owner: Owner | undefined): void {
  if (owner === undefined || (found.uid === owner.uid && found.gid === owner.gid)) return
  const flags = name === '' ? AT_EMPTY_PATH : AT_SYMLINK_NOFOLLOW
  const call = { name: 'fchownat', dirfd, pathname: name, owner: owner.uid, group: owner.gid, flags } as const
  const given = kernel.call(call)
  if (refused(given) && given.errno !== 'ENOENT')
    throw new RefusedError(`give ${name || 'a volume'} to ${owner.uid}:${owner.gid}`, given.errno)
}

function changeBelow(
  kernel: Kernel,
  at: number,
  what: string,
  mountId: bigint,
  ownerOf: (found: Stat) => Owner | undefined,
  depth: number,
): void {
  if (depth > depthMax) throw new UserError(`${what}: more than ${depthMax} directories deep`)
  const fd = open(kernel, '.', O.RDONLY | O.DIRECTORY | O.NOFOLLOW, 0, at)
  try {
    for (const { name } of entriesOf(kernel, fd, what)) {
      const found = stat(kernel, name, { dirfd: fd, follow: false })
      if (found === undefined || found.mountId !== mountId) continue
      changeOwner(kernel, fd, name, found, ownerOf(found))
      if (!isDirectory(found)) continue
      const flags = O.PATH | O.DIRECTORY | O.NOFOLLOW | O.CLOEXEC
      const inner = kernel.call({ name: 'openat', dirfd: fd, pathname: name, flags, mode: 0 })
      // A container that runs with the volume too has put something else in its place.
      if (refused(inner)) continue
      try {
        changeBelow(kernel, inner.value, what, mountId, ownerOf, depth + 1)
      } finally {
        close(kernel, inner.value)
      }
    }
  } finally {
    close(kernel, fd)
  }
}

async function giveAsLentRoot(
  host: Host,
  mappings: NonNullable<Prepared['mappings']>,
  flags: readonly string[],
  path: string,
  { uid, gid }: Owner,
): Promise<void> {
  const chown = findProgram(host, 'chown')
  if (chown === undefined) throw new UserError(`${path}: belongs to other users, and there is no program chown`)
  const code = await runAsLentRoot(host, [chown, '-h', ...flags, '--', `${uid}:${gid}`, path], mappings)
  if (code !== 0) throw new UserError(`${path}: cannot be given to ${uid}:${gid}: chown ended with exit code ${code}`)
}
