// What is printed of images, their layers, and what they occupy.

import { describe, expect, it } from 'vitest'
import { usageInDetail, usageTable } from '../../../cli/views/disk-usage.ts'
import { imageSize, withShare } from '../../../cli/views/human.ts'
import { imageJson, imageRows, sortedRows } from '../../../cli/views/images.ts'
import { historyColumns, historyJson, historyRow, layerTree } from '../../../cli/views/layers.ts'
import { renderRows } from '../../../cli/views/rows.ts'
import type { LayerNode } from '../../../core/engine/image-history.ts'
import type { ListedImage } from '../../../core/engine/image-list.ts'

const now = Date.parse('2026-01-01T00:00:00Z')
const layer = (digit: string, tarBytes: number) => ({ diffId: digit.repeat(64), sizeBytes: 1, tarBytes })

function listed(id: string, names: readonly string[], created: string | undefined, tarBytes: number): ListedImage {
  const image = {
    id: id.repeat(64),
    names,
    repoDigests: [`quay.io/x@sha256:${'9'.repeat(64)}`],
    digest: `sha256:${'8'.repeat(64)}`,
    platform: 'linux/amd64',
    layers: [layer('1', 1000), layer('2', tarBytes - 1000)],
    created,
    sizeBytes: 2,
    blobs: [],
  }
  return { image, names, labels: { a: 'b' }, containers: ['c'] }
}

const web = listed('a', ['localhost:5000/web:1', 'localhost/web:2'], '2025-12-31T00:00:00Z', 6_976_715)
const nameless = listed('b', [], undefined, 59_871)

describe('the size of an image', () => {
  it.each([
    [0, '0 B'],
    [7761, '7.76 kB'],
    [59_871, '59.9 kB'],
    [999_999, '1 MB'],
    [6_976_715, '6.98 MB'],
    [2_135_552_000, '2.14 GB'],
  ])('of %d bytes is %s', (bytes, text) => expect(imageSize(bytes)).toBe(text))

  it('has its share in percent, and of nothing it is none', () => {
    expect(withShare(7_039_048, 9_183_553)).toBe('7.039MB (77%)')
    expect(withShare(0, 0)).toBe('0B (0%)')
  })
})

describe('rows of images', () => {
  const rows = [web, nameless].flatMap((image) => imageRows(image, now, false))

  it('are one a name, and <none> for an image without', () => {
    expect(rows.map((row) => [row.Repository, row.Tag, row.ID, row.Created, row.Size])).toEqual([
      ['localhost:5000/web', '1', 'aaaaaaaaaaaa', '1 day ago', '6.98 MB'],
      ['localhost/web', '2', 'aaaaaaaaaaaa', '1 day ago', '6.98 MB'],
      ['<none>', '<none>', 'bbbbbbbbbbbb', '', '59.9 kB'],
    ])
    expect(imageRows(web, now, true)[0]!.ID).toBe(`sha256:${'a'.repeat(64)}`)
  })

  it('are sorted newest first, or by a column', () => {
    expect(sortedRows(rows, 'created').map((row) => row.Tag)).toEqual(['1', '2', '<none>'])
    expect(sortedRows(rows, 'size').map((row) => row.Tag)).toEqual(['<none>', '1', '2'])
    expect(sortedRows(rows, 'repository').map((row) => row.Tag)).toEqual(['<none>', '2', '1'])
  })

  it('are as json one object an image, with sizes in bytes and times in seconds', () => {
    expect(imageJson(web)).toMatchObject({
      Id: 'a'.repeat(64),
      Names: ['localhost:5000/web:1', 'localhost/web:2'],
      Size: 6_976_715,
      Created: now / 1000 - 86_400,
      Containers: 1,
      Labels: { a: 'b' },
      RepoDigests: [
        `quay.io/x@sha256:${'9'.repeat(64)}`,
        `localhost:5000/web@sha256:${'8'.repeat(64)}`,
        `localhost/web@sha256:${'8'.repeat(64)}`,
      ],
    })
  })
})

