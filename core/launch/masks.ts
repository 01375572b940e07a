// Masked and read-only paths, by descriptor: what is covered is what was looked at, whatever the image or a neighbour does.
// OCI config-linux.md, "Masked Paths", "Readonly Paths".

import { AT, MOUNT_ATTR, MOVE_MOUNT, MS, O, OPEN_TREE } from './constants.ts'
import { nullDevice } from './devices.ts'
import type { Step } from './plan.ts'
import { cleanPath } from './planned-mount.ts'
import { labelled } from './selinux.ts'
import { childStep, from, openInside, type PlanWriter } from './writer.ts'

/** In proc and sysfs a path has no links; one that has is not what was meant. */
function mayHaveLinks(path: string): boolean {
  return !/^\/(proc|sys)(\/|$)/.test(path)
}

const onto = MOVE_MOUNT.F_EMPTY_PATH | MOVE_MOUNT.T_EMPTY_PATH
const cover = (path: string) => `cover ${path}`

/** Without a /dev of the container's own, covers are taken from the host while it can be reached: one for each path. */
export function planCoverSources(writer: PlanWriter, paths: readonly string[]): void {
  for (const path of paths.map(cleanPath))
    writer.child(
      { name: 'open_tree', dirfd: AT.FDCWD, pathname: '/dev/null', flags: OPEN_TREE.CLONE | OPEN_TREE.CLOEXEC },
      `take the host's null device to cover ${path}`,
      { as: cover(path) },
    )
}

/**
 * Hides each path: a directory under an empty tmpfs, a file under the null device; one that is absent needs nothing.
 * @param ownNull - the container's /dev/null was made by this plan and is open
 * @param label - SELinux's, for the empty directories
 */
export function planMaskedPaths(writer: PlanWriter, paths: readonly string[], ownNull: boolean, label?: string): void {
  for (const path of paths.map(cleanPath)) {
    const directory = `masked ${path}`
    const file = `masked file ${path}`
    const links = mayHaveLinks(path)
    const way = links ? undefined : writer.way(path)
    const coverFile: Step[] = [
      childStep(
        {
          name: 'move_mount',
          from_dirfd: from(cover(path)),
          from_pathname: '',
          to_dirfd: from(file),
          to_pathname: '',
          flags: onto,
        },
        `cover the file ${path}`,
      ),
    ]
    if (ownNull)
      coverFile.unshift(
        childStep(
          {
            name: 'open_tree',
            dirfd: from(nullDevice),
            pathname: '',
            flags: OPEN_TREE.CLONE | OPEN_TREE.CLOEXEC | AT.EMPTY_PATH,
          },
          'take the null device as a cover',
          { as: cover(path) },
        ),
      )
    writer.add(
      openInside(path, directory, `look for a directory ${path} to mask`, {
        flags: O.PATH | O.DIRECTORY,
        links,
        way,
        tolerate: ['ENOENT', 'ENOTDIR'],
        and: [
          childStep({ name: 'fchdir', fd: from(directory) }, `stand in ${path}`),
          childStep(
            {
              name: 'mount',
              source: 'tmpfs',
              target: '.',
              filesystemtype: 'tmpfs',
              mountflags: MS.RDONLY,
              data: labelled('nr_blocks=1,nr_inodes=1', label),
            },
            `hide the directory ${path}`,
          ),
        ],
        otherwise: [
          openInside(path, file, `look for a file ${path} to mask`, {
            links,
            way,
            tolerate: ['ENOENT', 'ENOTDIR'],
            and: coverFile,
          }),
        ],
      }),
    )
  }
}

/** Puts a read-only view of each path over itself; what is mounted below it is read-only too. */
export function planReadonlyPaths(writer: PlanWriter, paths: readonly string[]): void {
  for (const path of paths.map(cleanPath)) {
    const place = `readonly ${path}`
    const view = `view of ${path}`
    const flags = OPEN_TREE.CLONE | OPEN_TREE.CLOEXEC | AT.EMPTY_PATH | AT.RECURSIVE
    const links = mayHaveLinks(path)
    writer.add(
      openInside(path, place, `look for ${path} to make it read-only`, {
        links,
        way: links ? undefined : writer.way(path),
        tolerate: ['ENOENT', 'ENOTDIR'],
        and: [
          childStep({ name: 'open_tree', dirfd: from(place), pathname: '', flags }, `take a view of ${path}`, {
            as: view,
          }),
          childStep(
            {
              name: 'mount_setattr',
              dirfd: from(view),
              pathname: '',
              flags: AT.EMPTY_PATH | AT.RECURSIVE,
              attr: { attr_set: MOUNT_ATTR.RDONLY },
            },
            'make the view read-only',
          ),
          childStep(
            {
              name: 'move_mount',
              from_dirfd: from(view),
              from_pathname: '',
              to_dirfd: from(place),
              to_pathname: '',
              flags: onto,
            },
            `mount it over ${path}`,
          ),
        ],
      }),
    )
  }
}
