// sh in front of a pseudo terminal: lines that are edited, history, completion, jobs that stop and go on.

import { beforeAll, describe, expect, it } from 'vitest'
import type { Syscall } from '../../../core/syscall.ts'
import { isDenied } from '../../../sim/outcome.ts'
import type { Program } from '../../../sim/program.ts'
import { runUntil } from '../../../sim/run.ts'
import type { Task } from '../../../sim/task.ts'
import { builtGuest, guestMachine } from '../../support/guests.ts'

const [TIOCSPTLCK, TIOCSCTTY] = [0x40045431, 0x540e]
const [O_RDWR, O_NOCTTY, O_NONBLOCK] = [2, 0o400, 0o4000]

let program: Program
beforeAll(async () => {
  program = await builtGuest('box')
})

/** A machine with a shell on a terminal; what is typed answers what the screen gets until nothing happens any more. */
function session() {
  const { kernel } = guestMachine(program, ['sh', 'cat', 'echo', 'seq', 'sleep', 'true'])
  const { init } = kernel
  const make = (task: Task, call: Syscall) => {
    const outcome = kernel.call(task, call)
    if (!outcome || isDenied(outcome)) throw new Error(`${call.name}: ${outcome?.errno ?? 'waits'}`)
    return outcome
  }
  const open = (task: Task, pathname: string, flags: number) =>
    make(task, { name: 'openat', dirfd: -100, pathname, flags, mode: 0 }).value
  const master = open(init, '/dev/ptmx', O_RDWR | O_NOCTTY | O_NONBLOCK)
  make(init, { name: 'ioctl', fd: master, request: TIOCSPTLCK, arg: new Uint8Array(4) })
  make(init, { name: 'fork' })
  const shell = kernel.lastBorn!
  make(shell, { name: 'close', fd: master })
  make(shell, { name: 'setsid' })
  const own = open(shell, '/dev/pts/0', O_RDWR | O_NOCTTY)
  make(shell, { name: 'ioctl_int', fd: own, request: TIOCSCTTY, arg: 0 })
  for (const newfd of [0, 1, 2]) make(shell, { name: 'dup2', oldfd: own, newfd })
  make(shell, { name: 'close', fd: own })
  kernel.call(shell, { name: 'execve', pathname: '/bin/sh', argv: ['sh'], envp: ['PATH=/bin', 'HOME=/tmp'] })
  const screen = (): string => {
    let text = ''
    for (;;) {
      const outcome = kernel.call(init, { name: 'read', fd: master, buf: 4096 })
      if (!outcome || isDenied(outcome) || outcome.value === 0) return text
      text += new TextDecoder().decode(outcome.data)
    }
  }
  const rest = (): string => {
    runUntil(kernel, () => !shell.alive, kernel.clock.nowNs + 1e9)
    return screen()
  }
  const type = (keys: string): string => {
    make(init, { name: 'write', fd: master, buf: keys })
    return rest()
  }
  const first = rest()
  return { type, first, shell }
}

/** What is behind the last time that the line was drawn. */
const said = (screen: string): string => screen.slice(screen.indexOf('\r\n') + 2)

describe('sh on a terminal', () => {
  it('prompts, runs lines, and ends with the code of exit', () => {
    const { type, first, shell } = session()
    expect(first).toBe('# ')
    expect(type('echo hello\r')).toBe('echo hello\r\nhello\r\n# ')
    type('exit 3\r')
    expect(shell.process.ending).toMatchObject({ code: 3 })
  })

  it('ends at ^D on an empty line, and only there', () => {
    const { type, shell } = session()
    type('abc\x04')
    expect(shell.alive).toBe(true)
    type('\x15\x04')
    expect(shell.process.ending).toMatchObject({ code: 0 })
  })

  it('edits in the midst of a line', () => {
    const { type } = session()
    expect(said(type('echo ac\x1b[Db\r'))).toBe('abc\r\n# ')
    expect(said(type('cho x\x01e\x05y\r'))).toBe('xy\r\n# ')
    expect(said(type('echo one two\x17three\r'))).toBe('one three\r\n# ')
    expect(said(type('echo abX\x7fc\r'))).toBe('abc\r\n# ')
    expect(said(type('echo ab\x1b[D\x1b[D\x1b[3~\r'))).toBe('b\r\n# ')
    expect(said(type('lost\x15echo kept\r'))).toBe('kept\r\n# ')
    expect(said(type('echo ä\x7fö\r'))).toBe('ö\r\n# ')
  })

  it('remembers lines', () => {
    const { type } = session()
    type('echo one\r')
    type('echo two\r')
    expect(said(type('\x1b[A\x1b[A\r'))).toBe('one\r\n# ')
    expect(said(type('draft\x1b[A\x1b[B\x15echo \x1b[A\x1b[B!\r'))).toBe('!\r\n# ')
  })

  it('completes commands and files, and lists what is possible', () => {
    const { type } = session()
    expect(said(type('ech\tdone\r'))).toBe('done\r\n# ')
    type('cd /tmp; : > some-file; : > some-other\r')
    expect(type('cat some\t\t')).toContain('some-file  some-other\r\n')
    expect(type('f\t')).toContain('some-file ')
    expect(said(type('\x15echo /pro\tsys/kernel/ost\t\r'))).toBe('/proc/sys/kernel/ostype\r\n# ')
  })

  it('asks for more with another prompt', () => {
    const { type } = session()
    expect(type('for x in 1 2\r')).toMatch(/> $/)
    expect(said(type('do echo $x; done\r'))).toBe('1\r\n2\r\n# ')
    expect(type('echo "a\r')).toMatch(/> $/)
    expect(type('\x03')).toBe('^C\r\n# ')
    expect(said(type('echo $?\r'))).toBe('130\r\n# ')
  })

  it('goes on after errors that would end a script', () => {
    const { type } = session()
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the shell's
    expect(said(type('echo ${x?gone}; echo not here\r'))).toBe('sh: 1: x: gone\r\n# ')
    expect(said(type('fi\r'))).toMatch(/^sh: \d+: Syntax error: "fi" unexpected\r\n# $/)
    expect(said(type('echo here\r'))).toBe('here\r\n# ')
  })

  it('stops a job at ^Z, and brings it back', () => {
    const { type } = session()
    type('sleep 100\r')
    expect(type('\x1a')).toMatch(/\[1\] \+ Stopped {20}sleep 100\r\n# $/)
    expect(said(type('echo $?\r'))).toBe('148\r\n# ')
    expect(said(type('bg\r'))).toBe('[1] sleep 100\r\n# ')
    expect(said(type('jobs\r'))).toMatch(/^\[1\] \+ Running {20}sleep 100\r\n# $/)
    expect(said(type('fg\r'))).toBe('sleep 100\r\n')
    expect(type('\x03')).toBe('^C\r\n# ')
    expect(said(type('echo $?\r'))).toBe('130\r\n# ')
  })

  it('interrupts a loop of its own, and pipelines', () => {
    const { type } = session()
    type('while :; do sleep 1; done\r')
    expect(type('\x03')).toMatch(/\r\n# $/)
    type('cat | cat\r')
    expect(type('typed\r') + type('\x04')).toMatch(/typed\r\ntyped\r\n# $/)
  })

  it('tells of background jobs before the next prompt', () => {
    const { type } = session()
    expect(said(type('sleep 1 &\r'))).toMatch(/^\[1\] \d+\r\n# $/)
    expect(type('echo\r') + type('\r')).toMatch(/\n\[1\] \+ Done {23}sleep 1\r\n# /)
  })
})
