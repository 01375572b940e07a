// An image's layers as a tree of lines, and its history as rows. podman-image-tree(1), podman-history(1)

import type { HistoryStep, LayerNode } from '../../core/engine/image-history.ts'
import { ago, humanSize, humanTime, imageSize, shortId } from './human.ts'

function lineOf({ layer, topOf }: LayerNode): string {
  const tops = topOf.length > 0 ? ` Top Layer of: [${topOf.join(' ')}]` : ''
  return `ID: ${shortId(layer.diffId)} Size: ${humanSize(layer.tarBytes).padStart(7)}${tops}`
}

/** What lies upon a layer is drawn below it, as files are below their directory. */
export function layerTree(nodes: readonly LayerNode[], indent = ''): string {
  return nodes
    .map((node, index) => {
      const last = index === nodes.length - 1
      const inner = layerTree(node.above, `${indent}${last ? '    ' : '│   '}`)
      return `${indent}${last ? '└── ' : '├── '}${lineOf(node)}\n${inner}`
    })
    .join('')
}

export const historyColumns = [
  ['ID', 'ID'],
  ['CREATED', 'Created'],
  ['CREATED BY', 'CreatedBy'],
  ['SIZE', 'Size'],
  ['COMMENT', 'Comment'],
] as const

const createdByMax = 45

export interface HistoryOptions {
  readonly nowMs: number
  /** Ids and commands as they are. */
  readonly whole: boolean
  /** Sizes and times for people. */
  readonly human: boolean
}

export function historyRow(step: HistoryStep, { nowMs, whole, human }: HistoryOptions) {
  const { id, createdBy, bytes, created = '' } = step
  const createdMs = Date.parse(created)
  const isKnown = !Number.isNaN(createdMs)
  const since = isKnown ? ago(nowMs - createdMs) : ''
  const isLong = !whole && createdBy.length > createdByMax
  return {
    ID: id === undefined ? '<missing>' : whole ? id : shortId(id),
    Created: human ? since : created,
    CreatedSince: since,
    CreatedAt: isKnown ? humanTime(createdMs) : '',
    CreatedBy: isLong ? `${createdBy.slice(0, createdByMax - 3)}...` : createdBy,
    Size: human ? imageSize(bytes) : String(bytes),
    Comment: step.comment,
    Tags: step.names,
  }
}

/** What `history --format json` has, under podman's names. */
export function historyJson({ id, created, createdBy, bytes, comment, names }: HistoryStep) {
  return {
    id: id ?? '<missing>',
    created,
    CreatedBy: createdBy,
    size: bytes,
    ...(comment === '' ? {} : { comment }),
    ...(names.length === 0 ? {} : { tags: names }),
  }
}
