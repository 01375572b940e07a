// Maps of ids between a user namespace and its parent. user_namespaces(7)

/** One line of uid_map: `inside` and `outside` are the first of `count` ids. */
export interface IdRange {
  readonly inside: number
  /** As the parent namespace counts. */
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
