// From the path of execve(2) to the program that runs: the file, the interpreters of scripts, and what refuses. do_open_execat()
// in fs/exec.c, fs/binfmt_script.c

import { type Denied, deny, isDenied } from '../outcome.ts'
import type { Program } from '../program.ts'
import type { Task } from '../task.ts'
import { endFile, openInode } from '../vfs/open.ts'
import type { Path } from '../vfs/path.ts'
import { checkPermission, mayExecute, mayRead, permitted } from '../vfs/permission.ts'
import { AT_FDCWD, walk } from '../vfs/walk.ts'

export interface Executable {
  /** What runs in the end; of a script its interpreter. */
  readonly path: Path
  /** Undefined: its calls come from outside. */
  readonly program: Program | undefined
  readonly argv: readonly string[]
  /** Last component of what was named first: the task's comm. */
  readonly title: string
  /** The caller may not read one of the files: it cannot be dumped. */
  readonly unreadable: boolean
}

interface FindOptions {
  readonly follow: boolean
  readonly emptyPath: boolean
  /** Asked when the first file may be run, before it is looked into. */
  readonly opened: () => Denied | undefined
}

const nestingMost = 5
const headBytes = 256
const componentBytesMost = 256 * 1024 * 1024
/** A program of this name leaves its task to whoever drives it from outside. */
const outside = 'outside'
const elfMagic = '\x7fELF'
/** Also that of modules, which nobody has prepared. */
const componentMagic = '\0asm'

/**
 * @param pathname - followed unless `follow` is false; empty with `emptyPath` is the descriptor itself
 * @errors CLN-107: ENOENT, ENOTDIR, ELOOP, EACCES, ETXTBSY, ENOEXEC
 */
export function findExecutable(
  task: Task,
  dirfd: number,
  pathname: string | null,
  argv: readonly string[],
  options: FindOptions,
): Executable | Denied {
  const call = dirfd === AT_FDCWD ? 'execve(2)' : 'execveat(2)'
  const first = walk(task, dirfd, pathname, { ...options, call })
  if (isDenied(first)) return first
  const title = titleOf(task, first, dirfd, pathname)
  let path: Path = first
  let args = argv
  let unreadable = false
  // Behind a descriptor that execve(2) closes, an interpreter cannot open its script.
  const gone = (pathname === '' || dirfd !== AT_FDCWD) && task.files.get(dirfd)?.closeOnExec === true
  let name = pathname === '' ? `/dev/fd/${dirfd}` : dirfd === AT_FDCWD ? pathname! : `/dev/fd/${dirfd}/${pathname}`
  for (let depth = 0; ; depth++) {
    const refusal = mayRun(task, path, call) ?? (depth === 0 ? options.opened() : undefined)
    if (refusal) return refusal
    unreadable ||= !permitted(task.credentials, path.mount, path.dentry.inode, mayRead)
    const head = readHead(task, path, call)
    if (typeof head !== 'string') return head
    const program = head.startsWith(componentMagic) ? componentIn(task, path, call) : programIn(task, head)
    if (isDenied(program)) return program
    if (program) return { path, program: program === outside ? undefined : program, argv: args, title, unreadable }
    if (head.startsWith(elfMagic))
      return deny(
        'ENOEXEC',
        'CLN-107',
        `${call}: the file is for a processor, and this machine runs WebAssembly components`,
      )
    const script = interpreterIn(head)
    if (script === undefined)
      return deny('ENOEXEC', 'CLN-107', `${call}: the file is neither a program of this machine nor a script`)
    if (gone && depth === 0)
      return deny(
        'ENOENT',
        'CLN-107',
        `${call}: the descriptor of the script is closed before its interpreter opens it`,
      )
    if (depth >= nestingMost) return deny('ELOOP', 'CLN-107', `${call}: scripts of scripts, more than five deep`)
    args = [script.interpreter, ...script.argument, name, ...args.slice(1)]
    name = script.interpreter
    const next = walk(task, AT_FDCWD, script.interpreter, { call })
    if (isDenied(next)) return next
    path = next
  }
}

