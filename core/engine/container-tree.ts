// A container's files as they can be read from outside, whether it runs or not.

import { readTextIfThere } from '../files.ts'
import type { OverlayMarks } from '../image/overlay-marks.ts'
import type { TreeTarOptions } from '../image/tree-tar.ts'
import type { Kernel } from '../kernel.ts'
import type { Spec } from '../spec/types.ts'
import type { Stored } from '../store/record.ts'
import { isInUserNamespace } from './caller.ts'
import type { Host } from './host.ts'
import { overlayOf, rootDirectoryOf } from './prepare.ts'

/** The directories that its root file system is made of, topmost first; without an overlay there is one. */
export function layersOfContainer(stored: Stored): readonly string[] {
  const overlay = overlayOf(stored)
  if (overlay === undefined) return [rootDirectoryOf(stored.record.request)]
  return [...(overlay.upperDirectory === undefined ? [] : [overlay.upperDirectory]), ...overlay.lowerDirectories]
}

/** In whose name overlayfs leaves marks in our containers: only root of the machine sets attributes `trusted.`. xattr(7) */
export function marksOf(host: Pick<Host, 'kernel' | 'environment'>): OverlayMarks {
  return host.environment.uid === 0 && !isInUserNamespace(host.kernel) ? 'trusted' : 'user'
}

/** Without lent ids the container's root is the caller, and nobody else is mapped. user_namespaces(7) */
export function ownersOf(host: Pick<Host, 'environment'>): Pick<TreeTarOptions, 'owner'> {
  const { uid, gid } = host.environment
  const nobody = 65534
  if (uid === 0) return {}
  return { owner: (stat) => ({ uid: stat.uid === uid ? 0 : nobody, gid: stat.gid === gid ? 0 : nobody }) }
}

/** Where something was mounted at its last start, from the root and without a slash before. */
export function mountPlaces(kernel: Kernel, { paths }: Pick<Stored, 'paths'>): ReadonlySet<string> {
  const text = readTextIfThere(kernel, paths.config)
  const mounts = text === undefined ? [] : ((JSON.parse(text) as Spec).mounts ?? [])
  return new Set(mounts.map(({ destination }) => destination.replace(/^\/+|\/+$/g, '')))
}
