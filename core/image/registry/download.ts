// One blob, over as many connections as it takes, checked while it comes. OCI distribution spec, "Pulling blobs"; RFC 9110
// section 14 for ranges.

import { printable } from '../../printable.ts'
import type { Hash } from '../archive.ts'
import { digestHex } from '../reference.ts'
import type { BlobRequest } from './client.ts'
import { type Answer, discard } from './exchange.ts'
import { RegistryError } from './failure.ts'
import { HttpFailure } from './http.ts'
import type { Session } from './session.ts'

/** So many other places are asked for a foreign layer. */
const mostPlaces = 8
/** What must have come before a broken connection counts as the first one again. */
const progressBytes = 65536

/**
 * The bytes of a blob. The last piece is given only when size and digest are right.
 *
 * @errors RegistryError `DIGEST_INVALID` for other content, or as the registry refuses, or when connections keep breaking
 */
export async function* download(session: Session, request: BlobRequest): AsyncGenerator<Uint8Array> {
  const { digest, sizeBytes } = request
  const tried = `pull ${session.name}@${digest}`
  const hex = digestHex(digest, tried)
  const invalid = (why: string) => new RegistryError(`${tried}: it is damaged: ${why}`, 0, 'DIGEST_INVALID')
  const hash: Hash = (await session.archive()).sha256()
  const patience = session.patience()
  const elsewhere = (request.urls ?? []).filter(isWebAddress).slice(0, mostPlaces)
  const sources = [`${session.path}/blobs/${digest}`, ...elsewhere]
  let held: Uint8Array | undefined
  let receivedBytes = 0
  let countedBytes = 0
  while (receivedBytes < sizeBytes) {
    try {
      const answer = await open(session, sources, receivedBytes, tried)
      if (![200, 206].includes(answer.status)) {
        if (await patience.againAfter(answer)) {
          await discard(answer)
          continue
        }
        throw await session.refused(answer, tried)
      }
      for await (const part of from(answer, receivedBytes, sizeBytes, tried)) {
        receivedBytes += part.length
        if (receivedBytes > sizeBytes) throw invalid(`it is longer than ${sizeBytes} bytes`)
        hash.update(part)
        if (held) yield held
        held = part
      }
      if (receivedBytes < sizeBytes) throw new HttpFailure('the connection ended too early', 'ECONNRESET', true)
    } catch (error) {
      if (receivedBytes - countedBytes >= progressBytes) patience.progress()
      countedBytes = receivedBytes
      if (!(await patience.againAfterFailure(error))) throw session.described(error, tried)
    }
  }
  const found = hash.hex()
  if (found !== hex) throw invalid(`its digest is sha256:${found}`)
  if (held) yield held
}

const isWebAddress = (url: string): boolean => /^https?:\/\//i.test(url) && URL.canParse(url)

// Goes on to where else the blob may be, once a place does not have it or does not give it.
async function open(session: Session, sources: string[], fromBytes: number, tried: string): Promise<Answer> {
  for (;;) {
    const headers: Record<string, string> = fromBytes === 0 ? {} : { range: `bytes=${fromBytes}-` }
    const answer = await session.attempt({ method: 'GET', target: sources[0]!, headers, scopes: session.pull, tried })
    if (![401, 403, 404].includes(answer.status) || sources.length === 1) return answer
    await discard(answer)
    sources.shift()
  }
}

/** The body from an offset on, whether or not the server can begin there. */
async function* from(
  answer: Answer,
  offsetBytes: number,
  sizeBytes: number,
  tried: string,
): AsyncGenerator<Uint8Array> {
  let skipBytes = offsetBytes
  try {
    if (answer.status === 206) {
      const [, start, total] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(answer.header('content-range') ?? '') ?? []
      if (Number(start) !== offsetBytes || (total !== '*' && Number(total) !== sizeBytes)) {
        const range = printable(answer.header('content-range') ?? 'nothing')
        throw new RegistryError(
          `${tried}: asked for the bytes from ${offsetBytes} of ${sizeBytes} on, it sends ${range}`,
          206,
          'RANGE_INVALID',
        )
      }
      skipBytes = 0
    }
    for await (const part of answer.body) {
      const taken = part.subarray(Math.min(skipBytes, part.length))
      skipBytes -= part.length - taken.length
      if (taken.length > 0) yield taken
    }
  } finally {
    answer.close()
  }
}