describe('a history', () => {
  const step = {
    id: 'c'.repeat(64),
    names: ['localhost/x:1'],
    created: '2025-12-31T23:00:00Z',
    createdBy: `RUN ${'x'.repeat(60)}`,
    comment: 'made',
    bytes: 5120,
  }
  const options = { nowMs: now, whole: false, human: true }

  it('shortens ids and commands, unless they are wanted whole', () => {
    const row = historyRow(step, options)
    expect(row).toMatchObject({ ID: 'cccccccccccc', Created: '1 hour ago', Size: '5.12 kB', Comment: 'made' })
    expect(row.CreatedBy).toBe(`RUN ${'x'.repeat(38)}...`)
    expect(historyRow(step, { ...options, whole: true })).toMatchObject({ ID: step.id, CreatedBy: step.createdBy })
  })

  it('has bytes and dates for programs', () => {
    expect(historyRow(step, { ...options, human: false })).toMatchObject({ Created: step.created, Size: '5120' })
    expect(historyJson(step)).toMatchObject({ id: step.id, CreatedBy: step.createdBy, size: 5120, comment: 'made' })
  })

  it('calls a step that no image here ends with missing', () => {
    const row = historyRow({ names: [], createdBy: '', comment: '', bytes: 0 }, options)
    expect(renderRows(historyColumns, [row], { heading: false })).toBe('<missing>      0 B\n')
  })
})

describe('a tree of layers', () => {
  const node = (digit: string, above: readonly LayerNode[] = [], topOf: readonly string[] = []): LayerNode => ({
    layer: layer(digit, 2048),
    topOf,
    above,
  })

  it('is drawn with what lies upon a layer below it', () => {
    const nodes = [node('1', [node('2', [node('3')], ['a:1', 'b:1']), node('4')]), node('5')]
    expect(layerTree(nodes)).toBe(`├── ID: 111111111111 Size: 2.048kB
│   ├── ID: 222222222222 Size: 2.048kB Top Layer of: [a:1 b:1]
│   │   └── ID: 333333333333 Size: 2.048kB
│   └── ID: 444444444444 Size: 2.048kB
└── ID: 555555555555 Size: 2.048kB
`)
    expect(layerTree([])).toBe('')
  })
})

describe('what all occupies', () => {
  const sums = {
    images: { total: 4, active: 2, bytes: 9_183_553, reclaimableBytes: 7_039_048 },
    containers: { total: 0, active: 0, bytes: 0, reclaimableBytes: 0 },
    volumes: { total: 1, active: 0, bytes: 4096, reclaimableBytes: 4096 },
  }

  it('is one line a kind, or fields by a template', () => {
    expect(usageTable({ sums }, undefined)).toBe(`TYPE           TOTAL  ACTIVE  SIZE     RECLAIMABLE
Images         4      2       9.184MB  7.039MB (77%)
Containers     0      0       0B       0B (0%)
Local Volumes  1      0       4.096kB  4.096kB (100%)
`)
    expect(usageTable({ sums }, '{{.Type}} {{.RawSize}}')).toBe('Images 9183553\nContainers 0\nLocal Volumes 4096\n')
  })

  it('is one line each when asked for', () => {
    const text = usageInDetail(
      {
        images: [{ image: web.image, bytes: 3000, sharedBytes: 1000, containers: 2 }],
        containers: [],
        volumes: [{ name: 'data', links: 1, bytes: 4096 }],
      },
      now,
    )
    expect(text).toBe(`Images space usage:

REPOSITORY          TAG  IMAGE ID      CREATED  SIZE  SHARED SIZE  UNIQUE SIZE  CONTAINERS
localhost:5000/web  1    aaaaaaaaaaaa  1 day    3kB   1kB          2kB          2

Containers space usage:

CONTAINER ID  IMAGE  COMMAND  LOCAL VOLUMES  SIZE  CREATED  STATUS  NAMES

Local Volumes space usage:

VOLUME NAME  LINKS  SIZE
data         1      4.096kB
`)
  })
})
