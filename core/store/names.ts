// Names and id prefixes: ROOT/names/NAME is a symbolic link to the id, so that making it claims the name. symlink(2).

import type { Settings } from '../engine/host.ts'
import { RefusedError, UserError } from '../errors.ts'
import { AT_FDCWD, list, makeDirectories, readLink, removeFile } from '../files.ts'
import { type Kernel, refused } from '../kernel.ts'
import { containersDirectory, namesDirectory } from './paths.ts'

type Where = Pick<Settings, 'root'>

/** Claims a name for an id; false when another has it. symlink(2): EEXIST is atomic between processes. */
export function claimName(kernel: Kernel, settings: Where, name: string, id: string): boolean {
  const linkpath = `${namesDirectory(settings)}/${name}`
  const call = { name: 'symlinkat', target: id, newdirfd: AT_FDCWD, linkpath } as const
  let made = kernel.call(call)
  if (refused(made) && made.errno === 'ENOENT') {
    makeDirectories(kernel, namesDirectory(settings), 0o700)
    made = kernel.call(call)
  }
  if (!refused(made)) return true
  if (made.errno === 'EEXIST') return false
  throw new RefusedError(`claim the name ${name} in ${namesDirectory(settings)}`, made.errno)
}

/** Gives a name back, unless another container has it by now. */
export function releaseName(kernel: Kernel, settings: Where, name: string, id: string): void {
  if (idOfName(kernel, settings, name) === id) removeFile(kernel, `${namesDirectory(settings)}/${name}`)
}

/** The id behind a name, whether or not the container is there. */
export function idOfName(kernel: Kernel, settings: Where, name: string): string | undefined {
  if (name.includes('/') || name === '' || name === '.' || name === '..') return undefined
  const link = readLink(kernel, `${namesDirectory(settings)}/${name}`)
  if (!refused(link)) return link.target
  if (link.errno === 'ENOENT' || link.errno === 'ENAMETOOLONG') return undefined
  throw new RefusedError(`look up the name ${name}`, link.errno)
}

/** The ids of all containers, and of the halves of containers that a killed command left. */
export function allIds(kernel: Kernel, settings: Where): string[] {
  return list(kernel, containersDirectory(settings)).filter((name) => /^[0-9a-f]{64}$/.test(name))
}

/**
 * The id that a name, an id, or the unambiguous start of an id stands for. A name comes first, as with podman.
 *
 * @errors UserError when there is none, or the prefix fits several
 */
export function resolveId(kernel: Kernel, settings: Where, container: string): string {
  const named = idOfName(kernel, settings, container)
  if (named !== undefined) return named
  const found = /^[0-9a-f]{1,64}$/.test(container)
    ? allIds(kernel, settings).filter((id) => id.startsWith(container))
    : []
  if (found.length > 1)
    throw new UserError(`container ${container}: ${found.length} ids start with it; give more digits`)
  if (found[0] === undefined)
    throw new UserError(`no container with name or ID "${container}" found: no such container`)
  return found[0]
}
