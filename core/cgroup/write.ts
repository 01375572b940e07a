// A limit as a write to a cgroup file, and such writes as steps of a plan.

import { AT_FDCWD, O } from '../files.ts'
import type { Step } from '../launch/plan.ts'
import type { Result } from '../syscall.ts'

/** Text for one file of a controller, line by line: the kernel takes one rule per write(2). */
export interface FileWrite {
  readonly controller: string
  readonly file: string
  readonly lines: readonly string[]
  /** What it does, as a phrase: `limit memory to 67108864 bytes`. */
  readonly why: string
  /** The file may be absent, because then there is nothing to limit. */
  readonly optional?: true
  /** Used when the file is absent. */
  readonly otherwise?: FileWrite
}

export function fileWrite(controller: string, file: string, line: string | number, why: string): FileWrite {
  return { controller, file, lines: [String(line)], why }
}

/** The steps that write to `directory` (an absolute path, or the label of an opened directory). */
export function writeSteps(write: FileWrite, directory: string | Result, where: Step['in'] = 'parent'): Step[] {
  const { file, lines, otherwise } = write
  const why = `${write.why} (${file})`
  const dirfd = typeof directory === 'string' ? AT_FDCWD : directory
  const pathname = typeof directory === 'string' ? `${directory}/${file}` : file
  const label = `cgroup:${file}`
  const open: Step = {
    in: where,
    call: { name: 'openat', dirfd, pathname, flags: O.WRONLY | O.CLOEXEC, mode: 0 },
    why,
    as: label,
  }
  const rest: Step[] = [
    ...lines.map((line): Step => ({ in: where, call: { name: 'write', fd: { from: label }, buf: line }, why })),
    { in: where, call: { name: 'close', fd: { from: label } }, why: `done with ${file}` },
  ]
  if (otherwise)
    return [{ ...open, tolerate: ['ENOENT'], and: rest, otherwise: writeSteps(otherwise, directory, where) }]
  if (write.optional) return [{ ...open, tolerate: ['ENOENT'], and: rest }]
  return [open, ...rest]
}
