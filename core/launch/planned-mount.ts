// The spec's mounts with their options read, and what is wrong with them. OCI config.md, "Mounts".

import { UserError } from '../errors.ts'
import type { Mount, Spec } from '../spec/types.ts'
import { type MountOptions, readMountOptions, refuseForBind } from './mount-options.ts'
import { labelled } from './selinux.ts'

/** A mount of the spec with its options read. */
export interface PlannedMount {
  readonly mount: Mount
  /** `mounts[3] /data`, for messages. */
  readonly where: string
  readonly destination: string
  readonly kind: 'bind' | 'cgroup' | 'overlay' | 'remount' | 'fresh'
  readonly options: MountOptions
  /** The label of the detached mount, and of the place for it. */
  readonly tree: string
  readonly place: string
}

/** An absolute path without `//`, `.` and a `/` at its end; `..` is left, for the kernel to keep inside the root. */
export function cleanPath(path: string): string {
  return `/${path
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .join('/')}`
}

/** proc, sysfs and mqueue have labels of their own; files of the host keep theirs. */
function takesLabel({ type }: Mount, { bind, remount }: MountOptions): boolean {
  return !bind && !remount && type !== undefined && /^(tmpfs|ramfs|devpts|overlay)$/.test(type)
}

export function readMounts(spec: Spec): PlannedMount[] {
  return (spec.mounts ?? []).map((mount, i) => {
    const where = `mounts[${i}] ${mount.destination}`
    const read = readMountOptions(mount.options)
    const options = takesLabel(mount, read) ? { ...read, data: labelled(read.data, spec.linux?.mountLabel) } : read
    const destination = cleanPath(mount.destination)
    if (destination === '/') throw new UserError(`${where}: nothing can be mounted on the root itself; use root.path`)
    const bind = options.bind !== undefined || mount.type === 'bind'
    const made = mount.type === 'cgroup' || mount.type === 'overlay' ? mount.type : 'fresh'
    const kind = options.remount ? 'remount' : bind ? 'bind' : made
    if (bind && !options.remount) {
      refuseForBind(options, where)
      if (!mount.source?.startsWith('/')) throw new UserError(`${where}: a bind mount needs an absolute source`)
    } else if (options.idmap) throw new UserError(`${where}: ${options.idmap}: only bind mounts can be mapped`)
    if ((mount.uidMappings || mount.gidMappings) && !options.idmap)
      throw new UserError(`${where}: uidMappings and gidMappings need the option idmap or ridmap`)
    if (kind === 'fresh' && (!mount.type || mount.type === 'none'))
      throw new UserError(`${where}: needs a type such as tmpfs, or the option bind or rbind`)
    return { mount, where, destination, kind, options, tree: `mount ${i}`, place: `place ${i}` }
  })
}
