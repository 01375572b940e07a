// The simulated kernel by itself: scenarios in strace's words are played, and the table of calls is shown.

import { describe, expect, it } from 'vitest'
import { cli } from '../support/cli.ts'
import { skipUnless } from '../support/needs.ts'

const play = async (text: string, ...flags: string[]) => await cli(['sim', 'play', ...flags, '-'], { stdin: text })

const scenario = `mkdir("/tmp/a", 0755) = 0
rmdir("/tmp/a") = 0
rmdir("/tmp/a") = -1 ENOENT (No such file or directory)
`

describe('sim', () => {
  it('plays a scenario and counts what agrees', async () => {
    expect(await play(scenario)).toEqual({
      code: 0,
      stderr: '',
      stdout: '3 calls: 3 agree, 0 differ, 0 not modelled\n',
    })
  })

  it('shows what differs beside what is written, with the rule, and fails', async () => {
    const { code, stdout } = await play(scenario.replace('-1 ENOENT (No such file or directory)', '0'))
    const lines = stdout.split('\n')
    expect(lines.slice(0, 3)).toEqual([
      'line 3: differs',
      '  written  rmdir("/tmp/a") = 0',
      '  sim 6.12 rmdir("/tmp/a") = -1 ENOENT (No such file or directory)',
    ])
    expect(lines[3]).toMatch(/^ {2}rule {5}\S+: /)
    expect(lines[4]).toBe('3 calls: 2 agree, 1 differ, 0 not modelled')
    expect(code).toBe(1)
  })

  it('fails when more than a tenth is outside of what it knows', async () => {
    const { code, stdout } = await play(`${scenario}strange("call") = 0\n`)
    expect(stdout).toContain('4 calls: 3 agree, 0 differ, 1 not modelled\n')
    expect(code).toBe(1)
  })

  it('stops after so many calls, and tells of each as JSON', async () => {
    const { code, stdout } = await play(scenario, '--json', '--until', '2')
    const objects = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(objects.slice(0, 2)).toMatchObject([
      { line: 1, verdict: 'agrees', actual: 'mkdir("/tmp/a", 0755) = 0' },
      { line: 2, verdict: 'agrees', actual: 'rmdir("/tmp/a") = 0' },
    ])
    expect(objects[2]).toMatchObject({ summary: '2 calls: 2 agree, 0 differ, 0 not modelled' })
    expect(code).toBe(0)
  })

  it('says what it cannot play', async () => {
    expect(await cli(['sim', 'play', '/nowhere'])).toMatchObject({
      code: 125,
      stderr: 'vitrine: read /nowhere: ENOENT\n',
    })
    expect((await cli(['sim', 'play'])).stderr).toContain('the file is missing')
  })

  it('lists every call with its level', async () => {
    const { stdout } = await cli(['sim', 'features'])
    expect(stdout).toMatch(/^CALL +LEVEL +NOTE\n/)
    expect(stdout).toMatch(/^mkdirat +(full|partial)/m)
    const rows = JSON.parse((await cli(['sim', 'features', '--json'])).stdout) as { call: string; level: string }[]
    expect(rows.length).toBe(stdout.trim().split('\n').length - 1)
    expect(new Set(rows.map(({ level }) => level)).size).toBeGreaterThan(0)
  })
})

describe('sim play on other kernels and with other files', () => {
  it.each([
    [['--kernel=windows'], '--kernel=windows: there are sim and linux'],
    [['--native'], '--native is about the real kernel: add --kernel=linux'],
    [['--kernel=linux', '--root=/nowhere'], '--root is about the simulated kernel'],
    [['--root=/nowhere'], 'read /nowhere: ENOENT'],
  ])('refuses %j by name', async (flags, message) => {
    expect(await play(scenario, ...flags)).toMatchObject({ code: 125, stderr: expect.stringContaining(message) })
  })

  it('says what to do where there is no user-mode Linux', async () => {
    const { code, stderr } = await cli(['sim', 'play', '--kernel=linux', '-'], {
      stdin: scenario,
      env: { VITRINE_UML: '/nowhere' },
    })
    expect(stderr).toBe('vitrine: play in user-mode Linux: VITRINE_UML names /nowhere, which is not there\n')
    expect(code).toBe(125)
  })

  const ours = skipUnless({ linux: true, root: true, programs: ['gcc'] })
  ours.it('plays on this kernel with --native, and a lie differs there, too', async () => {
    expect(await play(scenario, '--kernel=linux', '--native')).toMatchObject({
      code: 0,
      stdout: '3 calls: 3 agree, 0 differ, 0 not modelled\n',
    })
    const lie = await play(scenario.replace('-1 ENOENT (No such file or directory)', '0'), '--kernel=linux', '--native')
    expect(lie).toMatchObject({ code: 1, stdout: expect.stringContaining('2 agree, 1 differ') })
  })
})
