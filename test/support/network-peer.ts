// A process in a network namespace of its own that answers at TCP and UDP port 80 and calls others when told so on its input.

import { type ChildProcess, spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { connect, createServer } from 'node:net'
import { createInterface } from 'node:readline'

export interface Call {
  readonly host: string
  readonly port: number
  readonly udp?: boolean
}

/** What the other side said: `NAME sees ADDRESS`, or an errno name, or `timeout`. */
export function call({ host, port, udp = false }: Call, timeoutMs = 3000): Promise<string> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve('timeout'), timeoutMs)
    const answer = (text: string) => {
      clearTimeout(timer)
      resolve(text)
    }
    const failed = (error: NodeJS.ErrnoException) => answer(error.code ?? error.message)
    if (udp) {
      const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4')
      socket.on('error', failed)
      socket.on('message', (data) => {
        socket.close()
        answer(String(data))
      })
      socket.send('hello', port, host)
      return
    }
    const socket = connect({ host, port })
    socket.setTimeout(timeoutMs, () => socket.destroy())
    socket.on('error', failed)
    socket.on('data', (data) => {
      socket.destroy()
      answer(String(data))
    })
  })
}

/** Answers at a port, TCP and UDP, IPv4 and IPv6, with its name and the caller's address. */
export async function serve(name: string, port: number): Promise<() => void> {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.end(`${name} sees ${socket.remoteAddress?.replace('::ffff:', '')}`)
  })
  const sockets = [createSocket('udp4'), createSocket({ type: 'udp6', ipv6Only: true })]
  for (const socket of sockets) {
    socket.on('message', (_, from) => socket.send(`${name} sees ${from.address}`, from.port, from.address))
    await new Promise<void>((resolve) => socket.bind(port, resolve))
  }
  await new Promise<void>((resolve) => server.listen(port, '::', resolve))
  return () => {
    server.close()
    for (const socket of sockets) socket.close()
  }
}

export interface Peer {
  readonly pid: number
  readonly call: (call: Call) => Promise<string>
  readonly end: () => Promise<void>
}

/** Starts such a process; it answers when the promise settles. */
export async function startPeer(name: string): Promise<Peer> {
  const child: ChildProcess = spawn('unshare', ['-n', process.execPath, import.meta.filename, name], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]()
  const ended = new Promise<void>((resolve) => child.on('exit', () => resolve()))
  await lines.next()
  return {
    pid: child.pid!,
    call: async (wanted) => {
      child.stdin!.write(`${JSON.stringify(wanted)}\n`)
      return (await lines.next()).value ?? 'gone'
    },
    end: async () => {
      child.kill('SIGKILL')
      await ended
    },
  }
}

if (import.meta.main) {
  await serve(process.argv[2]!, 80)
  console.log('ready')
  for await (const line of createInterface({ input: process.stdin })) console.log(await call(JSON.parse(line)))
  process.exit(0)
}
