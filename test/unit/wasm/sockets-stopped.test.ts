// Processes with sockets that are stopped and go on at any moment: what a function has asked before counts, and is not asked again.

import { beforeAll, describe, expect, it } from 'vitest'
import type { Program } from '../../../sim/program.ts'
import { runUntil } from '../../../sim/run.ts'
import { guestMachine } from '../../support/guests.ts'
import { adapter, socketsComponent, standardProgram } from '../../support/standard.ts'
import { running } from '../../support/started.ts'

const [SIGCONT, SIGSTOP] = [18, 19]
const adapterBytes = adapter()
const text = 'x'.repeat(20_000)

describe.skipIf(!adapterBytes)('two components that talk to each other', () => {
  let program: Program
  beforeAll(async () => {
    program = await standardProgram(await socketsComponent(adapterBytes!))
  }, 120_000)

  it('lose nothing however they are stopped, because a function that begins anew has been answered already', () => {
    for (let every = 1; every < 40; every++) {
      const machine = guestMachine(program, ['sockets'])
      const { kernel } = machine
      const server = running(machine, '/bin/sockets', ['serve', '8080'])
      server.says()
      const client = running(machine, '/bin/sockets', ['ask', '8080', '4', text])
      const both = [server.task, client.task]
      const areOver = () => both.every((task) => !task.alive)
      const signal = (number: number) =>
        both.filter((task) => task.alive).map((task) => kernel.sendSignal(task, number))
      for (let round = 0; round < 100 && !areOver(); round++) {
        let steps = 0
        runUntil(kernel, () => areOver() || ++steps === every)
        signal(SIGSTOP)
        runUntil(kernel, () => false)
        signal(SIGCONT)
      }
      runUntil(kernel, areOver)
      expect([every, client.says()]).toEqual([every, `${text}\n`])
    }
  })
})
