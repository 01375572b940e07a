// Sparse files in tar archives: GNU's old headers and its PAX formats 0.0, 0.1 and 1.0. GNU tar manual, "Storing Sparse Files".

import { UserError } from '../errors.ts'
import type { ByteReader } from './bytes.ts'
import type { Piece } from './tar.ts'
import { blockBytes, numberOf, type PaxRecord, paxNumber } from './tar-header.ts'

export interface SparseMap {
  /** The file's size with its holes. */
  readonly sizeBytes: number
  /** What the archive holds of it: the sum of the extents. */
  readonly storedBytes: number
  readonly extents: readonly { readonly offset: number; readonly bytes: number }[]
}

const extentsMax = 1 << 16
const decoder = new TextDecoder()

/** The map of a sparse entry, undefined for an ordinary one. Reads what of the map lies in the entry's data. */
export async function sparseMap(
  reader: ByteReader,
  block: Uint8Array,
  flag: string,
  pax: readonly PaxRecord[],
  storedBytes: number,
): Promise<SparseMap | undefined> {
  if (flag === 'S') return oldMap(reader, block, storedBytes)
  const last = (key: string) => pax.findLast((record) => record.key === key)?.value
  const realSize = last('GNU.sparse.realsize') ?? last('GNU.sparse.size')
  if (realSize === undefined) return undefined
  const sizeBytes = paxNumber(realSize, 'GNU.sparse.realsize')
  if (last('GNU.sparse.major') !== undefined) {
    const version = `${decoder.decode(last('GNU.sparse.major')!)}.${decoder.decode(last('GNU.sparse.minor') ?? new Uint8Array())}`
    if (version !== '1.0') throw new UserError(`tar entry: sparse format ${version} is not known`)
    const { numbers, headBytes } = await mapInData(reader, storedBytes)
    return checked(sizeBytes, numbers, storedBytes - headBytes)
  }
  const listed = last('GNU.sparse.map')
  if (listed !== undefined) {
    const text = decoder.decode(listed)
    return checked(sizeBytes, text === '' ? [] : text.split(',').map(Number), storedBytes)
  }
  // Format 0.0 repeats two keys, in order, for every extent.
  const pairs = pax.filter(({ key }) => key === 'GNU.sparse.offset' || key === 'GNU.sparse.numbytes')
  const numbers = pairs.map(({ key, value }) => paxNumber(value, key))
  return checked(sizeBytes, numbers, storedBytes)
}

async function oldMap(reader: ByteReader, block: Uint8Array, storedBytes: number): Promise<SparseMap> {
  const numbers: number[] = []
  const collect = (from: Uint8Array, at: number, count: number) => {
    for (let index = 0; index < count; index++) {
      const start = at + index * 24
      if (from[start] === 0) return
      numbers.push(numberOf(from.subarray(start, start + 12), 'sparse offset'))
      numbers.push(numberOf(from.subarray(start + 12, start + 24), 'sparse length'))
    }
  }
  collect(block, 386, 4)
  let extended = block[482] !== 0
  // Extension blocks lie between header and data and are not counted in the entry's size.
  const dataBytes = reader.leftBytes
  while (extended) {
    if (numbers.length > 2 * extentsMax) throw new UserError(`tar entry: more than ${extentsMax} extents`)
    const more = (await reader.exactly(blockBytes))!
    collect(more, 0, 21)
    extended = more[504] !== 0
  }
  reader.leftBytes = dataBytes
  return checked(numberOf(block.subarray(483, 495), 'real size'), numbers, storedBytes)
}

/** Format 1.0: decimal lines at the start of the data, padded to a block. */
async function mapInData(reader: ByteReader, limit: number): Promise<{ numbers: number[]; headBytes: number }> {
  const numbers: number[] = []
  let headBytes = 0
  let rest = ''
  // The first number says how many pairs follow.
  while (numbers.length === 0 || numbers.length < 1 + 2 * numbers[0]!) {
    if (headBytes + blockBytes > limit) throw new UserError('tar entry: its sparse map is cut off')
    const lines = (rest + decoder.decode(await reader.exactly(blockBytes))).split('\n')
    headBytes += blockBytes
    rest = lines.pop()!
    // What is left is the start of a number, or the padding; it does not grow.
    if (rest.length > blockBytes) throw new UserError('tar entry: its sparse map is malformed')
    for (const line of lines) {
      if (numbers.length > 0 && numbers.length === 1 + 2 * numbers[0]!) break
      if (!/^\d{1,15}$/.test(line)) throw new UserError('tar entry: its sparse map is malformed')
      numbers.push(Number(line))
    }
    if (numbers[0]! > extentsMax) throw new UserError(`tar entry: more than ${extentsMax} extents`)
  }
  return { numbers: numbers.slice(1), headBytes }
}

function checked(sizeBytes: number, numbers: readonly number[], storedBytes: number): SparseMap {
  const extents: { offset: number; bytes: number }[] = []
  let end = 0
  let sum = 0
  for (let index = 0; index + 1 < numbers.length; index += 2) {
    const offset = numbers[index]!
    const bytes = numbers[index + 1]!
    const whole = Number.isSafeInteger(offset) && Number.isSafeInteger(bytes)
    if (!whole || offset < end || bytes < 0 || offset + bytes > sizeBytes) {
      throw new UserError('tar entry: its sparse map overlaps itself or leaves the file')
    }
    extents.push({ offset, bytes })
    end = offset + bytes
    sum += bytes
  }
  if (numbers.length % 2 !== 0 || sum !== storedBytes || extents.length > extentsMax) {
    throw new UserError('tar entry: its sparse map does not fit its data')
  }
  return { sizeBytes, storedBytes, extents }
}

export async function* sparsePieces(reader: ByteReader, map: SparseMap): AsyncGenerator<Piece> {
  for (const extent of map.extents) {
    for (let done = 0; done < extent.bytes; ) {
      const bytes = await reader.upTo(extent.bytes - done)
      yield { offset: extent.offset + done, bytes }
      done += bytes.length
    }
  }
}
