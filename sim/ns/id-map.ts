// Maps of ids between a user namespace and its parent. user_namespaces(7)

/** One line of uid_map: `inside` and `outside` are the first of `count` ids. */
export interface IdRange {
  readonly inside: number
  /** As the kernel counts; in a line that is being written, as the parent namespace does. */
  readonly outside: number
  readonly count: number
}

/** What an idmapped mount adds: ids on disk appear as others. mount_setattr(2) */
export interface IdMapping {
  readonly uid: readonly IdRange[]
  readonly gid: readonly IdRange[]
}

/** The id outside; undefined when it is not mapped. */
export function outward(ranges: readonly IdRange[], id: number): number | undefined {
  for (const { inside, outside, count } of ranges)
    if (id >= inside && id - inside < count) return outside + (id - inside)
  return undefined
}

/** The id inside; undefined when it is not mapped. */
export function inward(ranges: readonly IdRange[], id: number): number | undefined {
  for (const { inside, outside, count } of ranges)
    if (id >= outside && id - outside < count) return inside + (id - outside)
  return undefined
}

/** The first id outside of a range that lies in one range of a map as a whole. map_id_range_down() in user_namespace.c */
export function outwardRange(ranges: readonly IdRange[], id: number, count: number): number | undefined {
  for (const range of ranges)
    if (id >= range.inside && id + count <= range.inside + range.count) return range.outside + (id - range.inside)
  return undefined
}
