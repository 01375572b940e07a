// The inside of a container that waits, for hooks: its namespaces, entered by its first process. config.md, "createContainer".

import { CLONE } from '../launch/constants.ts'
import { namespaceFlags } from '../launch/namespaces.ts'
import type { Step } from '../launch/plan.ts'
import type { Spec } from '../spec/types.ts'
import type { HookPlace } from './hooks.ts'

/** @param pid - the container's first process, as the caller counts */
export function insideContainer(spec: Spec, pid: number): HookPlace {
  const types = (spec.linux?.namespaces ?? []).map(({ type }) => type)
  const parent: Step[] = [
    {
      in: 'parent',
      call: { name: 'pidfd_open', pid, flags: 0 },
      why: 'take hold of the container by its first process',
      as: 'container',
    },
  ]
  if (types.includes('pid'))
    parent.push({
      in: 'parent',
      call: { name: 'setns', fd: { from: 'container' }, nstype: CLONE.NEWPID },
      why: "have the hook born in the container's pid namespace",
    })
  const nstype = types.reduce((flags, type) => (type === 'pid' ? flags : flags | namespaceFlags[type]), 0)
  const child: Step[] =
    nstype === 0
      ? []
      : [
          {
            in: 'child',
            call: { name: 'setns', fd: { from: 'container' }, nstype },
            why: "join the container's other namespaces at once",
          },
        ]
  if (types.includes('user'))
    child.push(
      {
        in: 'child',
        call: { name: 'setresgid', rgid: 0, egid: 0, sgid: 0 },
        why: 'become group 0 of the user namespace',
      },
      {
        in: 'child',
        call: { name: 'setresuid', ruid: 0, euid: 0, suid: 0 },
        why: 'become user 0 of the user namespace',
      },
    )
  return { parent, child }
}
