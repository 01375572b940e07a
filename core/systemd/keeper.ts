// The scope of a container of the engine, which stays until the engine stops it: the container's cgroup is below it, and so is a
// process that keeps it. systemd removes a scope, with all that its files tell, at the moment when its last process ends;
// whether the kernel has killed for want of memory is looked up only after that.

import type { Host } from '../engine/host.ts'
import { plainSignals } from '../engine/program.ts'
import { UserError } from '../errors.ts'
import { AT_FDCWD, O } from '../files.ts'
import type { Launched } from '../kernel.ts'
import { type LaunchPlan, startFd } from '../launch/plan.ts'
import type { LinuxResources } from '../spec/types.ts'
import type { Manager } from './manager.ts'
import { withManager, withScope } from './scope.ts'
import type { Scope } from './unit.ts'

const CLONE_INTO_CGROUP = 0x200000000
const SIGCHLD = 17
const anyFd = 0xffffffff

/** Names of the two cgroups in the scope: one with processes of its own can enable no controllers. */
export const containerCgroup = 'container'
const keeperCgroup = 'keeper'

/** @param directory - of the scope's cgroup */
function keeperPlan(directory: string): LaunchPlan {
  const pathname = `${directory}/${keeperCgroup}`
  return {
    program: 'the process that keeps a scope',
    steps: [
      {
        in: 'parent',
        call: { name: 'mkdirat', dirfd: AT_FDCWD, pathname, mode: 0o755 },
        why: 'make a cgroup for the process that keeps the scope',
      },
      {
        in: 'parent',
        call: { name: 'openat', dirfd: AT_FDCWD, pathname, flags: O.RDONLY | O.DIRECTORY | O.CLOEXEC, mode: 0 },
        why: 'reach it',
        as: 'cgroup',
      },
      {
        in: 'parent',
        call: {
          name: 'clone3',
          cl_args: { flags: CLONE_INTO_CGROUP, exit_signal: SIGCHLD, cgroup: { from: 'cgroup' } },
        },
        why: 'start the process there',
      },
      {
        in: 'child',
        call: { name: 'read', fd: startFd, buf: 1 },
        why: 'wait until the container is there',
        waits: true,
        as: 'there',
      },
      { in: 'child', call: { name: 'setsid' }, why: "be reached by no terminal's signals" },
      ...plainSignals,
      {
        in: 'child',
        call: { name: 'close_range', first: 0, last: anyFd, flags: 0 },
        why: 'hold nothing of the caller',
      },
      {
        in: 'child',
        call: { name: 'ppoll', fds: [], tmo_p: null, sigmask: 0, sigsetsize: 8 },
        why: 'stay until systemd stops the scope',
      },
    ],
  }
}

/** The limits of the scope: the keeper counts, too. */
export function limitsWithKeeper(resources: LinuxResources): LinuxResources {
  const limit = resources.pids?.limit ?? 0
  return limit > 0 ? { ...resources, pids: { limit: limit + 1 } } : resources
}

function startKeeper({ kernel }: Host, directory: string): Launched {
  const launched = kernel.launch(keeperPlan(directory))
  if ('step' in launched) throw new UserError(launched.message)
  return launched
}

/**
 * Launches a container below a scope that systemd makes for it, and that stays.
 *
 * @param directory - of the scope's cgroup
 * @errors UserError when systemd does not make the scope, and what `launch` throws; the scope is gone then
 */
export async function launchInKeptScope(
  host: Host,
  scope: Scope,
  given: { readonly description: string; readonly resources: LinuxResources; readonly directory: string },
  launch: () => Launched,
): Promise<Launched> {
  return await withManager(host, async (manager: Manager) => {
    const resources = limitsWithKeeper(given.resources)
    const made = { description: given.description, resources, more: [] }
    try {
      const keeper = await withScope(host, manager, scope, made, () => startKeeper(host, given.directory))
      try {
        return launch()
      } finally {
        keeper.release()
        keeper.park()
        keeper.close()
      }
    } catch (error) {
      await manager.stop(scope.unit)
      throw error
    }
  })
}
