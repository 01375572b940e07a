// Standard streams: -i, -t and both, of run, exec and start; raw mode, window size, signals, exit codes. pty(7)

import { execFileSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { expect } from 'vitest'
import { skipUnless } from '../support/needs.ts'
import { inTerminal } from '../support/pty.ts'
import { image, needsContainers, openSession, until } from '../support/session.ts'

const { describe, it } = skipUnless({ ...needsContainers, programs: [...needsContainers.programs, 'setsid', 'stty'] })

const quiet = ['run', '--rm', '--network=none']

describe('the standard streams of a container', () => {
  const { directory, run, ok, waiting, remove } = openSession()
  const megabytes = randomBytes(3 * 1024 * 1024).toString('base64')
  const sum = createHash('md5').update(megabytes).digest('hex')

  it('are separate, and take what is piped in with -i, megabytes of it', async () => {
    const piped = await run([...quiet, '-i', image, 'sh', '-c', 'md5sum; echo done >&2'], { stdin: megabytes })
    expect(piped).toEqual({ stdout: `${sum}  -\n`, stderr: 'done\n', code: 0 })
    const back = await run([...quiet, '--interactive', image, 'cat'], { stdin: megabytes })
    expect(createHash('md5').update(back.stdout).digest('hex')).toBe(sum)
  })

  it('are empty without -i, and may be left unread with it', async () => {
    expect(await ok([...quiet, image, 'sh', '-c', 'wc -c'], { stdin: 'not for it' })).toBe('0')
    expect(await ok([...quiet, '-i', image, 'head', '-c', '3'], { stdin: megabytes })).toBe(megabytes.slice(0, 3))
    expect((await run([...quiet, '-i', image, 'sh', '-c', 'exit 4'], { stdin: megabytes })).code).toBe(4)
  })

  it('stay open with -d -i, though nobody writes', async () => {
    await ok(['run', '-d', '-i', '--name=open', '--network=none', image, 'cat'])
    expect(await ok(['ps', '--format', '{{.Names}} {{.State}}'])).toBe('open running')
    await remove('open')
  })

  it('pass through exec -i too', async () => {
    const { name } = await waiting('into')
    const piped = await run(['exec', '-i', name, 'sh', '-c', 'md5sum; exit 6'], { stdin: megabytes })
    expect(piped).toEqual({ stdout: `${sum}  -\n`, stderr: '', code: 6 })
    expect(await ok(['exec', name, 'wc', '-c'], { stdin: 'nothing' })).toBe('0')
    await remove(name)
  })

  it('are a terminal with -t: one device, with its echo and its line ends', async () => {
    const text = await ok([...quiet, '-t', image, 'sh', '-c', 'tty; test -t 0 && test -t 1 && test -t 2 && echo all'])
    expect(text).toBe('/dev/pts/0\r\nall\r')
    expect(await ok([...quiet, '-t', image, 'sh', '-c', 'seq 1 20000 | tail -1; seq 1 20000 | wc -l'])).toBe(
      '20000\r\n20000\r',
    )
  })

  it('lose nothing of a terminal at the end', async () => {
    const text = await ok([...quiet, '--tty', image, 'seq', '1', '20000'])
    expect(text.split('\r\n')).toHaveLength(20000)
    expect(text.endsWith('20000\r')).toBe(true)
  })

  it('are with -it the terminal of whoever types: raw, of its size, also when that changes', async () => {
    const terminal = inTerminal(directory, [...quiet, '-it', image, 'sh'], 33, 101)
    terminal.type('stty size\r')
    await terminal.shows(/\n33 101\r/)
    const settings = execFileSync('stty', ['-F', terminal.path, '-a'], { encoding: 'utf8' })
    for (const off of ['-icanon', '-echo', '-isig', '-icrnl']) expect(settings).toContain(off)
    terminal.type('trap "echo si\\"\\"ze" WINCH\r')
    terminal.resize(40, 120)
    await until('the size is the new one', async () => {
      terminal.type('stty size\r')
      await new Promise((resolve) => setTimeout(resolve, 200))
      return /\n40 120\r/.test(terminal.shown())
    })
    terminal.type('exit 11\r')
    expect(await terminal.exitCode).toBe(11)
    expect(terminal.shown()).toContain('echo si') // the container's terminal echoes, not ours
  })

  it('give the terminal back as it was', async () => {
    const words = [...quiet, '-it', image, 'sh', '-c', 'echo up; read line; echo got $line']
    const terminal = inTerminal(directory, words)
    await terminal.shows(/up\r\n/)
    terminal.type('text\r')
    await terminal.shows(/got text\r\n/)
    expect(await terminal.exitCode).toBe(0)
  })

  it('turn ^C into SIGINT for the program inside, and ^D into the end of its input', async () => {
    const trap = 'trap "echo interrupted; exit 12" INT; echo up; while :; do sleep 1000 & wait; done'
    const terminal = inTerminal(directory, [...quiet, '-it', image, 'sh', '-c', trap])
    await terminal.shows(/up\r\n/)
    terminal.type('\x03')
    expect(await terminal.exitCode).toBe(12)
    expect(terminal.shown()).toContain('interrupted')
    const reader = inTerminal(directory, [...quiet, '-it', image, 'cat'])
    reader.type('line\r')
    await reader.shows(/line\r\nline\r\n/)
    reader.type('\x04')
    expect(await reader.exitCode).toBe(0)
  })

  it('are with exec -it a second terminal of the same container', async () => {
    const { name } = await waiting('second')
    const terminal = inTerminal(directory, ['exec', '-it', name, 'sh'], 30, 90)
    terminal.type('stty size; tty; echo $$\r')
    await terminal.shows(/\n30 90\r\n\/dev\/(pts\/\d+|console)\r\n\d+\r/)
    terminal.resize(50, 70)
    await until('the size is the new one', async () => {
      terminal.type('stty size\r')
      await new Promise((resolve) => setTimeout(resolve, 200))
      return /\n50 70\r/.test(terminal.shown())
    })
    terminal.type('sleep 60\r')
    await new Promise((resolve) => setTimeout(resolve, 300))
    terminal.type('\x03')
    terminal.type('exit 13\r')
    expect(await terminal.exitCode).toBe(13)
    expect(await ok(['exec', '--tty', name, 'tty'])).toMatch(/^\/dev\/(pts\/\d+|console)\r$/)
    await remove(name)
  })

  it('are shown by start --attach, and fed by start -i', async () => {
    await ok(['create', '-i', '--name=later', '--network=none', image, 'sh', '-c', 'read x; echo got $x; exit 3'])
    expect(await run(['start', '--attach', '--interactive', 'later'], { stdin: 'it\n' })).toEqual({
      stdout: 'got it\n',
      stderr: '',
      code: 3,
    })
    await ok(['create', '-it', '--name=screen', '--network=none', image, 'sh', '-c', 'stty size; read x; exit 4'])
    const terminal = inTerminal(directory, ['start', '-ai', 'screen'], 20, 60)
    await terminal.shows(/20 60\r\n/)
    terminal.type('\r')
    expect(await terminal.exitCode).toBe(4)
    await remove('later', 'screen')
  })

  it('of a detached terminal go to the log', async () => {
    await ok(['run', '-d', '-t', '--name=logged', '--network=none', image, 'sh', '-c', 'tty; echo line'])
    await ok(['wait', 'logged'])
    expect(await ok(['logs', 'logged'])).toMatch(/^\/dev\/pts\/0\r?\nline\r?$/)
    await remove('logged')
  })
})
