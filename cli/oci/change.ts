// kill, delete, pause and resume. runc-kill(8), runc-delete(8), runc-pause(8).

import { UserError } from '../../core/errors.ts'
import { remove as removeContainer } from '../../core/oci/delete.ts'
import { kill as killContainer } from '../../core/oci/kill.ts'
import { pause as pauseContainer, resume as resumeContainer } from '../../core/oci/pause.ts'
import { list } from '../../core/oci/state.ts'
import { signalNumber } from '../../core/spec/names.ts'
import { idOf } from './create.ts'
import { theHost } from './host.ts'
import type { OciContext, OciVerb } from './main.ts'
import type { Flags } from './parse.ts'

/** The containers that an argument names: one, or with --regex all whose ids match. */
function idsOf(flags: Flags, arg: string | undefined, context: OciContext): string[] {
  if (!flags.has('regex')) return [idOf(arg === undefined ? [] : [arg])]
  let pattern: RegExp
  try {
    pattern = new RegExp(arg ?? '')
  } catch {
    throw new UserError(`--regex: ${arg}: is no regular expression`)
  }
  return list(theHost(), context)
    .map(({ id }) => id)
    .filter((id) => pattern.test(id))
}

export const kill: OciVerb = async (flags, [id, signal = 'SIGTERM', more], context) => {
  if (more !== undefined) throw new UserError(`kill takes an id and a signal: ${more} is too much`)
  const number = signalNumber(signal)
  if (number === undefined) throw new UserError(`kill: ${signal}: no such signal`)
  for (const each of idsOf(flags, id, context)) await killContainer(theHost(), context, each, number, flags.has('all'))
  return 0
}

export const remove: OciVerb = async (flags, [id, more], context) => {
  if (more !== undefined) throw new UserError(`delete takes one id: ${more} is too much`)
  for (const each of idsOf(flags, id, context)) await removeContainer(theHost(), context, each, flags.has('force'))
  return 0
}

export const pause: OciVerb = async (_flags, args, context) => {
  await pauseContainer(theHost(), context, idOf(args))
  return 0
}

export const resume: OciVerb = async (_flags, args, context) => {
  await resumeContainer(theHost(), context, idOf(args))
  return 0
}
