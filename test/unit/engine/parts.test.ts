// The engine's pure parts: log lines, id mappings, limits after an update, launch failures in words.

import { describe, expect, it } from 'vitest'
import { launchError } from '../../../core/engine/failure.ts'
import { parseLogLine } from '../../../core/engine/logs.ts'
import { mappingsOf, subordinateIds } from '../../../core/engine/rootless.ts'
import { mergeResources } from '../../../core/engine/update.ts'
import type { LaunchPlan } from '../../../core/launch/plan.ts'

const bytes = (text: string) => new TextEncoder().encode(text)
const text = (line: ReturnType<typeof parseLogLine>) => line && new TextDecoder().decode(line.text)

describe('a line of the log', () => {
  it('ends with a newline when it is full, and goes on when it is partial', () => {
    expect(text(parseLogLine(bytes('2026-01-02T03:04:05.6+00:00 stdout F hello world')))).toBe('hello world\n')
    expect(text(parseLogLine(bytes('2026-01-02T03:04:05.6+00:00 stderr P hel')))).toBe('hel')
    expect(text(parseLogLine(bytes('2026-01-02T03:04:05.6+00:00 stdout F ')))).toBe('\n')
  })

  it('that is damaged is passed over', () => {
    for (const line of ['', 'x', 'time stdout X text', 'time stdin F text', 'time stdout F']) {
      expect(parseLogLine(bytes(line))).toBeUndefined()
    }
  })
})

describe('id mappings', () => {
  it('make the caller root, and put what subuid(5) lends above it in the order of the file', () => {
    const lent = subordinateIds('root:1:2\nweb:100000:65536\n# a\nweb:300000:5\nweb:x:1\nweb:400000:0\n1000:7:1\n', [
      '1000',
      'web',
    ])
    expect(lent).toEqual([
      { first: 100000, count: 65536 },
      { first: 300000, count: 5 },
      { first: 7, count: 1 },
    ])
    expect(mappingsOf(1000, lent.slice(0, 2))).toEqual([
      { containerID: 0, hostID: 1000, size: 1 },
      { containerID: 1, hostID: 100000, size: 65536 },
      { containerID: 65537, hostID: 300000, size: 5 },
    ])
  })
})

describe('limits after an update', () => {
  it('keep what was not named', () => {
    expect(mergeResources({ memoryBytes: 1, pidsLimit: 2 }, { pidsLimit: 3, cpus: undefined })).toEqual({
      memoryBytes: 1,
      pidsLimit: 3,
    })
  })

  it('have either cpus or quota and period, whichever is newer', () => {
    expect(mergeResources({ cpuQuotaUsec: 1000, cpuPeriodUsec: 2000 }, { cpus: 2 })).toEqual({ cpus: 2 })
    expect(mergeResources({ cpus: 2, cpuShares: 9 }, { cpuQuotaUsec: 1000 })).toEqual({
      cpuShares: 9,
      cpuQuotaUsec: 1000,
    })
  })
})

describe('a refused launch', () => {
  const plan = (program: string): LaunchPlan => ({
    program,
    steps: [
      { in: 'parent', call: { name: 'clone3', cl_args: { flags: 0 } }, why: 'start' },
      { in: 'child', call: { name: 'execve', pathname: program, argv: [program], envp: [] }, why: 'become it' },
    ],
  })
  const failed = (program: string, step: number, errno: 'ENOENT' | 'EACCES' | 'ENOEXEC' | 'EPERM') => {
    const { message, exitCode } = launchError(plan(program), { step, errno, message: `start: ${errno} (step 1 of 2)` })
    return [message, exitCode]
  }

  it('is 127 when the program is not there, in the words of podman for one that was looked for along PATH', () => {
    expect(failed('nope', 1, 'ENOENT')).toEqual(['executable file `nope` not found in $PATH', 127])
    expect(failed('/bin/nope', 1, 'ENOENT')).toEqual([
      'cannot execute `/bin/nope`: no such file or directory, or its interpreter is missing',
      127,
    ])
  })

  it('is 126 when the program cannot be executed', () => {
    expect(failed('/etc', 1, 'EACCES')[1]).toBe(126)
    expect(failed('/etc/text', 1, 'ENOEXEC')[1]).toBe(126)
  })

  it('is 125 and names the step otherwise', () => {
    expect(failed('sh', 0, 'EPERM')).toEqual(['start: EPERM (step 1 of 2)', 125])
  })
})
