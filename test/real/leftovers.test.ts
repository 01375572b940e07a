// The check for leftovers sees leftovers: a green run means that there were none.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { expect } from 'vitest'
import { withTemporaryDirectory } from '../support/directory.ts'
import { changes, hostState, settledChanges } from '../support/host.ts'
import { cgroupVersion, skipUnless } from '../support/needs.ts'

const { describe, it } = skipUnless({ root: true, programs: ['unshare', 'sleep'] })

describe('the check for leftovers', () => {
  it('sees a cgroup', () => {
    const before = hostState()
    const cgroup = join('/sys/fs/cgroup', cgroupVersion() === 'v2' ? '' : 'pids', `vitrine-leftover-${process.pid}`)
    mkdirSync(cgroup)
    try {
      expect(changes(before, hostState())).toContain(`cgroup left behind: ${cgroup}`)
    } finally {
      rmdirSync(cgroup)
    }
  })

  it('sees a process in a namespace of its own, also when its environment says nothing', async () => {
    const before = hostState()
    const child = spawn('unshare', ['--net', 'sleep', '60'], { env: { PATH: process.env.PATH }, stdio: 'ignore' })
    try {
      await pause(300)
      expect(changes(before, hostState())).toContain(`process left behind: ${child.pid} sleep 60`)
    } finally {
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
    expect((await settledChanges(before)).filter((change) => change.includes(`${child.pid} `))).toEqual([])
  })

  it('sees a file in a state directory', () =>
    withTemporaryDirectory((directory) => {
      const before = hostState([directory])
      writeFileSync(join(directory, 'state.json'), '')
      expect(changes(before, hostState([directory]))).toContain(`file left behind: ${join(directory, 'state.json')}`)
    }))
})
