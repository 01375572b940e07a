// Shows on standard error how far a pull or push has come: bars on a terminal, lines in a pipe, nothing with --quiet.

import type { OnTransfer } from '../core/engine/transfer.ts'
import { harmless } from '../core/printable.ts'
import { printBytes } from './output.ts'
import { afterEvent, blobLine, eventLine, progressLines, redraw, type TransferState } from './views/progress.ts'

const drawEveryMs = 80
const encoder = new TextEncoder()
const write = (text: string) => printBytes(2, encoder.encode(text))

export interface ProgressShown {
  readonly onTransfer: OnTransfer
  /** A line of its own, above the bars. */
  readonly say: (line: string) => void
  /** Leaves the bars as they are; what follows is written below. */
  readonly end: () => void
}

export function showProgress(quiet: boolean): ProgressShown {
  const plain = (line: string) => write(`${harmless(line)}\n`)
  if (quiet) return { onTransfer: () => {}, say: plain, end: () => {} }
  return process.stderr.isTTY ? bars() : inPipe(plain)
}

function inPipe(say: (line: string) => void): ProgressShown {
  let state: TransferState = []
  const onTransfer: OnTransfer = (event) => {
    const line = event.kind === 'blob' ? blobLine(state, event.blob) : eventLine(event)
    if (line !== undefined) say(line)
    state = afterEvent(state, event)
  }
  return { onTransfer, say, end: () => {} }
}

function bars(): ProgressShown {
  const terminal = process.stderr
  let state: TransferState = []
  let drawn: readonly string[] = []
  let timer: NodeJS.Timeout | undefined
  const columns = () => terminal.columns || 80
  const draw = () => {
    clearTimeout(timer)
    timer = undefined
    // The last column stays empty, as terminals differ in what they do after it; the last line is the cursor's.
    const lines = progressLines(state, Math.max(1, (terminal.rows || 24) - 1), columns() - 1)
    write(redraw(drawn, lines, columns()))
    drawn = lines
  }
  const say = (line: string) => {
    write(`${redraw(drawn, [], columns())}${harmless(line)}\n`)
    drawn = []
    if (state.length > 0) draw()
  }
  /** What is drawn stays, and what comes is drawn below it. */
  const end = () => {
    if (timer !== undefined) draw()
    drawn = []
    state = []
  }
  const onTransfer: OnTransfer = (event) => {
    if (event.kind !== 'blob') end()
    const line = eventLine(event)
    if (line !== undefined) say(line)
    state = afterEvent(state, event)
    if (state.length > 0) timer ??= setTimeout(draw, drawEveryMs)
  }
  return { onTransfer, say, end }
}
