// The scope of a container: made for a process that holds its place, since systemd makes none without processes, and left to the
// container, which is born into it.

import { detectCgroups, ownCgroups } from '../cgroup/detect.ts'
import type { CgroupPaths } from '../cgroup/paths.ts'
import type { Host } from '../engine/host.ts'
import { UserError } from '../errors.ts'
import { must, stat } from '../files.ts'
import type { Launched } from '../kernel.ts'
import { type LaunchPlan, startFd } from '../launch/plan.ts'
import type { LinuxResources } from '../spec/types.ts'
import { isUsersManager, Manager } from './manager.ts'
import { flag, type Property, propertiesOf, text } from './properties.ts'
import type { Scope } from './unit.ts'

const SIGCHLD = 17

const holder: LaunchPlan = {
  program: 'the process that holds a place in a scope',
  steps: [
    {
      in: 'parent',
      call: { name: 'clone3', cl_args: { flags: 0, exit_signal: SIGCHLD } },
      why: 'start a process for which systemd makes the scope',
    },
    {
      in: 'child',
      call: { name: 'read', fd: startFd, buf: 1 },
      why: 'wait until the container is there',
      waits: true,
      as: 'there',
    },
    { in: 'child', call: { name: 'exit_group', status: 0 }, why: 'leave the scope to the container' },
  ],
}

async function end(launched: Launched): Promise<void> {
  launched.release()
  await launched.exited
  launched.cleaned()
  launched.close()
}

/** @errors UserError on another host than one of cgroup v2 alone */
export function refuseOldCgroups({ kernel }: Pick<Host, 'kernel'>): void {
  const { mode } = detectCgroups(kernel)
  if (mode !== 'v2')
    throw new UserError(`cgroups by systemd need cgroup v2, and this host has ${mode}: use cgroups by cgroupfs`)
}

/**
 * Puts this very process below the user's manager, where it is not: a session of a login has its scope elsewhere, and from
 * there nobody but root may start a process in a cgroup of the manager's. cgroup-v2.rst, "Delegation Containment"
 */
async function enterBelow(host: Host, manager: Manager): Promise<void> {
  const { kernel } = host
  const own = ownCgroups(kernel).get('') ?? ''
  if (own.startsWith(`${manager.controlGroup.replace(/\/$/, '')}/`)) return
  const pid = must(kernel.call({ name: 'getpid' }), 'getpid').value
  const scope = { unit: `vitrine-run-${pid}.scope`, slice: 'user.slice' }
  await manager.startTransient(scope.unit, ownProperties(scope, 'vitrine and its monitors', pid))
}

/** What a scope is given beside its limits. org.freedesktop.systemd1(5), systemd.scope(5) */
function ownProperties({ slice }: Scope, description: string, pid: number): Property[] {
  return [
    text('Description', description),
    text('Slice', slice),
    ['PIDs', { signature: 'au', value: [pid] }],
    // Its files are ours to write, and cgroups below the container's to make.
    flag('Delegate', true),
    // It has nothing to do with the targets of a boot or its end.
    flag('DefaultDependencies', false),
    // Nothing of it is kept after its end.
    text('CollectMode', 'inactive-or-failed'),
    ...['Memory', 'CPU', 'IO', 'Tasks'].map((what) => flag(`${what}Accounting`, true)),
  ]
}

/** Limits while the holder is there: it counts, too, and a limit of one would leave nothing for the container. */
export function limitsWhileHeld(resources: LinuxResources): LinuxResources {
  return resources.pids?.limit === 1 ? { ...resources, pids: { limit: 2 } } : resources
}

/** Limits of a new scope. Rules for devices are the host's root's to lay down; a user's containers have none. */
export function limitsOf(host: Pick<Host, 'kernel' | 'environment'>, resources: LinuxResources): LinuxResources {
  const { devices, ...limits } = limitsWhileHeld(resources)
  return devices === undefined || isUsersManager(host) ? limits : { ...limits, devices }
}

/**
 * Has systemd make a scope, and lets `act` put processes into it before its holder leaves it. A scope without processes goes by
 * itself.
 *
 * @errors UserError when systemd does not make it; it is gone then
 */
export async function withScope<T>(
  host: Host,
  manager: Manager,
  scope: Scope,
  given: { readonly description: string; readonly resources: LinuxResources; readonly more: readonly Property[] },
  act: () => T | Promise<T>,
): Promise<T> {
  if (isUsersManager(host)) await enterBelow(host, manager)
  const launched = host.kernel.launch(holder)
  if ('step' in launched) throw new UserError(`have systemd make ${scope.unit}: ${launched.message}`)
  try {
    const own = ownProperties(scope, given.description, launched.pid)
    await manager.startTransient(scope.unit, [...own, ...propertiesOf(limitsWhileHeld(given.resources)), ...given.more])
    return await act()
  } finally {
    await end(launched)
  }
}

/**
 * Launches a container into a scope that systemd makes for it.
 *
 * @errors UserError when systemd does not make the scope, and what `launch` throws; the scope is gone then
 */
export async function launchInScope(
  host: Host,
  scope: Scope,
  given: Parameters<typeof withScope>[3] & { readonly paths: CgroupPaths },
  launch: () => Launched,
): Promise<Launched> {
  const launched = await withManager(host, (manager) => withScope(host, manager, scope, given, launch))
  try {
    const { pids } = given.resources
    if (pids?.limit === 1) await (await import('./update.ts')).updateScope(host, scope.unit, given.paths, { pids })
    return launched
  } catch (error) {
    launched.close()
    throw error
  }
}

/** Does something with the manager and lets go of it. @errors UserError when no systemd answers */
export async function withManager<T>(host: Host, act: (manager: Manager) => Promise<T>): Promise<T> {
  const manager = await Manager.open(host)
  try {
    return await act(manager)
  } finally {
    manager.close()
  }
}

/** Before a process is started in a scope that is there. @errors UserError when no systemd answers */
export async function enterUsersManager(host: Host): Promise<void> {
  if (isUsersManager(host)) await withManager(host, (manager) => enterBelow(host, manager))
}

/** Stops a container's scope, which has no processes any more. Nothing is to be done where no systemd runs. */
export async function stopScope(host: Host, unit: string): Promise<void> {
  if (!runsSystemd(host)) return
  await withManager(host, (manager) => manager.stop(unit))
}

/** Whether systemd is the host's init. sd_booted(3) */
export const runsSystemd = ({ kernel }: Pick<Host, 'kernel'>): boolean =>
  stat(kernel, '/run/systemd/system') !== undefined
