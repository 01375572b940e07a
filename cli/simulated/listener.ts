// Ports of this computer's loopback whose connections go into a simulated machine.

import { createServer, type Server, type Socket } from 'node:net'
import type { Outward } from './gateway.ts'
import type { LiveInputs } from './inputs.ts'

export interface Listener extends Outward {
  /** Undefined when it is open, or why it may not be had. */
  readonly open: (port: number) => Promise<string | undefined>
  /** The command ends as by this signal, now and whenever it is replayed. */
  readonly giveUp: (signal: number) => void
  /** Breaks off what is connected. */
  readonly close: () => void
}

const address = '127.0.0.1'
const reasons: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program has it',
  EACCES: 'only an administrator may listen there',
}

export function openListener(inputs: LiveInputs): Listener {
  const servers: Server[] = []
  const sockets = new Map<number, Socket>()
  let count = 0
  const accept = (port: number) => (socket: Socket) => {
    count += 1
    const connection = count
    sockets.set(connection, socket)
    inputs.arrive({ kind: 'connected', connection, port })
    socket.on('data', (chunk: Buffer) =>
      inputs.arrive({ kind: 'received', connection, base64: chunk.toString('base64') }),
    )
    socket.on('end', () => inputs.arrive({ kind: 'finished', connection }))
    // The end is told by `close`, which follows.
    socket.on('error', () => {})
    socket.on('close', () => {
      sockets.delete(connection)
      inputs.arrive({ kind: 'gone', connection })
    })
  }
  return {
    open: async (port) => {
      const server = createServer({ allowHalfOpen: true }, accept(port))
      servers.push(server)
      return await new Promise((resolve) => {
        server.once('error', ({ code, message }: NodeJS.ErrnoException) => resolve(reasons[code ?? ''] ?? message))
        server.listen({ port, host: address }, () => resolve(undefined))
      })
    },
    giveUp: (signal) => inputs.arrive({ kind: 'signal', signal }),
    close: () => {
      for (const server of servers) server.close()
      for (const socket of sockets.values()) socket.destroy()
    },
    send: (connection, bytes) => void sockets.get(connection)?.write(bytes),
    finish: (connection) => void sockets.get(connection)?.end(),
    drop: (connection) => void sockets.get(connection)?.destroy(),
  }
}
