// `run` and `create`.

import { create as createContainer } from '../../core/engine/create.ts'
import { obtainImage, type Pulling } from '../../core/engine/obtain.ts'
import { dryRun, run as runContainer } from '../../core/engine/run.ts'
import type { ContainerRequest } from '../../core/spec/request.ts'
import { attach } from '../attach.ts'
import type { Context, Verb } from '../context.ts'
import { readRun } from '../flags/run.ts'
import { print, printLine } from '../output.ts'

export const run: Verb = async (argv, context) => {
  const words = readRun('run', argv, context.surroundings)
  if (words.help) return await (await import('../help.ts')).showHelp('run')
  const { host, settings } = context
  if (words.dryRun) {
    print((await import('../../core/launch/print.ts')).printPlan(await dryRun(host, settings, words.request)))
    return 0
  }
  const request = await withImage(context, words)
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
  const { id } = await createContainer(context.host, context.settings, await withImage(context, words))
  printLine(id)
  return 0
}

/** The request with its image, which may have to be pulled. */
async function withImage(
  { host, settings }: Context,
  { request, pulling }: { readonly request: ContainerRequest; readonly pulling: Pulling },
): Promise<ContainerRequest> {
  const { source } = request
  if (source.kind !== 'image') return request
  let end = () => {}
  try {
    const { id } = await obtainImage(host, settings, source.reference, pulling, async () => {
      const progress = (await import('../progress.ts')).showProgress(pulling.quiet)
      end = progress.end
      return progress.onTransfer
    })
    return { ...request, source: { ...source, id } }
  } finally {
    end()
  }
}
