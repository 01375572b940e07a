// Images as rows: what `images` prints, one row a name, and its json, one object an image. podman-images(1)

import { repoDigestsOf } from '../../core/engine/image-inspect.ts'
import { imageBytes, type ListedImage } from '../../core/engine/image-list.ts'
import { ago, humanTime, imageSize, shortId } from './human.ts'

export const imageColumns = [
  ['REPOSITORY', 'Repository'],
  ['TAG', 'Tag'],
  ['IMAGE ID', 'ID'],
  ['CREATED', 'Created'],
  ['SIZE', 'Size'],
] as const

export const imageColumnsWithDigests = [
  ...imageColumns.slice(0, 2),
  ['DIGEST', 'Digest'] as const,
  ...imageColumns.slice(2),
]

/** `registry/repository` and `tag`; of an image without a name, twice `<none>`. */
export function nameParts(name: string | undefined): { readonly repository: string; readonly tag: string } {
  if (name === undefined) return { repository: '<none>', tag: '<none>' }
  const colon = name.lastIndexOf(':')
  return { repository: name.slice(0, colon), tag: name.slice(colon + 1) }
}

/** One row a name, as podman lists them; an image without names is one row of <none>. */
export function imageRows({ image, names, labels, containers }: ListedImage, nowMs: number, whole: boolean) {
  const parsedMs = Date.parse(image.created ?? '')
  const createdMs = Number.isNaN(parsedMs) ? undefined : parsedMs
  const since = createdMs === undefined ? '' : ago(nowMs - createdMs)
  return (names.length > 0 ? names : [undefined]).map((name) => {
    const { repository, tag } = nameParts(name)
    return {
      Repository: repository,
      Tag: tag,
      ID: whole ? `sha256:${image.id}` : shortId(image.id),
      Id: image.id,
      Digest: image.digest,
      Created: since,
      CreatedSince: since,
      CreatedAt: createdMs === undefined ? '' : humanTime(createdMs),
      CreatedTime: createdMs === undefined ? '' : humanTime(createdMs),
      Size: imageSize(imageBytes(image)),
      VirtualSize: imageBytes(image),
      SizeBytes: imageBytes(image),
      createdMs: createdMs ?? 0,
      Names: image.names,
      RepoTags: image.names,
      RepoDigests: repoDigestsOf(image),
      Labels: labels,
      Containers: containers.length,
      Dangling: image.names.length === 0,
      ReadOnly: false,
    }
  })
}
export type ImageRow = ReturnType<typeof imageRows>[number]

const sorts: Readonly<Record<string, (row: ImageRow) => string | number>> = {
  created: (row) => -row.createdMs,
  id: (row) => row.Id,
  repository: (row) => row.Repository,
  size: (row) => row.SizeBytes,
  tag: (row) => row.Tag,
}
export const imageSorts: readonly string[] = Object.keys(sorts)

/** @param sort - one of `imageSorts` */
export function sortedRows(rows: readonly ImageRow[], sort: string): readonly ImageRow[] {
  const key = sorts[sort]!
  return [...rows].sort((a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0))
}

/** What `images --format json` has, under podman's names. Sizes are bytes, Created seconds since 1970. */
export function imageJson({ image, labels, containers }: ListedImage) {
  const createdMs = Date.parse(image.created ?? '') || 0
  return {
    Id: image.id,
    ParentId: '',
    RepoTags: image.names,
    RepoDigests: repoDigestsOf(image),
    Size: imageBytes(image),
    SharedSize: 0,
    VirtualSize: imageBytes(image),
    Labels: labels,
    Containers: containers.length,
    Names: image.names,
    Digest: image.digest,
    Created: Math.floor(createdMs / 1000),
    CreatedAt: image.created ?? '',
  }
}
