// The text of scenarios: what strace -f writes is read whole.

import { describe, expect, it } from 'vitest'
import { type CallLine, type Line, parseScenario, parseScenarios } from '../../../sim/scenario/scenario.ts'
import { parseValue } from '../../../sim/scenario/value.ts'

const only = (text: string): Line => parseScenario(text).lines[0]!
const call = (text: string) => only(text) as CallLine
const bytes = (...numbers: number[]) => Uint8Array.from(numbers)

describe('a line of a scenario', () => {
  it('names the task in brackets, or as -o does, or not at all', () => {
    expect(call('[pid    7] getpid() = 7').task).toBe(7)
    expect(call('7  getpid() = 7').task).toBe(7)
    expect(call('7 12:00:01.123456 getpid() = 7').task).toBe(7)
    expect(call('1700000000.123456 getpid() = 7').task).toBeUndefined()
    expect(call('getpid() = 7').task).toBeUndefined()
  })

  it('ends in a value, an errno, or nothing that is said', () => {
    expect(call('getpid() = 7').expected).toEqual({ kind: 'value', value: 7n })
    expect(call('sethostname("web", 3) = -1 EPERM (Operation not permitted)').expected).toEqual({
      kind: 'errno',
      errno: 'EPERM',
    })
    expect(call('exit_group(0) = ?').expected).toEqual({ kind: 'left out' })
    expect(call('wait4(-1, NULL, 0, NULL) = ? ERESTARTSYS (To be restarted)').expected).toEqual({ kind: 'left out' })
    expect(call('lseek(3, -1, SEEK_SET) = -1').expected).toEqual({ kind: 'value', value: -1n })
    expect(call('umask(077) = 022').expected).toEqual({ kind: 'value', value: 18n })
    expect(call("clone(child_stack=NULL, flags=SIGCHLD) = 2 /* 105 in strace's PID NS */").expected).toEqual({
      kind: 'value',
      value: 2n,
      outside: 105,
    })
    expect(call('poll([{fd=3, events=POLLIN}], 1, 0) = 0 (Timeout)').expected).toMatchObject({ note: 'Timeout' })
  })

  it('joins a call that was not finished with its end', () => {
    const { lines } = parseScenario(`[pid 1] read(3,  <unfinished ...>
[pid 2] write(4, "x", 1) = 1
[pid 1] <... read resumed>"x", 10)     = 1`)
    expect(lines.map(({ kind }) => kind)).toEqual(['begin', 'call', 'call'])
    expect(lines[0]).toMatchObject({ end: 2, name: 'read' })
    expect(lines[2]).toMatchObject({
      begun: 0,
      name: 'read',
      args: [{ number: 3n }, { bytes: bytes(120) }, { number: 10n }],
    })
  })

  it('reads a call in whose midst the task ended as one without a result', () => {
    expect(call('read(0, <unfinished ...>) = ?')).toMatchObject({
      kind: 'call',
      name: 'read',
      expected: { kind: 'left out' },
    })
  })

  it('may be an end or a signal', () => {
    expect(only('[pid 7] +++ exited with 3 +++')).toMatchObject({ kind: 'end', task: 7, code: 3 })
    expect(only('[pid 7] +++ killed by SIGSEGV (core dumped) +++')).toMatchObject({ kind: 'end', signal: 'SIGSEGV' })
    expect(only('--- SIGCHLD {si_signo=SIGCHLD, si_code=CLD_EXITED, si_pid=8} ---')).toMatchObject({
      kind: 'signal',
      signal: 'SIGCHLD',
    })
  })

  it('says by number and reason what cannot be read', () => {
    expect(parseScenario('\nno call at all').lines[0]).toMatchObject({ kind: 'unreadable', line: 2 })
    expect(only('read(3, "abc')).toMatchObject({ kind: 'unreadable', reason: 'expected the end of a string' })
  })

  it('takes directives from comments', () => {
    const scenario = parseScenario(`# An unprivileged caller.
# rule: CLN-040
# needs: root, cgroup2 memory
# kernel: >= 6.9
# differs: CLN-064 on < 6.9 -> = -1 EINVAL
getpid() = 7 
# waits: [pid 7]`)
    expect(scenario).toMatchObject({
      rules: ['CLN-040'],
      needs: ['root', 'cgroup2', 'memory'],
      kernel: '>= 6.9',
      title: 'An unprivileged caller.',
    })
    expect(scenario.differences.get(0)).toEqual([
      { rule: 'CLN-064', on: '< 6.9', expected: { kind: 'errno', errno: 'EINVAL' } },
    ])
    expect(scenario.lines[1]).toMatchObject({ kind: 'waits', task: 7 })
  })

  it('keeps its number where a file has several scenarios', () => {
    const [first, second] = parseScenarios('# scenario: one\ngetpid() = 1\n# scenario: two\ngetuid() = 0')
    expect(first?.lines).toHaveLength(1)
    expect(second).toMatchObject({ title: 'two', lines: [{ line: 4, name: 'getuid' }] })
  })
})

describe('a value', () => {
  it('is a number in any base', () => {
    expect(parseValue('0x1f')).toEqual({ kind: 'number', number: 31n })
    expect(parseValue('0755')).toEqual({ kind: 'number', number: 493n })
    expect(parseValue('-100')).toEqual({ kind: 'number', number: -100n })
  })

  it('is a string with C escapes, cut or not', () => {
    expect(parseValue('"a\\n\\\\\\"\\0\\33\\x7fz"')).toMatchObject({
      bytes: bytes(97, 10, 92, 34, 0, 27, 127, 122),
      cut: false,
    })
    expect(parseValue('"abc"...')).toMatchObject({ cut: true })
    expect(parseValue('"\\303\\251é"')).toMatchObject({ bytes: bytes(0xc3, 0xa9, 0xc3, 0xa9) })
  })

  it('is names joined by bars, shifts and products', () => {
    expect(parseValue('O_RDONLY|O_CLOEXEC')).toMatchObject({ kind: 'join', operator: '|', parts: [{}, {}] })
    expect(parseValue('1<<CAP_KILL|1<<CAP_CHOWN')).toMatchObject({ operator: '|', parts: [{ operator: '<<' }, {}] })
    expect(parseValue('8192*1024')).toMatchObject({ operator: '*' })
  })

  it('is a struct, whole or in part, or a list', () => {
    expect(parseValue('{st_mode=S_IFREG|0644, st_rdev=makedev(0x1, 0x3), ...}')).toMatchObject({
      kind: 'struct',
      open: true,
      fields: [{ name: 'st_mode' }, { name: 'st_rdev', value: { kind: 'apply', name: 'makedev' } }],
    })
    expect(parseValue('[{WIFEXITED(s) && WEXITSTATUS(s) == 0}]')).toMatchObject({
      kind: 'list',
      items: [{ kind: 'struct', fields: [{ value: { operator: '&&' } }] }],
    })
    expect(parseValue('~[KILL STOP]')).toMatchObject({ kind: 'list', others: true, items: [{}, {}] })
    expect(parseValue('[]')).toMatchObject({ kind: 'list', items: [] })
  })

  it('may say where a descriptor leads, or what the kernel made of it', () => {
    expect(parseValue('3</tmp/a b>')).toEqual({ kind: 'number', number: 3n })
    expect(parseValue('AT_FDCWD</root>')).toEqual({ kind: 'name', name: 'AT_FDCWD' })
    expect(parseValue('[128 => 16]')).toMatchObject({ items: [{ kind: 'change' }] })
    expect(parseValue('{B38400 -opost isig}')).toMatchObject({ kind: 'raw' })
  })
})
