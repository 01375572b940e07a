// Whether a text is a log of programs that ran on another machine, and what its lines say about it as a whole.

import type { CallLine, Line, Scenario } from '../scenario.ts'
import type { Value } from '../value.ts'

/** Calls that only the start of a real program makes. */
const ofPrograms = /^(brk|arch_prctl|set_robust_list|set_tid_address|rseq|rt_sigreturn|restart_syscall)$/

/** A log of strace, and no scenario that was written for a machine of ours. */
export function isForeign({ lines, rules, needs, kernel }: Scenario): boolean {
  if (rules.length > 0 || needs.length > 0 || kernel !== undefined) return false
  return lines.some((line) => {
    if (line.kind !== 'call') return false
    if (line.name === 'execve' && line.expected.kind === 'value' && line.expected.value === 0n)
      return line.args[0]?.kind !== 'string' || text(line.args[0]) !== '/bin/puppet'
    return ofPrograms.test(line.name)
  })
}

const filtered = new WeakMap<readonly Line[], boolean>()

/** strace -e trace=...: programs are executed, and do not make the calls that all programs make as they start. */
export function isFiltered(lines: readonly Line[]): boolean {
  let known = filtered.get(lines)
  if (known === undefined) {
    const names = new Set(lines.flatMap((line) => (line.kind === 'call' ? [line.name] : [])))
    known = names.has('execve') && !names.has('brk') && !names.has('mmap')
    filtered.set(lines, known)
  }
  return known
}

const decoder = new TextDecoder()
const text = (value: Value): string => (value.kind === 'string' ? decoder.decode(value.bytes) : '')

const known = new WeakMap<readonly Line[], Set<string>>()

/** Whether some path of the log leads through this one. */
export function isSymbolicDirectory(lines: readonly Line[], path: string, _index: number): boolean {
  let directories = known.get(lines)
  if (directories === undefined) {
    directories = new Set()
    for (const line of lines) {
      if (line.kind !== 'call') continue
      for (const arg of line.args) note(arg, directories)
      const whole = wholeDirectory(line)
      if (whole) directories.add(whole)
    }
    known.set(lines, directories)
  }
  return directories.has(path.replace(/\/+$/, ''))
}

/** A path that this call takes for a directory. */
function wholeDirectory({ name, args, expected, text: line }: CallLine): string | undefined {
  if (expected.kind !== 'value' || expected.value < 0n) return undefined
  const path = args.find((arg) => arg.kind === 'string' && arg.bytes[0] === 47)
  if (path === undefined) return undefined
  if (/^(chdir|chroot)$/.test(name) || /O_DIRECTORY|S_IFDIR/.test(line)) return text(path).replace(/\/+$/, '')
  const target = args[1]
  if (name === 'mount' && target?.kind === 'string' && !/MS_(BIND|MOVE|REMOUNT)|0x1000/.test(line))
    return text(target).replace(/\/+$/, '')
  return undefined
}

const links = new WeakMap<readonly Line[], Map<string, string>>()

/** Where the link of this path leads, as a readlink(2) of the same path says somewhere. */
export function targetOf(lines: readonly Line[], path: string): string | undefined {
  let targets = links.get(lines)
  if (targets === undefined) {
    targets = new Map()
    for (const line of lines) {
      if (line.kind !== 'call' || !/^readlink/.test(line.name) || line.expected.kind !== 'value') continue
      const [name, target] = line.args.slice(line.name === 'readlinkat' ? 1 : 0)
      if (name?.kind === 'string' && target?.kind === 'string' && !target.cut && !targets.has(text(name)))
        targets.set(text(name), text(target))
    }
    links.set(lines, targets)
  }
  return targets.get(path)
}

function note(value: Value, directories: Set<string>): void {
  if (value.kind !== 'string' || value.bytes.length > 4096 || !value.bytes.includes(47)) return
  if (value.bytes.some((byte) => byte < 32)) return
  let path = text(value)
  for (;;) {
    const cut = path.lastIndexOf('/')
    if (cut <= 0) return
    path = path.slice(0, cut)
    if (directories.has(path)) return
    directories.add(path)
  }
}
