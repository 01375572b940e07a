// Labels of SELinux: of the program, and of the files that mounts show. selinux(8); mount(8), "context".

import { UserError } from '../errors.ts'
import type { Process, Spec } from '../spec/types.ts'
import { O } from './constants.ts'
import type { LaunchFacts } from './facts.ts'
import { from, openHost, type PlanWriter } from './writer.ts'

/** Where selinuxfs is when the kernel has SELinux, and it is on. */
export const selinuxFile = '/sys/fs/selinux/enforce'

function refuseWithout({ selinux }: LaunchFacts, field: string, label: string): void {
  if (selinux) return
  throw new UserError(
    `${field}: ${label}: this kernel has no SELinux, or it is switched off (there is no ${selinuxFile}); leave it out`,
  )
}

/** @errors UserError for labels where nothing would come of them: nobody should think to be confined */
export function checkLabels(
  process: Pick<Process, 'selinuxLabel'>,
  linux: Pick<NonNullable<Spec['linux']>, 'mountLabel'> | undefined,
  facts: LaunchFacts,
): void {
  if (process.selinuxLabel) refuseWithout(facts, 'process.selinuxLabel', process.selinuxLabel)
  if (linux?.mountLabel) refuseWithout(facts, 'linux.mountLabel', linux.mountLabel)
}

/** The label that the program will have from its execve on; through the host's /proc, which no image can stand in for. */
export function planProcessLabel(writer: PlanWriter, label: string | undefined): void {
  if (!label) return
  const as = 'label'
  writer.child(openHost('/proc/self/attr/exec', O.WRONLY), 'open what SELinux will label the program with', { as })
  writer.child({ name: 'write', fd: from(as), buf: label }, `have the program labelled ${label} (SELinux)`)
}

/** A mount's options with its label: quoted, since a label may have commas. @returns null for none */
export function labelled(data: string | null, label: string | undefined): string | null {
  if (!label) return data
  const context = `context="${label}"`
  return data ? `${data},${context}` : context
}
