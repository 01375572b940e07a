// `exec`.

import { dryRunExec, exec as execIn } from '../../core/engine/exec.ts'
import { attach } from '../attach.ts'
import type { Verb } from '../context.ts'
import { readExec } from '../flags/run.ts'
import { print } from '../output.ts'

export const exec: Verb = async (argv, context) => {
  const words = readExec(argv, context.surroundings)
  if (words.help) return await (await import('../help.ts')).showHelp('exec')
  const { host, settings } = context
  const { request } = words
  if (words.dryRun) {
    print(
      (await import('../../core/launch/print.ts')).printPlan(
        await dryRunExec(host, settings, request.container, request),
      ),
    )
    return 0
  }
  if (request.detach) {
    await execIn(host, settings, request.container, request)
    return 0
  }
  const attached = (context.attach ?? attach)(host.kernel, request)
  try {
    const started = await execIn(host, settings, request.container, request, attached.attachment)
    return (await started.exitCode) ?? 0
  } finally {
    await attached.end()
  }
}
