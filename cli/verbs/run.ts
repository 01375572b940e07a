// `run` and `create`.

import { create as createContainer } from '../../core/engine/create.ts'
import { dryRun, run as runContainer } from '../../core/engine/run.ts'
import { attach } from '../attach.ts'
import type { Verb } from '../context.ts'
import { readRun } from '../flags/run.ts'
import { print, printLine } from '../output.ts'

export const run: Verb = async (argv, context) => {
  const words = readRun('run', argv, context.surroundings)
  if (words.help) return await (await import('../help.ts')).showHelp('run')
  const { host, settings } = context
  const { request } = words
  if (words.dryRun) {
    print((await import('../../core/launch/print.ts')).printPlan(await dryRun(host, settings, request)))
    return 0
  }
  if (request.detach) {
    const { id } = await runContainer(host, settings, request)
    printLine(id)
    return 0
  }
  const attached = attach(host.kernel, request)
  try {
    const started = await runContainer(host, settings, request, attached.attachment)
    return (await started.exitCode) ?? 0
  } finally {
    await attached.end()
  }
}

export const create: Verb = async (argv, context) => {
  const words = readRun('create', argv, context.surroundings)
  if (words.help) return await (await import('../help.ts')).showHelp('create')
  if (words.dryRun) {
    print(
      (await import('../../core/launch/print.ts')).printPlan(
        await dryRun(context.host, context.settings, words.request),
      ),
    )
    return 0
  }
  const { id } = await createContainer(context.host, context.settings, words.request)
  printLine(id)
  return 0
}