/** The last component as it was named, whatever links lead to. Of a descriptor its number, since Linux 6.14 its file's name. */
function titleOf(task: Task, { dentry }: Path, dirfd: number, pathname: string | null): string {
  if (pathname) return pathname.slice(pathname.lastIndexOf('/') + 1)
  return task.kernel.since(6, 14) ? dentry.name : String(dirfd)
}

/** may_open() with MAY_EXEC. */
function mayRun(task: Task, { mount, dentry }: Path, call: string): Denied | undefined {
  const { inode } = dentry
  if (inode.kind === 'symlink') return deny('ELOOP', 'CLN-107', `${call}: a symbolic link, and links are not followed`)
  if (inode.kind !== 'file') return deny('EACCES', 'CLN-107', `${call}: only a regular file can be run`)
  if (mount.flags.noexec) return deny('EACCES', 'MNT-023', `${call}: the mount lets nothing be run (noexec)`)
  const refusal = checkPermission(task.credentials, mount, inode, mayExecute, call)
  if (refusal) return { ...refusal, rule: 'CLN-107' }
  if (inode.writers > 0) return deny('ETXTBSY', 'CLN-107', `${call}: the file is open for writing`)
  return undefined
}

/** The first bytes, one character each. */
function readHead(task: Task, path: Path, call: string): string | Denied {
  const data = readStart(task, path, headBytes, call)
  return isDenied(data) ? data : String.fromCharCode(...data)
}

function readStart(task: Task, path: Path, count: number, call: string): Uint8Array | Denied {
  const opening = openInode(task, path, 0, call)
  if (isDenied(opening)) return opening
  const reply = opening.file.operations?.read?.(task, count, 0)
  endFile(opening.file)
  if (isDenied(reply)) return reply
  const data = typeof reply === 'object' && 'data' in reply ? reply.data : undefined
  return data ?? new Uint8Array(0)
}

/** A component is known by its content, whatever it is called and wherever it came from. */
function componentIn(task: Task, path: Path, call: string): Program | Denied {
  const { components = [], componentOf } = task.kernel.config
  const most = componentOf
    ? componentBytesMost
    : components.reduce((bytes, { content }) => Math.max(bytes, content.length), 0)
  const content = readStart(task, path, most + 1, call)
  if (isDenied(content)) return content
  const known = components.find((component) => isSame(component.content, content))
  if (known) return known.program
  if (content.length > most || !componentOf)
    return deny('ENOEXEC', 'CLN-107', `${call}: the file is WebAssembly, and no component that this machine was given`)
  const found = componentOf(content)
  return typeof found === 'string' ? deny('ENOEXEC', 'CLN-107', `${call}: ${found}`) : found
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  if (one.length !== other.length) return false
  for (let at = 0; at < one.length; at++) if (one[at] !== other[at]) return false
  return true
}

function programIn(task: Task, head: string): Program | typeof outside | undefined {
  if (head.startsWith(elfMagic)) return task.kernel.config.machineCode
  const name = /^#!sim[ \t]+([^\s]+)/.exec(head)?.[1]
  if (name === undefined) return undefined
  const { programs } = task.kernel.config
  return Object.hasOwn(programs, name) ? programs[name] : name === outside ? outside : undefined
}

/** `#! INTERPRETER [ARGUMENT]`; the argument may have blanks in it. load_script() */
function interpreterIn(head: string): { interpreter: string; argument: readonly string[] } | undefined {
  if (!head.startsWith('#!') || /^#!sim[ \t]/.test(head)) return undefined
  const end = head.indexOf('\n')
  if (end < 0 && head.length >= headBytes && !/^#![ \t]*\S+[ \t\0]/.test(head)) return undefined
  const line = head.slice(2, end < 0 ? undefined : end).replace(/^[ \t]+|[ \t\0]+$/g, '')
  const [, interpreter, argument] = /^([^ \t\0]+)[ \t]*([^\0]*)/.exec(line) ?? []
  if (!interpreter) return undefined
  return { interpreter, argument: argument ? [argument] : [] }
}
