// The program of a process: looked for along PATH as execvp(3) does, and executed. execve(2).

import { UserError } from '../errors.ts'
import type { Process } from '../spec/types.ts'
import { AT } from './constants.ts'
import type { Step } from './plan.ts'
import { childStep, type PlanWriter } from './writer.ts'

/** Each is a step of the plan, twice, and an image can say what it likes. */
const pathDirectoriesMax = 1000
const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

const X_OK = 1

/**
 * Whether the program can be executed at all, as the root that the child still is: who asks for a container hears of a
 * mistyped name at once. A directory passes for a program until it is executed. faccessat2(2).
 */
export function planProgramCheck(writer: PlanWriter, process: Process): void {
  const file = process.args![0]!
  const check = (pathname: string, more?: Partial<Step>) =>
    childStep({ name: 'faccessat2', dirfd: AT.FDCWD, pathname, mode: X_OK, flags: 0 }, `find ${file}`, more)
  const candidates = candidatesOf(process)
  // None of them is there, or may be executed: the errno that says most is found by asking once more.
  const round: readonly Step[] = candidates.map((pathname, i) =>
    check(pathname, i < candidates.length - 1 ? { tolerate: ['ENOENT', 'ENOTDIR'] } : undefined),
  )
  const first = candidates.reduceRight<readonly Step[]>(
    (otherwise, pathname) => [check(pathname, { tolerate: ['ENOENT', 'ENOTDIR', 'EACCES'], otherwise })],
    round,
  )
  writer.add({ ...first[0]!, program: true })
}

/** Where the program is looked for, as execvp(3) does: a name without a slash along PATH. */
function candidatesOf(process: Process): string[] {
  const file = process.args![0]!
  if (file.includes('/')) return [file]
  const path = (process.env ?? []).find((variable) => variable.startsWith('PATH='))?.slice(5) ?? defaultPath
  const directories = path.split(':')
  if (directories.length > pathDirectoriesMax)
    throw new UserError(
      `process.env: PATH has ${directories.length} directories, and ${pathDirectoriesMax} at most are searched; give the program by its path`,
    )
  return directories.map((directory) => (directory === '' ? `./${file}` : `${directory}/${file}`))
}

/**
 * Executes the program: a name without a slash is looked for along PATH as execvp(3) does. When none can be executed the
 * second round finds the errno to report: EACCES if some file was there that cannot be executed, else ENOENT.
 */
export function planExecve(writer: PlanWriter, process: Process): void {
  const argv = process.args!
  const envp = process.env ?? []
  const file = argv[0]!
  if (file.includes('/')) {
    writer.child({ name: 'execve', pathname: file, argv, envp }, `become ${file}`)
    return
  }
  const candidates = candidatesOf(process)
  for (const pathname of candidates)
    writer.child({ name: 'execve', pathname, argv, envp }, `become ${pathname}, if it is there`, {
      tolerate: ['ENOENT', 'ENOTDIR', 'EACCES', 'ENODEV'],
    })
  for (const [i, pathname] of candidates.entries())
    writer.child(
      { name: 'execve', pathname, argv, envp },
      `say why ${file} cannot be executed`,
      i < candidates.length - 1 ? { tolerate: ['ENOENT', 'ENOTDIR', 'ENODEV'] } : undefined,
    )
}
