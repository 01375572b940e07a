// Threaded mode: which cgroup is a domain of its own, which is the root of threads, and what follows for who may go where.
// cgroup-v2.rst "Threads"; kernel/cgroup/cgroup.c has the same questions by the same names.

import { type Denied, deny } from '../outcome.ts'
import type { Cgroup } from './cgroup.ts'
import type { ControllerName } from './controller.ts'

const isThreadedController = (cgroup: Cgroup, name: ControllerName): boolean =>
  cgroup.hierarchy.controllers.find((each) => each.name === name)?.threaded === true

const hasDomainControllers = (cgroup: Cgroup): boolean =>
  [...cgroup.subtreeControl].some((name) => !isThreadedController(cgroup, name))

/** The root of the hierarchy takes both processes and children with domain controllers (CG-105). */
export const isMixable = (cgroup: Cgroup): boolean => cgroup.parent === undefined

export function canBeThreadRoot(cgroup: Cgroup): boolean {
  if (isMixable(cgroup)) return true
  return !cgroup.isThreaded && cgroup.populatedDomainChildren === 0 && !hasDomainControllers(cgroup)
}

export function isThreadRoot(cgroup: Cgroup): boolean {
  if (cgroup.isThreaded) return false
  if (cgroup.threadedChildren > 0) return true
  return cgroup.tasks.size > 0 && [...cgroup.subtreeControl].some((name) => isThreadedController(cgroup, name))
}

/** A domain that is connected to the root by domains only. */
export function isValidDomain(cgroup: Cgroup): boolean {
  if (cgroup.isThreaded) return false
  for (let at = cgroup.parent; at; at = at.parent)
    if ((!isMixable(at) && isThreadRoot(at)) || at.isThreaded) return false
  return true
}

/** What cgroup.type says. */
export function typeOf(cgroup: Cgroup): string {
  if (cgroup.isThreaded) return 'threaded'
  if (!isValidDomain(cgroup)) return 'domain invalid'
  return isThreadRoot(cgroup) ? 'domain threaded' : 'domain'
}

/** Whether a cgroup may become threaded; one that is so already may (CG-015). */
export function threadedRefusal(cgroup: Cgroup): Denied | undefined {
  if (cgroup.isThreaded) return undefined
  const no = (why: string) => deny('EOPNOTSUPP', 'CG-015', `cgroup-v2.rst "Threads": ${why}`)
  if (cgroup.populated) return no('a cgroup with processes cannot become threaded')
  if (hasDomainControllers(cgroup)) return no('a cgroup with domain controllers for its children cannot be threaded')
  const { domain } = cgroup.parent!
  if (!isValidDomain(domain)) return no('the domain above is invalid itself')
  if (!canBeThreadRoot(domain)) return no('the domain above has domain controllers or populated domain children')
  return undefined
}

/** Whether controllers may be given to the children of a cgroup (CG-004, CG-005). */
export function enableRefusal(cgroup: Cgroup, enable: readonly ControllerName[]): Denied | undefined {
  if (enable.length === 0) return undefined
  if (!isValidDomain(cgroup.domain))
    return deny('EOPNOTSUPP', 'CG-014', 'cgroup-v2.rst "Threads": an invalid domain hosts no controllers')
  if (isMixable(cgroup)) return undefined
  if (enable.some((name) => !isThreadedController(cgroup, name))) {
    if (isThreadRoot(cgroup) || cgroup.isThreaded)
      return deny('EOPNOTSUPP', 'CG-014', 'cgroup-v2.rst "Threads": no domain controllers in a threaded subtree')
  } else if (canBeThreadRoot(cgroup) || cgroup.isThreaded) return undefined
  if (cgroup.tasks.size > 0)
    return deny('EBUSY', 'CG-004', 'cgroup-v2.rst "No Internal Process Constraint": there are processes in the cgroup')
  return undefined
}

/** Whether tasks may be in a cgroup at all (CG-108). */
export function hostRefusal(cgroup: Cgroup): Denied | undefined {
  if (cgroup.hierarchy.version === 1) return undefined
  if (!isValidDomain(cgroup.domain))
    return deny('EOPNOTSUPP', 'CG-108', 'cgroup-v2.rst "Threads": an invalid domain takes no processes')
  if (canBeThreadRoot(cgroup) || cgroup.isThreaded) return undefined
  if (cgroup.subtreeControl.size > 0)
    return deny('EBUSY', 'CG-004', 'cgroup-v2.rst "No Internal Process Constraint": its children have controllers')
  return undefined
}
