// Names of systemd's units for containers, and where their cgroups are. systemd.slice(5), systemd.scope(5).

import { UserError } from '../errors.ts'

/** The scope of one container. */
export interface Scope {
  /** `vitrine-ID.scope` */
  readonly unit: string
  /** `machine.slice` */
  readonly slice: string
}

const unitBytesMax = 255

function checkUnit(unit: string, given: string): string {
  if (unit.length > unitBytesMax || !/^[\w:.\\@-]+$/.test(unit))
    throw new UserError(`linux.cgroupsPath: ${given}: ${unit} is no name of a unit of systemd`)
  return unit
}

/**
 * The scope that `cgroupsPath` names as `slice:prefix:name`; each may be empty. runc's docs/systemd.md, crun(1).
 *
 * @param usual - what stands for an absent path or an empty slice
 * @errors UserError for a path of cgroupfs, or what is no name of a unit
 */
export function scopeOf(given: string | undefined, usual: { readonly slice: string; readonly name: string }): Scope {
  if (!given) return { unit: checkUnit(`${usual.name}.scope`, usual.name), slice: usual.slice }
  const parts = given.split(':')
  if (parts.length !== 3)
    throw new UserError(
      `linux.cgroupsPath: ${given}: with systemd it must be SLICE:PREFIX:NAME, as in machine.slice:libpod:ID`,
    )
  const [slice = '', prefix = '', name = ''] = parts
  if (name === '' || name.endsWith('.slice'))
    throw new UserError(`linux.cgroupsPath: ${given}: the name must be that of a scope, which a container is`)
  const unit = checkUnit(`${prefix === '' ? '' : `${prefix}-`}${name}.scope`, given)
  const checked = slice === '' ? usual.slice : slice === '-' ? '-.slice' : slice
  slicePath(checked)
  return { unit, slice: checked }
}

/**
 * Where a slice's cgroup is: the name tells those above it, so that `a-b.slice` is `/a.slice/a-b.slice`; the root has ''.
 *
 * @errors UserError for what is no name of a slice
 */
export function slicePath(slice: string): string {
  if (slice === '-.slice') return ''
  const names = slice.endsWith('.slice') ? slice.slice(0, -'.slice'.length).split('-') : ['']
  if (names.includes('') || !/^[\w:.\\@-]+$/.test(slice))
    throw new UserError(`${slice}: is no name of a slice of systemd, which is like machine.slice or user-1000.slice`)
  return names.map((_, index) => `/${names.slice(0, index + 1).join('-')}.slice`).join('')
}

/** @param controlGroup - of the manager: '/', or what it was started in */
export function scopePath(controlGroup: string, { unit, slice }: Scope): string {
  return `${controlGroup.replace(/\/$/, '')}${slicePath(slice)}/${unit}`
}
