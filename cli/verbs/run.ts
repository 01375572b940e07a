// `run` and `create`.

import { create as createContainer } from '../../core/engine/create.ts'
import { obtainImage, type PullHelp, type Pulling } from '../../core/engine/obtain.ts'
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
  const attached = (context.attach ?? attach)(host.kernel, request)
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
  const ends: (() => void)[] = []
  let { warn } = host
  const help: PullHelp = {
    onTransfer: async () => {
      const progress = (await import('../progress.ts')).showProgress(pulling.quiet)
      ends.push(progress.end)
      // Sentences go above the bars.
      warn = (sentence) => progress.say(`vitrine: warning: ${sentence}`)
      return progress.onTransfer
    },
    chooser: async () => (await import('../choose.ts')).chooser(host.kernel),
    childStarted: (pid) => ends.push(handOn(pid)),
  }
  try {
    const speaking = { ...host, warn: (sentence: string) => warn(sentence) }
    const { id } = await obtainImage(speaking, settings, source.reference, pulling, help)
    return { ...request, source: { ...source, id } }
  } finally {
    for (const end of ends) end()
  }
}

/** Hands signals on to a process that is not of the terminal's; answers what ends that. */
function handOn(pid: number): () => void {
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  const hand = (signal: NodeJS.Signals) => void process.kill(pid, signal)
  for (const signal of signals) process.on(signal, hand)
  return () => {
    for (const signal of signals) process.off(signal, hand)
  }
}
