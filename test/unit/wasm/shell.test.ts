// Our sh beside Debian's dash: the same scripts, the same words, the same exit codes.
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the shell's own

import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import type { Program } from '../../../sim/program.ts'
import { builtGuest, guestMachine } from '../../support/guests.ts'
import { shellCommand, shellScript } from '../../support/random-scripts.ts'
import { hasRealShell, realShell, type Said } from '../../support/real-shell.ts'
import { shellScripts } from '../../support/shell-scripts.ts'

let program: Program
beforeAll(async () => {
  program = await builtGuest('box')
})

function machine() {
  const names = 'sh cat echo false grep head ls mkdir printf seq sleep sort tr true wc yes'
  const made = guestMachine(program, names.split(' '))
  made.call({ name: 'mkdirat', dirfd: -100, pathname: '/work', mode: 0o755 })
  return made
}

function ours(script: string): Said {
  const { call, run } = machine()
  call({ name: 'chdir', path: '/work' })
  const { output, code, signal } = run(['sh', '-c', script])
  return { output, code: signal > 0 ? 128 + signal : code }
}

describe.skipIf(!hasRealShell)('sh says what dash says', () => {
  const all = Object.entries(shellScripts).flatMap(([area, scripts]) => scripts.map((script) => ({ area, script })))
  let real: Said[]
  beforeAll(() => {
    real = realShell(all.map(({ script }) => script))
  }, 60_000)
  for (const area of Object.keys(shellScripts))
    it(`about ${area}`, () => {
      for (const [at, { area: of, script }] of all.entries())
        if (of === area) expect({ script, ...ours(script) }).toEqual({ script, ...real[at] })
    })
})

const tools = fc.constantFrom(
  'cat',
  'cat f',
  'seq 3',
  'sort f',
  'tr a-c A-C',
  'wc -l',
  'grep o f',
  'ls',
  'ls d',
  'head -1 f',
)

describe.skipIf(!hasRealShell)('random scripts', () => {
  it('do in sh what they do in dash', () => {
    const scripts = fc.array(shellScript(shellCommand(tools)), { minLength: 1, maxLength: 20 })
    // More, and other ones, with VITRINE_RUNS: of those some differ by chance, where two parts of a pipeline write at once.
    const chosen = process.env.VITRINE_RUNS
      ? { numRuns: Number(process.env.VITRINE_RUNS) }
      : { numRuns: 8, seed: 118707161 }
    fc.assert(
      fc.property(scripts, (list) => {
        const real = realShell(list)
        for (const [at, script] of list.entries()) expect({ script, ...ours(script) }).toEqual({ script, ...real[at] })
      }),
      chosen,
    )
  })
})

describe('sh', () => {
  it('keeps its memory small in a loop of many rounds', () => {
    const memory = (rounds: number) => {
      const loop = `i=0; while [ $i -lt ${rounds} ]; do i=$((i+1)); for w in a $i; do x="$x\${w%a}"; x=; done; done`
      return machine().run(['sh', '-c', `f() { ${loop}; }; f; cat /proc/$$/statm`]).output
    }
    expect(memory(3000)).toBe(memory(30))
  })
})
