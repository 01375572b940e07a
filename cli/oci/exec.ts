// exec: a process from a file, or from the command line on top of the container's own. runc-exec(8).

import { resolve } from 'node:path'
import { passSignal } from '../../core/engine/foreground.ts'
import { UserError } from '../../core/errors.ts'
import { readProcess } from '../../core/oci/bundle.ts'
import { exec as execIn } from '../../core/oci/exec.ts'
import { mergeEnv } from '../../core/spec/from-request.ts'
import type { LinuxCapabilities, Process } from '../../core/spec/types.ts'
import { markOf } from '../../core/store/alive.ts'
import { attach } from '../attach.ts'
import { createOptionsOf, idOf } from './create.ts'
import { theHost } from './host.ts'
import type { OciVerb } from './main.ts'
import type { Flags } from './parse.ts'

/** `UID[:GID]`. */
function userOf(text: string): { uid: number; gid?: number } {
  const [, uid, gid] = /^(\d+)(?::(\d+))?$/.exec(text) ?? []
  if (uid === undefined) throw new UserError(`--user=${text}: must be UID or UID:GID, as numbers`)
  return { uid: Number(uid), ...(gid === undefined ? {} : { gid: Number(gid) }) }
}

function withCapabilities(own: LinuxCapabilities | undefined, added: readonly string[]): LinuxCapabilities | undefined {
  if (added.length === 0) return own
  const names = added.map((name) => (name.startsWith('CAP_') ? name : `CAP_${name.toUpperCase()}`))
  const plus = (set: readonly string[] | undefined) => [...new Set([...(set ?? []), ...names])]
  const { bounding, effective, inheritable, permitted, ambient } = own ?? {}
  return {
    bounding: plus(bounding),
    effective: plus(effective),
    permitted: plus(permitted),
    ...(inheritable && { inheritable }),
    ...(ambient && { ambient }),
  }
}

/** The container's own process, with what the command line changes. */
function changed(own: Process, flags: Flags, args: readonly string[]): Process {
  const { consoleSize: _, ...kept } = own
  const user = flags.value('user')
  const gids = flags.values('additional-gids').map(Number)
  const apparmorProfile = flags.value('apparmor')
  const selinuxLabel = flags.value('process-label')
  return {
    ...kept,
    terminal: flags.has('tty'),
    args,
    cwd: flags.value('cwd') ?? own.cwd,
    env: mergeEnv(own.env ?? [], flags.values('env')),
    user: {
      ...own.user,
      ...(user === undefined ? {} : userOf(user)),
      ...(gids.length > 0 ? { additionalGids: [...(own.user.additionalGids ?? []), ...gids] } : {}),
    },
    capabilities: withCapabilities(own.capabilities, flags.values('cap')),
    ...(apparmorProfile === undefined ? {} : { apparmorProfile }),
    ...(selinuxLabel === undefined ? {} : { selinuxLabel }),
    ...(flags.has('no-new-privs') ? { noNewPrivileges: true } : {}),
  }
}

export const exec: OciVerb = async (flags, [id, ...args], context) => {
  const host = theHost()
  const file = flags.value('process')
  if (file === undefined && args.length === 0) throw new UserError('exec: no command: give one after the id')
  const fromFile = file === undefined ? undefined : readProcess(host.kernel, resolve(file))
  const { consoleSocket, pidFile, preserveFds } = createOptionsOf(flags, context).options
  const isTerminal = fromFile?.terminal ?? flags.has('tty')
  const detach = flags.has('detach')
  const ownTerminal = isTerminal && consoleSocket === undefined && !detach
  const attached = attach(host.kernel, { interactive: ownTerminal, terminal: ownTerminal })
  const { attachment } = attached
  try {
    const launched = await execIn(
      host,
      context,
      idOf(id === undefined ? [] : [id]),
      ({ record }) => {
        // A process of the file with a terminal only on --tty, as runc reads them.
        if (fromFile !== undefined) return { ...fromFile, terminal: isTerminal || flags.has('tty') }
        return changed(record.spec.process!, flags, args)
      },
      {
        ...(consoleSocket && { consoleSocket }),
        ...(pidFile && { pidFile }),
        ...(ownTerminal ? { terminal: attachment.terminal! } : {}),
        preserveFds,
        ignoresPause: flags.has('ignore-paused'),
        cgroups: flags.values('cgroup'),
        detach,
      },
    )
    if (detach) {
      launched.close()
      return 0
    }
    const mark = markOf(host.kernel, launched.pid)
    attachment.started?.({ id: id!, name: id!, pid: launched.pid, signal: (signal) => passSignal(host, mark, signal) })
    const { code } = await launched.exited
    launched.cleaned()
    launched.close()
    return code
  } finally {
    await attached.end()
  }
}
