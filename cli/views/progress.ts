// How far a pull or push has come, as lines: a bar for each blob on a terminal, a line for each event elsewhere.

import type { BlobProgress, TransferEvent } from '../../core/engine/transfer.ts'
import { humanSize, shortId } from './human.ts'

/** The blobs of the image at hand, in order. */
export type TransferState = readonly BlobProgress[]

/** The state after an event. */
export function afterEvent(state: TransferState, event: TransferEvent): TransferState {
  if (event.kind === 'trying') return []
  if (event.kind === 'blobs') return event.blobs.map((blob) => ({ ...blob, state: 'pending', doneBytes: 0 }))
  if (event.kind === 'manifest' || event.kind === 'note') return state
  const { blob } = event
  const at = state.findIndex(({ hex }) => hex === blob.hex)
  if (at < 0) return [...state, blob]
  return state.with(at, { ...blob, totalBytes: blob.totalBytes ?? state[at]!.totalBytes })
}

const words: Readonly<Record<BlobProgress['state'], string>> = {
  pending: '',
  present: ' skipped: already exists',
  waiting: ' waiting for another process',
  moving: '',
  done: ' done',
}

/** A line that an event is worth of its own, in a pipe or above the bars. */
export function eventLine(event: TransferEvent): string | undefined {
  if (event.kind === 'trying') return event.action === 'pull' ? `Trying to pull ${event.name}...` : undefined
  if (event.kind === 'note') return `${event.sentence[0]!.toUpperCase()}${event.sentence.slice(1)}`
  if (event.kind === 'manifest') return 'Writing manifest to image destination'
  return undefined
}

/** The line for a pipe, when a blob begins or ends. */
export function blobLine(before: TransferState, { hex, state }: BlobProgress): string | undefined {
  const old = before.find((blob) => blob.hex === hex)?.state
  return state === old || state === 'pending' ? undefined : `Copying blob ${shortId(hex)}${words[state]}`
}

const barMin = 10
const barMax = 40

/** One blob in so many columns; what does not fit is left out, the bar first to shrink. */
export function barLine(blob: BlobProgress, columns: number): string {
  const head = `Copying blob ${shortId(blob.hex)}${words[blob.state]}`
  if (blob.state !== 'moving' && blob.state !== 'pending') return head.slice(0, columns)
  const { doneBytes, totalBytes } = blob
  const size = totalBytes === undefined ? humanSize(doneBytes) : `${humanSize(doneBytes)} / ${humanSize(totalBytes)}`
  // Two spaces, brackets, and room for the sizes as they will be at their longest.
  const room = Math.min(barMax, columns - head.length - 4 - 17)
  if (totalBytes === undefined || room < barMin) {
    const short = `${head} ${size}`
    return short.length <= columns ? short : head.slice(0, columns)
  }
  const filled = totalBytes === 0 ? room : Math.min(room, Math.floor((doneBytes / totalBytes) * room))
  const bar = filled === 0 ? '' : filled < room ? `${'='.repeat(filled - 1)}>` : '='.repeat(room)
  return `${head} [${bar.padEnd(room)}] ${size}`
}

/**
 * All blobs in so many lines. When there are more blobs than lines, those at work are shown and the rest is counted.
 *
 * @param rows - lines that may be used, at least 1
 * @param columns - characters that fit into a line
 */
export function progressLines(state: TransferState, rows: number, columns: number): string[] {
  if (state.length <= rows) return state.map((blob) => barLine(blob, columns))
  const order = { moving: 0, waiting: 1, pending: 2, done: 3, present: 3 } as const
  const shown = state
    .map((blob, index) => ({ blob, index }))
    .sort((one, other) => order[one.blob.state] - order[other.blob.state] || one.index - other.index)
    .slice(0, Math.max(0, rows - 1))
    .sort((one, other) => one.index - other.index)
    .map(({ blob }) => blob)
  const over = (blob: BlobProgress) => blob.state === 'done' || blob.state === 'present'
  const finished = state.filter(over).length
  const rest = `${state.length - shown.length} more blobs; ${finished} of ${state.length} done`
  return [...shown.map((blob) => barLine(blob, columns)), rest.slice(0, columns)]
}

/** How many lines of a terminal some lines take since it has become so many columns wide. */
export function heightOf(lines: readonly string[], columns: number): number {
  return lines.reduce((sum, line) => sum + Math.max(1, Math.ceil(line.length / columns)), 0)
}

/**
 * What takes the lines drawn before off a terminal and puts others there, in one write: nothing is cleared that is not
 * written anew at once. ECMA-48 CUU, EL, ED.
 *
 * @param before - drawn the last time; the cursor is on the line below
 */
export function redraw(before: readonly string[], lines: readonly string[], columns: number): string {
  const height = heightOf(before, columns)
  const up = height === 0 ? '' : `\x1b[${height}A`
  const down = height > lines.length || before.length > lines.length ? '\x1b[J' : ''
  return `\r${up}${lines.map((line) => `${line}\x1b[K\n`).join('')}${down}`
}
