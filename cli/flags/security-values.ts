// Values of --security-opt.

import { UserError } from '../../core/errors.ts'
import type { RequestedSecurity, SeccompChoice } from '../../core/spec/request.ts'

function paths(flag: string, value: string): readonly string[] {
  const found = value.split(':').filter((path) => path !== '')
  for (const path of found)
    if (!path.startsWith('/')) throw new UserError(`${flag}: the path "${path}" must be absolute`)
  return found
}

/**
 * All the options together. podman-run(1), "--security-opt".
 *
 * @param readFile - reads a seccomp profile; throws a UserError when it cannot
 * @errors UserError for an unknown option, and for SELinux labels, which vitrine does not set
 */
export function securityOptions(options: readonly string[], readFile: (path: string) => string): RequestedSecurity {
  let seccomp: SeccompChoice = { kind: 'default' }
  let noNewPrivileges = false
  let apparmor: string | undefined
  const mask: string[] = []
  const unmask: string[] = []
  for (const option of options) {
    // podman takes a colon too: `no-new-privileges:true`.
    const parted = /^([a-z-]+)(?:[=:](.*))?$/s.exec(option)
    const key = parted?.[1]
    const value = parted?.[2] ?? ''
    const flag = `--security-opt=${option}`
    if (key === 'no-new-privileges' && ['', 'true', 'false'].includes(value)) noNewPrivileges = value !== 'false'
    else if (key === 'seccomp' && value === 'unconfined') seccomp = { kind: 'unconfined' }
    else if (key === 'seccomp' && value !== '') seccomp = { kind: 'file', path: value, text: readFile(value) }
    else if (key === 'apparmor' && value !== '') apparmor = value
    else if (key === 'mask') mask.push(...paths(flag, value))
    else if (key === 'unmask' && value.toUpperCase() === 'ALL') unmask.push('ALL')
    else if (key === 'unmask') unmask.push(...paths(flag, value))
    else if (key === 'systempaths' && value === 'unconfined') unmask.push('ALL')
    // Nothing is labelled, so that there is nothing to disable: what is asked for is so.
    else if (key === 'label' && value === 'disable') continue
    else if (key === 'label')
      throw new UserError(`${flag}: vitrine sets no SELinux labels; only label=disable can be met`)
    else if (key === 'proc-opts')
      throw new UserError(`${flag}: proc-opts is podman's, and vitrine does not have it yet`)
    else
      throw new UserError(
        `${flag}: give seccomp=FILE, seccomp=unconfined, no-new-privileges, mask=, unmask=, label=disable or apparmor=`,
      )
  }
  return { seccomp, noNewPrivileges, ...(apparmor === undefined ? {} : { apparmor }), mask, unmask }
}
