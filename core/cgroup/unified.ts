// The steps that make a container's cgroup on cgroup v2.

import { AT_FDCWD, O } from '../files.ts'
import type { Step } from '../launch/plan.ts'
import type { LinuxResources } from '../spec/types.ts'
import { type CgroupHost, whereIs } from './detect.ts'
import { BPF, deviceProgram } from './device-bpf.ts'
import { deviceRules } from './devices.ts'
import { ancestors, directoryIn } from './paths.ts'
import type { CgroupOptions } from './plan.ts'
import { closed, makeBelow, makeParent, mkdir, openFile, rmdir } from './steps.ts'
import { type FileWrite, writeSteps } from './write.ts'

/** The label of the cgroup2 directory that the child is born into. */
export const unifiedLabel = 'cgroup'

/** Enabled wherever they are there, since `stats` reads them; others only when a limit asks for them. */
const usualControllers = ['cpu', 'io', 'memory', 'pids']

export function createUnified(
  path: string,
  resources: LinuxResources,
  writes: readonly FileWrite[],
  host: CgroupHost,
  { owner, isThere }: CgroupOptions,
): Step[] {
  const { mountPoint, controllers } = host.unified!
  const directory = directoryIn(mountPoint, path)
  const onUnified = ({ controller }: FileWrite) => controller === 'cgroup' || whereIs(host, controller) === 'unified'
  const own = writes.filter(onUnified)
  const needed = controllers.filter(
    (controller) => usualControllers.includes(controller) || own.some((write) => write.controller === controller),
  )
  const rules = host.hierarchies.some((each) => each.controllers.includes('devices'))
    ? []
    : deviceRules(resources.devices)
  const make: Step = {
    in: 'parent',
    call: mkdir(directory),
    why: "make the container's cgroup",
    as: 'made',
    undo: rmdir(directory),
  }
  return [
    ...(isThere ? enableUnknown(directory, needed) : enableForChildren(mountPoint, path, needed, make)),
    openUnified(directory),
    ...own.flatMap((write) => writeSteps(write, { from: unifiedLabel })),
    ...(rules.length === 0 ? [] : deviceSteps(deviceProgram(rules))),
    ...(owner === undefined ? [] : delegate(owner)),
  ]
}

export function openUnified(directory: string): Step {
  return {
    in: 'parent',
    call: {
      name: 'openat',
      dirfd: AT_FDCWD,
      pathname: directory,
      flags: O.RDONLY | O.DIRECTORY | O.CLOEXEC,
      mode: 0,
    },
    why: 'reach the cgroup into which the container is born',
    as: unifiedLabel,
  }
}

/**
 * Enables the controllers in the ancestors, from the root down (a controller can be enabled only where the parent has it
 * enabled), and makes the cgroup. No process is ever put into an ancestor, since one with processes can enable nothing.
 * As a rule the parent is there and has all enabled; it may also be missing, or go at any moment with its last child.
 */
function enableForChildren(mountPoint: string, path: string, needed: readonly string[], make: Step): Step[] {
  const above = ['', ...ancestors(path)].map((each) => directoryIn(mountPoint, each))
  const parent = above.at(-1)!
  if (needed.length === 0) return [makeBelow(make, () => above.slice(1).map(makeParent))]
  const line = needed.map((controller) => `+${controller}`).join(' ')
  const why = (directory: string) => `enable ${needed.join(', ')} below ${directory}`
  // what is not ours may refuse; whether it matters is told by the last write, to the parent
  const enableAbove = above.slice(0, -1).flatMap((directory, index): Step[] => [
    ...(index === 0 ? [] : [makeParent(directory)]),
    {
      in: 'parent',
      call: openFile(`${directory}/cgroup.subtree_control`),
      why: why(directory),
      as: `enable:${index}`,
      tolerate: ['EACCES', 'EPERM', 'EROFS'],
      and: [
        {
          in: 'parent',
          call: { name: 'write', fd: { from: `enable:${index}` }, buf: line },
          why: why(directory),
          tolerate: ['EACCES', 'EPERM', 'EBUSY', 'ENOENT'],
        },
        closed(`enable:${index}`),
      ],
    },
  ])
  const makeAbove = above.length === 1 ? [] : [...enableAbove, makeParent(parent)]
  const open: Step = {
    in: 'parent',
    call: openFile(`${parent}/cgroup.subtree_control`),
    why: `reach the controllers of ${parent}`,
    as: 'parent',
  }
  const enable: Step = {
    in: 'parent',
    call: { name: 'write', fd: { from: 'parent' }, buf: line },
    why: `${why(parent)}, which must have no processes of its own`,
  }
  if (above.length === 1) return [open, enable, closed('parent'), make]
  return [
    { ...open, tolerate: ['ENOENT'], otherwise: [...makeAbove, open] },
    // ENOENT: not enabled above; ENODEV: the parent is just gone, and the next step sees it
    { ...enable, tolerate: ['ENOENT', 'ENODEV'], otherwise: [...enableAbove, { ...enable, tolerate: ['ENODEV'] }] },
    closed('parent'),
    { ...make, tolerate: ['ENOENT'], otherwise: [...makeAbove, open, enable, closed('parent'), make] },
  ]
}

/** Controllers for a cgroup that systemd has made, which it does not know; the others it has enabled as far as it may. */
function enableUnknown(directory: string, needed: readonly string[]): Step[] {
  const unknown = needed.filter((controller) => ![...usualControllers, 'cpuset'].includes(controller))
  if (unknown.length === 0) return []
  const pathname = `${directory.slice(0, directory.lastIndexOf('/'))}/cgroup.subtree_control`
  const why = `enable ${unknown.join(', ')} for the scope`
  const line = unknown.map((controller) => `+${controller}`).join(' ')
  return [
    { in: 'parent', call: openFile(pathname), why, as: 'parent' },
    { in: 'parent', call: { name: 'write', fd: { from: 'parent' }, buf: line }, why },
    closed('parent'),
  ]
}

/** The program judges every use of a device by the members of the cgroup. bpf(2). */
function deviceSteps(insns: Uint8Array): Step[] {
  const label = 'device program'
  return [
    {
      in: 'parent',
      call: {
        name: 'bpf',
        cmd: BPF.PROG_LOAD,
        attr: { prog_type: BPF.PROG_TYPE_CGROUP_DEVICE, insns, license: 'Apache-2.0', prog_name: 'devices' },
      },
      why: 'load the device rules',
      as: label,
    },
    {
      in: 'parent',
      call: {
        name: 'bpf',
        cmd: BPF.PROG_ATTACH,
        attr: {
          target_fd: { from: unifiedLabel },
          attach_bpf_fd: { from: label },
          attach_type: BPF.CGROUP_DEVICE,
          attach_flags: BPF.F_ALLOW_MULTI,
        },
      },
      why: 'let the device rules hold in the cgroup',
    },
    closed(label),
  ]
}

/** Gives the cgroup to the container's root. cgroup-v2.rst "Delegation"; config-linux.md "cgroup ownership". */
function delegate({ uid, gid }: { readonly uid: number; readonly gid: number }): Step[] {
  return ['.', 'cgroup.procs', 'cgroup.subtree_control', 'cgroup.threads'].map((pathname) => ({
    in: 'parent',
    call: { name: 'fchownat', dirfd: { from: unifiedLabel }, pathname, owner: uid, group: gid, flags: 0 },
    why: "let the container's root make cgroups of its own",
  }))
}
