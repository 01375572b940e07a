// A shell for the simulated machine, as small as scripts of tests need it: `sh -c 'echo one >file; sleep 1 & exit 3'`.

import type { Syscall } from '../../core/syscall.ts'
import { isDenied, type Outcome } from '../../sim/outcome.ts'
import type { Program, ProgramCall } from '../../sim/program.ts'

type Part<T> = Generator<ProgramCall, T, Outcome>

/** echo, printf, sleep and exit; `>FILE` and `>&2`; commands end with `;` or, to be left alone, `&`. */
export const shell: Program = function* ([, , script = '']): Part<number> {
  let status = 0
  for (const [, text = '', end] of script.matchAll(/((?:>&|[^;&])+)(;|&|$)/g)) {
    const words = text.trim().split(/\s+/)
    if (words[0] === 'exit') return Number(words[1] ?? status)
    if (end === '&') yield { name: 'fork', child: () => command(words) }
    else status = yield* command(words)
  }
  return status
}

function* command(words: readonly string[]): Part<number> {
  const target = words.find((word) => word.startsWith('>'))
  const [name, ...rest] = words.filter((word) => word !== target)
  if (name === 'sleep') {
    yield { name: 'ppoll', fds: [], tmo_p: BigInt(Math.round(Number(rest[0]) * 1e9)), sigmask: 0, sigsetsize: 8 }
    return 0
  }
  if (name !== 'echo' && name !== 'printf') return 127
  const buf = `${rest.join(' ')}${name === 'echo' ? '\n' : ''}`
  if (target === undefined || target === '>&2') {
    yield { name: 'write', fd: target ? 2 : 1, buf }
    return 0
  }
  const open: Syscall = { name: 'openat', dirfd: -100, pathname: target.slice(1), flags: 0o1101, mode: 0o644 }
  const opened = yield open
  if (isDenied(opened)) return 1
  yield { name: 'write', fd: opened.value, buf }
  yield { name: 'close', fd: opened.value }
  return 0
}
