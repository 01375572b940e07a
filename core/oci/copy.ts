// tmpcopyup: a tmpfs of the container begins with what the image has at its place.

import type { Host } from '../engine/host.ts'
import { findProgram, runProgram } from '../engine/program.ts'
import { UserError } from '../errors.ts'
import { AT_FDCWD, close, entriesOf, O } from '../files.ts'
import { type Kernel, refused } from '../kernel.ts'
import { AT, MOUNT_ATTR, OPEN_TREE } from '../launch/constants.ts'
import type { Step } from '../launch/plan.ts'
import { cleanPath } from '../launch/planned-mount.ts'
import type { Mount, Spec } from '../spec/types.ts'

const RESOLVE_NO_MAGICLINKS = 0x02
const RESOLVE_IN_ROOT = 0x10
/** The descriptors by which cp(1) finds both directories. */
const [fromFd, toFd] = [10, 11]

export function copiedMounts(spec: Spec): Mount[] {
  return (spec.mounts ?? []).filter(({ type, options }) => type === 'tmpfs' && options?.includes('tmpcopyup'))
}

/** Steps that open a directory inside a root, never out of it, and put it where the program finds it. openat2(2). */
function opened(root: string, path: string, newfd: number, what: string): Step[] {
  const flags = O.PATH | O.DIRECTORY | O.CLOEXEC
  const how = { flags, resolve: RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS }
  const step = (call: Step['call'], as?: string): Step => ({
    in: 'child',
    call,
    why: `open ${path} of ${what}`,
    ...(as && { as }),
  })
  return [
    step({ name: 'openat', dirfd: AT_FDCWD, pathname: root, flags, mode: 0 }, `root of ${what}`),
    step({ name: 'openat2', dirfd: { from: `root of ${what}` }, pathname: path, how }, what),
    step({ name: 'dup3', oldfd: { from: what }, newfd, flags: 0 }),
  ]
}

const image = 'the image'

/**
 * The image's directory as a view in which no link leads anywhere. The program walks along paths, and whoever shares the root
 * filesystem can put a link to the host's files in the place of a directory meanwhile. mount_setattr(2), MOUNT_ATTR_NOSYMFOLLOW.
 *
 * @param isRoot - nobody else may take a view; what is copied then is what that user may read anyway
 */
function withoutLinks(isRoot: boolean): Step[] {
  const flags = OPEN_TREE.CLONE | OPEN_TREE.CLOEXEC | AT.EMPTY_PATH | AT.RECURSIVE
  const attr = { attr_set: MOUNT_ATTR.NOSYMFOLLOW }
  return [
    {
      in: 'child',
      call: { name: 'open_tree', dirfd: { from: image }, pathname: '', flags },
      why: 'take a view of it',
      as: `view of ${image}`,
      ...(isRoot ? {} : { tolerate: ['EPERM'] }),
      and: [
        {
          in: 'child',
          call: {
            name: 'mount_setattr',
            dirfd: { from: `view of ${image}` },
            pathname: '',
            flags: AT.EMPTY_PATH | AT.RECURSIVE,
            attr,
          },
          why: 'let links lead nowhere in it',
        },
        {
          in: 'child',
          call: { name: 'dup3', oldfd: { from: `view of ${image}` }, newfd: fromFd, flags: 0 },
          why: 'have that copied',
        },
      ],
    },
  ]
}

function isEmpty(kernel: Kernel, root: string, path: string): boolean {
  const flags = O.PATH | O.DIRECTORY | O.CLOEXEC
  const rootFd = kernel.call({ name: 'openat', dirfd: AT_FDCWD, pathname: root, flags, mode: 0 })
  if (refused(rootFd)) return true
  const how = { flags: O.RDONLY | O.DIRECTORY | O.CLOEXEC, resolve: RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS }
  const directory = kernel.call({ name: 'openat2', dirfd: rootFd.value, pathname: path, how })
  close(kernel, rootFd.value)
  if (refused(directory)) return true
  try {
    return entriesOf(kernel, directory.value, path).length === 0
  } finally {
    close(kernel, directory.value)
  }
}

/**
 * Copies what the image has below every tmpfs with `tmpcopyup`.
 *
 * @param pid - of the child that waits, in its finished root filesystem
 * @errors UserError when it cannot be copied
 */
export async function copyIntoTmpfs(host: Host, spec: Spec, pid: number): Promise<void> {
  const root = spec.root!.path
  for (const { destination } of copiedMounts(spec)) {
    const path = cleanPath(destination)
    if (isEmpty(host.kernel, root, path)) continue
    const cp = findProgram(host, 'cp')
    if (cp === undefined) throw new UserError(`mounts ${destination}: tmpcopyup: there is no program cp on the host`)
    await runProgram(host, [cp, '-a', '--', `/proc/self/fd/${fromFd}/.`, `/proc/self/fd/${toFd}`], {
      before: [
        ...opened(root, path, fromFd, image),
        ...withoutLinks(host.environment.uid === 0),
        ...opened(`/proc/${pid}/root`, path, toFd, 'the container'),
      ],
    })
  }
}
