// The progress of pulls and pushes: which lines there are, and that a terminal shows those and nothing else.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { afterEvent, barLine, blobLine, eventLine, progressLines, redraw } from '../../../cli/views/progress.ts'
import type { BlobProgress, TransferEvent } from '../../../core/engine/transfer.ts'
import { Screen } from '../../support/screen.ts'

const hex = (digit: string) => digit.repeat(64)
const moving = (doneBytes: number, totalBytes?: number): BlobProgress => ({
  hex: hex('a'),
  state: 'moving',
  doneBytes,
  ...(totalBytes === undefined ? {} : { totalBytes }),
})

describe('a bar', () => {
  it('is as full as the blob', () => {
    const bars = [0, 25, 50, 100].map((done) => barLine(moving(done, 100), 100).match(/\[(.*)\]/)![1]!)
    expect(bars.map((bar) => bar.trimEnd().length)).toEqual([0, 10, 20, 40])
    expect(new Set(bars.map((bar) => bar.length))).toEqual(new Set([40]))
    expect(bars[2]).toBe(`${'='.repeat(19)}>${' '.repeat(20)}`)
    expect(bars[3]).toBe('='.repeat(40))
  })

  it('says how much has come of how much', () => {
    expect(barLine(moving(1_500_000, 3_000_000), 100)).toMatch(/^Copying blob a{12} \[=+> +\] 1\.5MB \/ 3MB$/)
    expect(barLine(moving(1_500_000), 100)).toBe('Copying blob aaaaaaaaaaaa 1.5MB')
  })

  it('gives way to the words where a terminal is narrow', () => {
    expect(barLine(moving(5, 10), 60)).toMatch(/\[=+>? *\] 5B \/ 10B$/)
    expect(barLine(moving(5, 10), 45)).toBe('Copying blob aaaaaaaaaaaa 5B / 10B')
    expect(barLine(moving(5, 10), 30)).toBe('Copying blob aaaaaaaaaaaa')
    expect(barLine(moving(5, 10), 7)).toBe('Copying')
  })

  it('is never longer than the line', () => {
    const state = fc.constantFrom('pending', 'present', 'waiting', 'moving', 'done')
    const blob = fc.record({
      hex: fc.constant(hex('b')),
      state,
      doneBytes: fc.nat(),
      totalBytes: fc.option(fc.nat(), { nil: undefined }),
    })
    fc.assert(
      fc.property(blob, fc.integer({ min: 1, max: 200 }), (blob, columns) => {
        expect(barLine(blob as BlobProgress, columns).length).toBeLessThanOrEqual(columns)
      }),
    )
  })
})

describe('the lines', () => {
  const blobs = (states: readonly BlobProgress['state'][]): BlobProgress[] =>
    states.map((state, index) => ({
      hex: index.toString(16).padStart(64, '0').split('').reverse().join(''),
      state,
      doneBytes: 0,
      totalBytes: 9,
    }))

  it('are all blobs in their order when there is room', () => {
    const state = blobs(['done', 'moving', 'pending'])
    expect(progressLines(state, 3, 80).map((line) => line.slice(0, 14))).toEqual(
      state.map(({ hex }) => `Copying blob ${hex[0]}`),
    )
  })

  it('are the blobs at work and a count when there is none', () => {
    const lines = progressLines(blobs(['done', 'present', 'moving', 'pending', 'moving', 'waiting', 'pending']), 4, 80)
    expect(lines.map((line) => line.slice(0, 14))).toEqual([
      'Copying blob 2',
      'Copying blob 4',
      'Copying blob 5',
      '4 more blobs; ',
    ])
    expect(lines[3]).toBe('4 more blobs; 2 of 7 done')
  })

  it('are the count alone on a terminal of one line', () => {
    expect(progressLines(blobs(['done', 'moving']), 1, 80)).toEqual(['2 more blobs; 1 of 2 done'])
  })
})

describe('in a pipe', () => {
  it('a blob has a line when it begins and one when it ends', () => {
    const events: BlobProgress[] = [
      { ...moving(0, 10) },
      { ...moving(5, 10) },
      { ...moving(10, 10), state: 'done' },
      { hex: hex('b'), state: 'present', doneBytes: 0 },
      { hex: hex('c'), state: 'waiting', doneBytes: 0 },
    ]
    let state = afterEvent([], { kind: 'blobs', blobs: [{ hex: hex('a'), totalBytes: 10 }] })
    const lines = events.flatMap((blob) => {
      const line = blobLine(state, blob)
      state = afterEvent(state, { kind: 'blob', blob })
      return line ?? []
    })
    expect(lines).toEqual([
      'Copying blob aaaaaaaaaaaa',
      'Copying blob aaaaaaaaaaaa done',
      'Copying blob bbbbbbbbbbbb skipped: already exists',
      'Copying blob cccccccccccc waiting for another process',
    ])
  })

  it('what is tried and what comes last are said', () => {
    expect(eventLine({ kind: 'trying', action: 'pull', name: 'r/x:1' })).toBe('Trying to pull r/x:1...')
    expect(eventLine({ kind: 'trying', action: 'push', name: 'r/x:1' })).toBeUndefined()
    expect(eventLine({ kind: 'manifest' })).toBe('Writing manifest to image destination')
    expect(eventLine({ kind: 'note', sentence: 'resolved "x"' })).toBe('Resolved "x"')
  })
})

const anEvent: fc.Arbitrary<TransferEvent> = fc.record({
  kind: fc.constant('blob' as const),
  blob: fc.record({
    hex: fc.constantFrom(...'abcdefg').map(hex),
    state: fc.constantFrom('pending', 'present', 'waiting', 'moving', 'done'),
    doneBytes: fc.nat({ max: 1000 }),
    totalBytes: fc.constant(1000),
  }),
})

describe('a terminal', () => {
  it('shows what was there before, and of the bars the last state alone, after whatever events', () => {
    const size = fc.record({ rows: fc.integer({ min: 1, max: 10 }), columns: fc.integer({ min: 2, max: 90 }) })
    fc.assert(
      fc.property(fc.array(anEvent), size, (events, { rows, columns }) => {
        const screen = new Screen(columns)
        screen.write('$\n')
        let drawn: string[] = []
        let state: ReturnType<typeof afterEvent> = []
        for (const event of events) {
          state = afterEvent(state, event)
          const lines = progressLines(state, rows, columns - 1)
          screen.write(redraw(drawn, lines, columns))
          drawn = lines
        }
        expect(screen.text).toBe(['$', ...drawn.map((line) => line.trimEnd()), ''].join('\n'))
      }),
    )
  })

  it('that was made narrower, and broke the lines, is cleared of all of them', () => {
    const wide = progressLines([moving(5, 10), { ...moving(7, 10), hex: hex('b') }], 5, 79)
    const screen = new Screen(30)
    screen.write('$\n')
    for (const line of wide) screen.write(`${line}\n`)
    const narrow = progressLines([moving(6, 10), { ...moving(8, 10), hex: hex('b') }], 5, 29)
    screen.write(redraw(wide, narrow, 30))
    expect(screen.text).toBe(['$', ...narrow, ''].join('\n'))
  })

  it('is not written to but with what is new: no clearing in between', () => {
    const before = ['one', 'two']
    expect(redraw(before, ['one', 'three'], 80)).toBe('\r\x1b[2Aone\x1b[K\nthree\x1b[K\n')
    expect(redraw(before, ['one'], 80)).toBe('\r\x1b[2Aone\x1b[K\n\x1b[J')
    expect(redraw([], ['one'], 80)).toBe('\rone\x1b[K\n')
  })
})
