// A terminal in front of a simulated machine: what is typed, Ctrl-C, another size; and that what was typed replays.

import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { cli, launcher } from '../support/cli.ts'
import { withTemporaryDirectory } from '../support/directory.ts'
import { skipUnless } from '../support/needs.ts'
import { wordsInTerminal } from '../support/pty.ts'
import { until } from '../support/session.ts'

const { describe, it } = skipUnless({ linux: true, natives: true, programs: ['setsid'], anyKernel: true })

const terminal = (directory: string, ...words: string[]) =>
  wordsInTerminal([process.execPath, '--', launcher, '--root', directory, '--sim', ...words])

describe('a terminal with --sim', () => {
  it('has a prompt, Ctrl-C ends what runs and not the shell, and the exit code is the last one', () =>
    withTemporaryDirectory(async (directory) => {
      const shell = terminal(directory, 'run', '-it', '--name', 'typed', 'busybox', 'sh')
      await shell.shows(/# $/)
      shell.type('sleep 1000\r')
      await shell.shows(/sleep 1000\r\n/)
      shell.type('\x03')
      await shell.shows(/\^C\r\n.*# $/)
      shell.type('echo "code $?" $((6*7))\r')
      await shell.shows(/\ncode 130 42\r\n/)
      shell.type('trap "echo another size" WINCH\r')
      await shell.shows(/WINCH\r\n# $/)
      shell.resize(30, 101)
      // A trap has its turn with the next command, and what is typed may come in before the size does.
      await until('the shell tells of another size', () => {
        shell.type(':\r')
        return /\nanother size\r\n/.test(shell.shown())
      })
      shell.type('echo kept >/tmp/f; exit 3\r')
      expect(await shell.exitCode).toBe(3)
      rmSync(join(directory, 'machines/default.states'), { recursive: true, force: true })
      const kept = await cli(['--root', directory, '--sim', 'diff', 'typed'])
      expect(kept).toEqual({ code: 0, stdout: 'C /etc\nC /tmp\nA /tmp/f\n', stderr: '' })
    }))

  it('leads by machine ssh to a shell beside the containers, whose processes it sees', () =>
    withTemporaryDirectory(async (directory) => {
      await cli(['--root', directory, '--sim', 'run', '-d', '--name', 'web', 'busybox', 'sleep', '1000'])
      const shell = terminal(directory, 'machine', 'ssh')
      await shell.shows(/# $/)
      shell.type('ps -eo pid,ppid,comm; hostname\r')
      await shell.shows(/ 1 +0 init\r\n.*vitrine-monitor\r\n.* sleep\r\n.*\nmachine\r\n/s)
      shell.type('\x04')
      expect(await shell.exitCode).toBe(0)
    }))

  it('leaves by the third Ctrl-C a program that takes no notice, and the command has not happened then', () =>
    withTemporaryDirectory(async (directory) => {
      const loud = terminal(directory, 'run', 'busybox', 'sh', '-c', 'echo begun; while :; do sleep 1; done')
      await loud.shows(/begun/)
      for (const count of [1, 2, 3]) {
        loud.type('\x03')
        await loud.shows(new RegExp(`(\\^C){${count}}`))
      }
      await loud.shows(/takes no notice of SIGINT/)
      expect(await loud.exitCode).toBe(130)
      expect(await cli(['--root', directory, '--sim', 'ps', '-aq'])).toEqual({ code: 0, stdout: '', stderr: '' })
    }))
})
