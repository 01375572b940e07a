// /proc/PID/ns: the namespaces of a task as links to their files. namespaces(7)

import { namespaceName, namespacePath } from '../ns/file.ts'
import type { Namespace } from '../ns/namespace.ts'
import { type Denied, deny, isDenied } from '../outcome.ts'
import type { Task } from '../task.ts'
import type { DirectoryEntry, Inode } from '../vfs/inode.ts'
import { entryOf, PseudoDirectory } from '../vfs/pseudo.ts'
import { nothingThere, type ProcessDirectory } from './process-directory.ts'

/** CLN-113; the order is that of the kernel. */
const kinds: Readonly<Record<string, (of: Task) => Namespace | undefined>> = {
  net: (of) => of.namespaces.net,
  uts: (of) => of.namespaces.uts,
  ipc: (of) => of.namespaces.ipc,
  pid: (of) => of.pidNamespace,
  // Without a first child it has no init, and cannot be shown (CLN-034).
  pid_for_children: ({ namespaces: { pidForChildren } }) => (pidForChildren.init ? pidForChildren : undefined),
  user: (of) => of.credentials.namespace,
  mnt: (of) => of.namespaces.mnt,
  cgroup: (of) => of.namespaces.cgroup,
  time: (of) => of.namespaces.time,
  time_for_children: (of) => of.namespaces.timeForChildren,
}

/** Of a task that has ended only its numbers and its user are left. */
function namespaceOf(of: Task, name: string): Namespace | Denied {
  const found = of.alive || name === 'user' || name === 'pid' ? kinds[name]!(of) : undefined
  return found ?? deny('ENOENT', 'CLN-113', `proc(5): the process has no ${name} namespace to show`)
}

export class NamespaceDirectory extends PseudoDirectory {
  readonly #process: ProcessDirectory
  readonly #links = new Map<string, Inode>()

  constructor(process: ProcessDirectory) {
    super(process.super, process.super.kernel, 0o511, process)
    this.#process = process
  }

  override showsOwner(): void {
    this.#process.showsOwner(this)
  }

  lookup(_task: Task, name: string): Inode | undefined | Denied {
    if (this.#process.pidEntry.task === undefined) return nothingThere()
    if (!Object.hasOwn(kinds, name)) return undefined
    let inode = this.#links.get(name)
    if (inode === undefined) {
      inode = this.#process.magic({
        readlink({ of }) {
          const namespace = namespaceOf(of, name)
          return isDenied(namespace) ? namespace : namespaceName(namespace)
        },
        jump({ of }) {
          const namespace = namespaceOf(of, name)
          return isDenied(namespace) ? namespace : namespacePath(of.kernel, namespace)
        },
      })
      this.#links.set(name, inode)
    }
    this.#process.refresh(inode)
    return inode
  }

  entries(task: Task): readonly DirectoryEntry[] {
    return Object.keys(kinds).flatMap((name) => {
      const inode = this.lookup(task, name)
      return inode === undefined || isDenied(inode) ? [] : [entryOf(name, inode)]
    })
  }
}
