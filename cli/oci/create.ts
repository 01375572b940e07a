// create and start. runc-create(8), runc-start(8).

import { resolve } from 'node:path'
import { UserError } from '../../core/errors.ts'
import { create as createContainer } from '../../core/oci/create.ts'
import type { CreateOptions } from '../../core/oci/prepare.ts'
import { checkId } from '../../core/oci/record.ts'
import { start as startContainer } from '../../core/oci/start.ts'
import { theHost } from './host.ts'
import type { OciContext, OciVerb } from './main.ts'
import type { Flags } from './parse.ts'

/** The one argument of most commands. @errors UserError when there is none, or more */
export function idOf(args: readonly string[]): string {
  const [id, more] = args
  if (id === undefined) throw new UserError('the id of a container is missing')
  if (more !== undefined) throw new UserError(`one container id is wanted: ${more} is too much`)
  return checkId(id)
}

/** What `create` and `run` have in common. @errors UserError for what is not supported */
export function createOptionsOf(
  flags: Flags,
  { systemdCgroup }: OciContext,
): { readonly bundle: string; readonly options: CreateOptions } {
  if (flags.has('no-pivot'))
    throw new UserError('--no-pivot: is not supported: the root filesystem is always entered by pivot_root(2)')
  const consoleSocket = flags.value('console-socket')
  const pidFile = flags.value('pid-file')
  const config = flags.value('config')
  const preserveFds = flags.integer('preserve-fds') ?? 0
  if (preserveFds < 0) throw new UserError(`--preserve-fds=${preserveFds}: must not be negative`)
  return {
    bundle: resolve(flags.value('bundle') ?? '.'),
    options: {
      ...(consoleSocket ? { consoleSocket: resolve(consoleSocket) } : {}),
      ...(pidFile ? { pidFile: resolve(pidFile) } : {}),
      preserveFds,
      ...(config ? { config } : {}),
      ...(flags.has('no-new-keyring') ? { keepsKeyring: true } : {}),
      ...(systemdCgroup && { systemdCgroup }),
    },
  }
}

export const create: OciVerb = async (flags, args, context) => {
  const { bundle, options } = createOptionsOf(flags, context)
  await createContainer(theHost(), context, idOf(args), bundle, options)
  return 0
}

export const start: OciVerb = async (_flags, args, context) => {
  await startContainer(theHost(), context, idOf(args))
  return 0
}
