// A program of others in C: Lua out of Debian's source package, linked with wasi-libc over the contract.

import { beforeAll, describe, expect, it } from 'vitest'
import type { Program } from '../../../sim/program.ts'
import { guestMachine, type RunOptions } from '../../support/guests.ts'
import { luaComponent, luaSources, standardProgram } from '../../support/standard.ts'

const sources = await luaSources()
const why = sources ? '' : ": skipped, Debian's source package cannot be fetched"

describe.skipIf(!sources)(`Lua${why}`, () => {
  let program: Program
  let component: Uint8Array
  beforeAll(async () => {
    component = await luaComponent(sources!)
    program = await standardProgram(component)
  }, 600_000)
  const lua = (script: string, options: RunOptions = {}) =>
    guestMachine(program, ['lua']).run(['lua', '-'], { ...options, input: script })

  it('imports nothing of WASI', () => {
    expect(Buffer.from(component).includes('wasi_snapshot_preview1')).toBe(false)
  })

  it('computes, with strings, tables and closures', () => {
    const script = `local t = {}
for i = 1, 5 do t[#t + 1] = i * i end
local function adder(n) return function(m) return n + m end end
print(table.concat(t, ' '), 10 / 4, ('x'):rep(3), adder(2)(3), string.format('%.3f', math.pi))`
    expect(lua(script)).toEqual({ output: '1 4 9 16 25\t2.5\txxx\t5\t3.142\n', code: 0, signal: 0 })
  })

  it('reads and writes files, its environment, and ends as it says', () => {
    const script = `local file = assert(io.open('/tmp/x', 'w'))
file:write('one\\ntwo\\n')
file:close()
for line in io.lines('/tmp/x') do print(line) end
os.remove('/tmp/x')
print(io.open('/tmp/x'))
print(os.getenv('WHO'))
os.exit(4)`
    const { output, code } = lua(script, { env: { WHO: 'me' } })
    expect(output).toBe('one\ntwo\nnil\t/tmp/x: No such file or directory\t44\nme\n')
    expect(code).toBe(4)
  })

  it('says so when it would leave a function by longjmp', () => {
    const { output, code } = lua(`error('wrong')`)
    expect(output).toContain('longjmp(3)')
    expect(code).toBe(134)
  })
})
