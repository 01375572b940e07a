// Moments of a simulated machine: labelled, gone back to, gone on from twice; and the states on disk, which only save time.

import { readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { cli } from '../support/cli.ts'
import { withTemporaryDirectory } from '../support/directory.ts'
import { skipUnless } from '../support/needs.ts'

const { describe, it } = skipUnless({ anyKernel: true })

type Out = (...words: string[]) => Promise<string>

const withMachine = (use: (out: Out, directory: string) => Promise<void>) =>
  withTemporaryDirectory((directory) =>
    use(async (...words) => {
      const { code, stdout, stderr } = await cli(['--root', directory, ...words])
      expect({ code, stderr }, words.join(' ')).toEqual({ code: 0, stderr: '' })
      return stdout
    }, directory),
  )

const write = (text: string) => ['--sim', 'exec', 'web', 'sh', '-c', `echo ${text} >>/tmp/notes; cat /tmp/notes`]
/** Pipes, a fork that waits, a trap, and time that passes. */
const script = 'trap "echo told" USR1; i=0; while :; do i=$((i+1)); echo $i | sed s/^/turn/; sleep 0.3; done'
const begin = ['--sim', 'run', '-d', '--name', 'web', '--memory=32m', 'busybox', 'sh', '-c', script]

describe('moments of a machine', () => {
  it('can be gone back to: what came later has not happened', () =>
    withMachine(async (out) => {
      await out(...begin)
      expect(await out(...write('one'))).toBe('one\n')
      expect(await out('--sim', 'machine', 'snapshot', 'default', 'before')).toBe('before\n')
      const later = [await out(...write('two')), await out('--sim', 'logs', 'web'), await out('--sim', 'ps')]
      expect(later[0]).toBe('one\ntwo\n')
      expect(await out('--sim', 'machine', 'snapshots', 'default')).toMatch(/^STEP +LABEL .*\n(.*\n)*2 +before +\d/)
      await out('--sim', 'machine', 'rewind', 'default', '--to', 'before')
      expect(await out(...write('three'))).toBe('one\nthree\n')
      await out('--sim', 'machine', 'rewind', 'default', '--to', 'before')
      // The same inputs after the same moment lead to the same things.
      expect([await out(...write('two')), await out('--sim', 'logs', 'web'), await out('--sim', 'ps')]).toEqual(later)
    }))

  it('can be gone on from twice, and neither machine knows of the other', () =>
    withMachine(async (out) => {
      await out(...begin)
      await out('--sim', 'machine', 'snapshot', 'default', 'fork')
      await out(...write('here'))
      await out('--sim', 'machine', 'branch', 'default', 'other', '--from', 'fork')
      expect(await out('--machine', 'other', ...write('there'))).toBe('there\n')
      await out('--machine', 'other', '--sim', 'kill', '-s', 'USR1', 'web')
      // A trap is for when the command in front of it has ended.
      await out('--machine', 'other', '--sim', 'exec', 'web', 'sleep', '1')
      expect(await out('--machine', 'other', '--sim', 'logs', 'web')).toMatch(/told/)
      expect(await out(...write('again'))).toBe('here\nagain\n')
      expect(await out('--sim', 'logs', 'web')).not.toMatch(/told/)
    }))

  it('lie on disk to save time only: without them, and with damaged ones, the log leads to the same machine', () =>
    withMachine(async (out, directory) => {
      await out(...begin)
      await out(...write('one'))
      await out('--sim', 'machine', 'snapshot', 'default', 'here')
      const states = join(directory, 'machines/default.states')
      expect(readdirSync(states)).toContain('2.state')
      const look = async () => [
        await out(...write('two')),
        await out('--sim', 'logs', 'web'),
        await out('--sim', 'ps', '-a'),
      ]
      const fromState = await look()
      await out('--sim', 'machine', 'rewind', 'default', '--to', 'here')
      rmSync(states, { recursive: true })
      const byReplay = await look()
      await out('--sim', 'machine', 'rewind', 'default', '--to', 'here')
      for (const name of readdirSync(states)) writeFileSync(join(states, name), 'not a state')
      expect({ byReplay, damaged: await look() }).toEqual({ byReplay: fromState, damaged: fromState })
    }))
})
