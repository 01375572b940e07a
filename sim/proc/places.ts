// The magic links of a process to places: exe, cwd, root. proc_pid_exe(5), proc_pid_cwd(5), proc_pid_root(5)

import { type Denied, deny, isDenied } from '../outcome.ts'
import type { Path } from '../vfs/path.ts'
import { shownPath } from '../vfs/path-name.ts'
import type { LinkNode, Reading } from './process-directory.ts'

/** A link to what `find` answers, shown as a path from the reader's root. */
function linkTo(find: (at: Reading) => Path | Denied): LinkNode {
  return {
    jump: find,
    readlink(at) {
      const path = find(at)
      return isDenied(path) ? path : shownPath(at.reader.fs.root, path)
    },
  }
}

const without = (what: string): Denied => deny('ENOENT', 'PID-015', `proc(5): the process has no ${what} any more`)

export const cwdLink = linkTo(({ of }) => (of.alive ? of.fs.cwd : without('working directory')))
export const rootLink = linkTo(({ of }) => (of.alive ? of.fs.root : without('root')))
export const exeLink = linkTo(({ of }) => (of.alive ? of.process.image.executable : undefined) ?? without('program'))
