// run: create, start, wait for the end, delete. runc-run(8).

import { passSignal } from '../../core/engine/foreground.ts'
import { readBundle } from '../../core/oci/bundle.ts'
import { createAnd } from '../../core/oci/create.ts'
import { remove } from '../../core/oci/delete.ts'
import { afterStart, release } from '../../core/oci/start.ts'
import { attach } from '../attach.ts'
import { createOptionsOf, idOf } from './create.ts'
import { theHost } from './host.ts'
import type { OciVerb } from './main.ts'

export const run: OciVerb = async (flags, args, context) => {
  const host = theHost()
  const id = idOf(args)
  const { bundle, options } = createOptionsOf(flags, context)
  if (flags.has('detach')) {
    const container = await createAnd(host, context, id, bundle, options, async (made, launched) => {
      const started = await release(host, made, launched)
      launched.park()
      launched.close()
      return started
    })
    await afterStart(host, container)
    return 0
  }
  const wantsTerminal = readBundle(host.kernel, bundle, options.config).spec.process?.terminal === true
  const ownTerminal = wantsTerminal && options.consoleSocket === undefined
  const attached = attach(host.kernel, { interactive: ownTerminal, terminal: ownTerminal })
  const { attachment } = attached
  try {
    const given = { ...options, ...(ownTerminal ? { terminal: attachment.terminal! } : {}) }
    const launched = await createAnd(host, context, id, bundle, given, async (made, child) => {
      const started = await release(host, made, child)
      const { process } = started.state!
      attachment.started?.({ id, name: id, pid: process.pid, signal: (signal) => passSignal(host, process, signal) })
      await afterStart(host, started)
      return child
    })
    const { code } = await launched.exited
    launched.close()
    if (!flags.has('keep')) await remove(host, context, id, false)
    return code
  } finally {
    await attached.end()
  }
}
