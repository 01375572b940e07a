// `cleanup`: what the monitor calls when a container has ended and nobody waits for it. Not for users; harmless to them.

import { cleanup as cleanUp } from '../../core/engine/cleanup.ts'
import type { Verb } from '../context.ts'
import { each, needWords } from './each.ts'

export const cleanup: Verb = async (argv, { host, settings }) => {
  needWords(argv, 'container')
  return await each(argv, (container) => cleanUp(host, settings, container))
}
