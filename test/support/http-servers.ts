// Servers on loopback for a test, and requests to them with the program's own HTTP.

import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo, Server, Socket } from 'node:net'
import { expect } from 'vitest'
import { openHttp } from '../../backends/linux/http.ts'
import type { HttpRequest } from '../../core/image/registry/http.ts'

export const request = (url: string, more: Partial<HttpRequest> = {}): HttpRequest => ({
  method: 'GET',
  url,
  headers: {},
  tls: { verify: true },
  idleTimeoutMs: 10_000,
  ...more,
})
export const send = (url: string, more: Partial<HttpRequest> = {}) =>
  openHttp({}, 'vitrine/test').send(request(url, more))

export async function withServer<T>(
  server: Server,
  use: (address: string) => Promise<T>,
  host = '127.0.0.1',
): Promise<T> {
  await new Promise<void>((resolve) => server.listen(0, host, resolve))
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => sockets.add(socket))
  try {
    return await use(`${host}:${(server.address() as AddressInfo).port}`)
  } finally {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  }
}

export const withHttp = <T>(answer: RequestListener, use: (address: string) => Promise<T>) =>
  withServer(createServer(answer), use)

/** An error that is thrown, and it must be. */
export async function failure(act: Promise<unknown>): Promise<unknown> {
  return await act.then(
    () => expect.unreachable('it did not fail'),
    (error: unknown) => error,
  )
}
