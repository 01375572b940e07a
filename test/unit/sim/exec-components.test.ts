// Which files of programs can be executed: components by their content, and neither other WebAssembly nor machine code.

import { describe, expect, it } from 'vitest'
import type { Syscall } from '../../../core/syscall.ts'
import { bootKernel } from '../../../sim/boot.ts'
import type { Program } from '../../../sim/program.ts'
import { runUntil } from '../../../sim/run.ts'

const content = new TextEncoder().encode(`\0asm\x0d\0\x01\0${'a program '.repeat(1000)}`)
const program: Program = function* (argv) {
  yield { name: 'getpid' }
  return Number(argv[1])
}

/** Executes a file of this content: how its program ended, or what was refused. */
function executed(bytes: Uint8Array) {
  const kernel = bootKernel({ components: [{ content, program }] })
  const call = (given: Syscall) => kernel.call(kernel.init, given)
  const opened = call({ name: 'openat', dirfd: -100, pathname: '/bin/a', flags: 0o101, mode: 0o755 })!
  const fd = 'value' in opened ? opened.value : -1
  call({ name: 'write', fd, buf: bytes })
  call({ name: 'close', fd })
  call({ name: 'fork' })
  const task = kernel.lastBorn!
  const outcome = kernel.call(task, { name: 'execve', pathname: '/bin/a', argv: ['a', '3'], envp: [] })!
  if ('errno' in outcome) return { errno: outcome.errno, sentence: outcome.sentence }
  runUntil(kernel, () => !task.alive)
  return task.process.ending
}

describe('execve(2)', () => {
  it('runs the program of a component that has this content, whatever its file is called', () => {
    expect(executed(content)).toEqual({ code: 3, signal: 0 })
  })

  it('refuses WebAssembly that was not made ready, be it one byte more, less or another', () => {
    const changed = content.slice()
    changed[5000] = 0
    for (const other of [new Uint8Array([...content, 0]), content.slice(0, -1), changed, content.slice(0, 8)])
      expect(executed(other)).toMatchObject({ errno: 'ENOEXEC', sentence: expect.stringMatching(/no component/) })
  })

  it('refuses programs for processors, and says why', () => {
    const elf = new TextEncoder().encode('\x7fELF\x02\x01\x01')
    expect(executed(elf)).toMatchObject({ errno: 'ENOEXEC', sentence: expect.stringMatching(/for a processor/) })
  })
})
