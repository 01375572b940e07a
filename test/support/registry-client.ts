// Clients of registries for tests: the real capabilities, or all of them at hand.

import { createHash, randomBytes } from 'node:crypto'
import { openArchive } from '../../backends/linux/archive.ts'
import { openHttp } from '../../backends/linux/http.ts'
import { openRegistry, type RegistryClient, type RegistryDeps } from '../../core/image/registry/client.ts'
import type { Endpoint } from '../../core/image/registry/endpoint.ts'

/** What a client is handed in, on this machine; waits are short, as nobody else is spared by them. */
export function realDeps(more: Partial<RegistryDeps> = {}): RegistryDeps {
  const http = openHttp({}, 'vitrine/test')
  return {
    http: async () => http,
    archive: async () => openArchive(),
    sleep: () => new Promise((resolve) => setTimeout(resolve, 10)),
    now: () => Date.now(),
    randomBytes: (count) => randomBytes(count),
    warn: () => {},
    ...more,
  }
}

/** An endpoint of a registry on loopback that speaks what it may: `127.0.0.1:PORT`. */
export function loopbackEndpoint(address: string, repository: string, more: Partial<Endpoint> = {}): Endpoint {
  return {
    url: `https://${address}`,
    registry: address,
    repository,
    tls: { verify: false },
    mirror: false,
    insecure: true,
    ...more,
  }
}

export function realClient(address: string, repository: string, more: Partial<Endpoint> = {}): RegistryClient {
  return openRegistry(realDeps(), loopbackEndpoint(address, repository, more))
}

export function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}

/** A blob to push from memory, in pieces; notes the offsets at which it was opened. */
export function blobOf(bytes: Uint8Array, pieceBytes = 65536) {
  const opened: number[] = []
  return {
    bytes,
    opened,
    digest: digestOf(bytes),
    sizeBytes: bytes.length,
    async *open(offsetBytes: number) {
      opened.push(offsetBytes)
      for (let at = offsetBytes; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes)
    },
  }
}

export async function collected(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = []
  for await (const part of stream) parts.push(part)
  return Buffer.concat(parts)
}
