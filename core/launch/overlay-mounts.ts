// Mounts of the type overlay: laid over each other while the host's files can be reached, and taken along as one tree.
// overlayfs (kernel documentation), open_tree(2).

import { UserError } from '../errors.ts'
import { AT, MNT_DETACH, mountDataBytes, OPEN_TREE } from './constants.ts'
import { mountFlags } from './mount-options.ts'
import type { PlannedMount } from './planned-mount.ts'
import type { PlanWriter } from './writer.ts'

/**
 * Makes the overlays and leaves each as a detached tree under its label. It is mounted on its own upper directory, where
 * no other mount can miss what it covers, and only for as long as it takes to copy the mount.
 *
 * @param inUserNamespace - whoever makes them is root of a user namespace only
 * @errors UserError for one without a lowerdir, or with more layers than one page holds
 */
export function planOverlayTrees(writer: PlanWriter, mounts: readonly PlannedMount[], inUserNamespace: boolean): void {
  for (const planned of mounts) {
    if (planned.kind !== 'overlay') continue
    const { where, options, tree, destination } = planned
    const given = planned.mount.options ?? []
    const layers = pathIn(given, 'lowerdir')
    if (layers === undefined) throw new UserError(`${where}: an overlay needs the option lowerdir=`)
    const target = unescaped(pathIn(given, 'upperdir') ?? firstLayer(layers))
    if (!target.startsWith('/')) throw new UserError(`${where}: the directories of an overlay must be absolute paths`)
    const data = `${options.data}${inUserNamespace ? ',userxattr' : ''}`
    if (data.length > mountDataBytes)
      throw new UserError(
        `${where}: the paths of its layers are longer than the ${mountDataBytes} bytes that mount(2) takes`,
      )
    writer.child(
      { name: 'mount', source: 'overlay', target, filesystemtype: 'overlay', mountflags: mountFlags(options), data },
      `lay the overlay for ${destination} together`,
    )
    writer.child(
      { name: 'open_tree', dirfd: AT.FDCWD, pathname: target, flags: OPEN_TREE.CLONE | OPEN_TREE.CLOEXEC },
      'take it along',
      { as: tree },
    )
    writer.child({ name: 'umount2', target, flags: MNT_DETACH }, 'lay bare what it was mounted on')
  }
}

function pathIn(options: readonly string[], key: string): string | undefined {
  return options.find((option) => option.startsWith(`${key}=`))?.slice(key.length + 1)
}

/** Up to the first colon that no backslash stands before. */
function firstLayer(layers: string): string {
  return /^(?:[^\\:]|\\.)*/s.exec(layers)![0]
}

const unescaped = (path: string): string => path.replace(/\\(.)/gs, '$1')
