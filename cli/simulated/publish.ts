// Published ports of a simulated machine on this computer too: while `run --publish-real` is in the foreground, or for as long as
// `machine serve` runs.

import { list } from '../../core/engine/list.ts'
import { RefusedError, UserError } from '../../core/errors.ts'
import { refused } from '../../core/kernel.ts'
import type { Attach, Context } from '../context.ts'
import { printError } from '../output.ts'
import { openGateway } from './gateway.ts'
import type { Inputs } from './inputs.ts'
import type { Listener } from './listener.ts'

const [SIGINT, SIGKILL] = [2, 9]

/** Hands connections in; who listens outside is there only when the command is not replayed. */
export interface Publishing {
  readonly inputs: Inputs
  readonly listener?: Listener
}

interface Published {
  readonly port: number
  readonly container: string
}

async function publishedPorts({ host, settings }: Context): Promise<Published[]> {
  const rows = await list(host, settings, { all: false, filters: {} })
  return rows.flatMap(({ name, ports }) =>
    ports.flatMap(({ hostPort, protocol }) =>
      protocol === 'tcp' && hostPort ? [{ port: hostPort, container: name }] : [],
    ),
  )
}

/** Answers whether all could be had. */
async function listen({ listener }: Publishing, ports: readonly Published[], signal: number): Promise<boolean> {
  for (const { port, container } of listener ? ports : []) {
    const refusal = await listener?.open(port)
    printError(refusal ? `listen on 127.0.0.1:${port}: ${refusal}` : `127.0.0.1:${port} is a port of ${container} now`)
    if (refusal === undefined) continue
    listener?.giveUp(signal)
    return false
  }
  return true
}

/** `machine serve`: until it is interrupted. @errors UserError when nothing is published */
export async function serve(context: Context, publishing: Publishing): Promise<number> {
  const { host, attach } = context
  const { kernel } = host
  const ports = await publishedPorts(context)
  if (ports.length === 0)
    throw new UserError('machine serve: no running container publishes a TCP port: run one with -p')
  const closeGateway = openGateway(kernel, publishing.inputs, publishing.listener)
  const made = kernel.call({ name: 'pipe2', pipefd: 8, flags: 0 })
  if (refused(made)) throw new RefusedError('make a pipe', made.errno)
  const [from, to] = new Int32Array(made.data!.slice().buffer) as unknown as [number, number]
  const attached = attach!(kernel, { interactive: false, terminal: false })
  attached.attachment.started?.({
    ...{ id: '', name: '', pid: 0 },
    signal: () => void kernel.call({ name: 'write', fd: to, buf: '.' }),
  })
  try {
    const all = await listen(publishing, ports, SIGINT)
    await kernel.wait({ name: 'read', fd: from, buf: 1 })
    return all ? 0 : 125
  } finally {
    publishing.listener?.close()
    await closeGateway()
    await attached.end()
  }
}

/** The foreground of `run --publish-real`: as that of `run`, with the ports of what has started. */
export function publishingAttach(attach: Attach, context: () => Context, publishing: Publishing): Attach {
  return (kernel, wanted) => {
    const { attachment, end } = attach(kernel, wanted)
    const closeGateway = openGateway(kernel, publishing.inputs, publishing.listener)
    let listening: Promise<unknown> | undefined
    return {
      attachment: {
        ...attachment,
        started: (process_) => {
          attachment.started?.(process_)
          const begin = async () => await listen(publishing, await publishedPorts(context()), SIGKILL)
          listening = begin()
        },
      },
      end: async () => {
        await listening
        publishing.listener?.close()
        await closeGateway()
        await end()
      },
    }
  }
}
