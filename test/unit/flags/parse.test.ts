// podman's grammar of flags.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { commands } from '../../../cli/flags/commands.ts'
import { distance, nearest } from '../../../cli/flags/nearest.ts'
import { parseFlags, splitList } from '../../../cli/flags/parse.ts'
import { create, run } from '../../../cli/flags/run-table.ts'
import { UserError } from '../../../core/errors.ts'

const parsed = (line: string) => parseFlags(run, line.split(' '))
const refusal = (line: string, sentence: string) => expect(() => parsed(line)).toThrow(new UserError(sentence))

describe('a value', () => {
  it.each(['--memory=512m', '--memory 512m', '-m 512m', '-m512m', '-m=512m'])('is read from %s', (line) => {
    expect(parsed(`${line} image`).text('memory')).toBe('512m')
    expect(parsed(`${line} image`).words).toEqual(['image'])
  })
  it('may begin with a dash, since a flag that needs one takes the next word whatever it is', () => {
    expect(parsed('--memory-swap -1 image').text('memory-swap')).toBe('-1')
    expect(parsed('--name -x image').text('name')).toBe('-x')
  })
  it('may be empty after =', () => {
    expect(parsed('--entrypoint= image').text('entrypoint')).toBe('')
  })
  it('that is given twice is the last one', () => {
    expect(parsed('-m1g --memory 2g image').text('memory')).toBe('2g')
  })
  it('of a flag that is given several times is each of them', () => {
    expect(parsed('-e A=1,2 --env B image').all('env')).toEqual(['A=1,2', 'B'])
  })
  it('of a list is parted at commas, but not in quotes', () => {
    expect(parsed('--cap-add NET_RAW,KILL --cap-add=CHOWN image').all('cap-add')).toEqual(['NET_RAW', 'KILL', 'CHOWN'])
    expect(splitList('a,"b,c",d')).toEqual(['a', 'b,c', 'd'])
  })
  it('that is missing is refused', () => {
    refusal('--memory', 'flag needs a value: --memory')
    refusal('-itm', 'flag needs a value: -m')
  })
})

describe('switches', () => {
  it('stand together, and the last letter may take a value', () => {
    const flags = parsed('-itdp8081:80 image')
    expect(['interactive', 'tty', 'detach'].map((name) => flags.on(name))).toEqual([true, true, true])
    expect(flags.all('publish')).toEqual(['8081:80'])
  })
  it('take a value only after =', () => {
    expect(parsed('--rm=false image').on('rm')).toBe(false)
    expect(parsed('--rm=T image').on('rm')).toBe(true)
    expect(parsed('-i=false image').on('interactive')).toBe(false)
    expect(parsed('--rm false').words).toEqual(['false'])
    expect(parsed('--rm=0 image').has('rm')).toBe(true)
  })
  it('must be true or false', () => {
    refusal('--rm=x image', '--rm=x: must be true or false')
    refusal('--rm=constructor image', '--rm=constructor: must be true or false')
  })
  it('that are not given are false, unless the flag is true by itself', () => {
    expect(parsed('image').on('rm')).toBe(false)
    expect(parsed('image').on('read-only-tmpfs', true)).toBe(true)
    expect(parsed('--read-only-tmpfs=false image').on('read-only-tmpfs', true)).toBe(false)
  })
})

describe('words', () => {
  it("of run, create, exec and top end the flags: what follows is the container's", () => {
    expect(parsed('--rm image ls -la --color=auto').words).toEqual(['image', 'ls', '-la', '--color=auto'])
    expect(parseFlags(commands.exec, ['-it', 'web', 'sh', '-c', 'x']).words).toEqual(['web', 'sh', '-c', 'x'])
  })
  it('of other commands may have flags after them', () => {
    const flags = parseFlags(commands.stop, ['web', '-t', '3', 'db'])
    expect(flags.words).toEqual(['web', 'db'])
    expect(flags.text('time')).toBe('3')
  })
  it('after -- are no flags', () => {
    expect(parseFlags(commands.rm, ['-f', '--', '-odd']).words).toEqual(['-odd'])
    expect(parsed('-- image -x').words).toEqual(['image', '-x'])
  })
  it('may be a single dash', () => {
    expect(parseFlags(commands.import, ['-', 'name']).words).toEqual(['-', 'name'])
  })
})

describe('a flag that is not there', () => {
  it("is named as podman's when podman has it", () => {
    refusal('--healthcheck-cmd x image', "--healthcheck-cmd is podman's, and vitrine does not have it yet")
    refusal('--restart=always image', "--restart is podman's, and vitrine does not have it yet")
    refusal('-P image', "-P (--publish-all) is podman's, and vitrine does not have it yet")
  })
  it('is unknown otherwise, and the nearest is named', () => {
    refusal('--foo image', 'unknown flag: --foo')
    refusal('--memry 5 image', 'unknown flag: --memry (did you mean --memory?)')
    refusal('-ix image', 'unknown flag: -x in -ix')
    refusal('-x image', 'unknown flag: -x')
  })
  it('is unknown to create when only run has it', () => {
    expect(() => parseFlags(create, ['--detach', 'image'])).toThrow('unknown flag: --detach')
  })
})

describe('the tables', () => {
  it.each(Object.entries(commands))('%s has no flag twice, and none that it also refuses', (_, command) => {
    const { flags, podmanOnly } = command as typeof run
    const names = flags.flatMap((flag) => [flag.name, ...(flag.aliases ?? [])])
    const letters = flags.flatMap((flag) => flag.short ?? [])
    expect(new Set(names).size).toBe(names.length)
    expect(new Set(letters).size).toBe(letters.length)
    for (const entry of podmanOnly) {
      const [name, letter] = entry.split(' ')
      expect(names).not.toContain(name)
      expect(letters).not.toContain(letter)
    }
  })
  it('asking for a flag that a table lacks is our mistake', () => {
    expect(() => parsed('image').text('memroy')).toThrow('no flag --memroy')
  })
  it('texts come back as they were given, whatever they are', () => {
    fc.assert(
      fc.property(fc.array(fc.string(), { minLength: 1 }), fc.boolean(), (values, withEquals) => {
        const argv = values.flatMap((value) => (withEquals ? [`--env=${value}`] : ['--env', value]))
        expect(parseFlags(run, [...argv, 'image']).all('env')).toEqual(values)
      }),
    )
  })
  it('any words at all are parsed or refused with a sentence', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.string(), fc.constantFrom('-', '--', '-it', '--rm', '--memory'))), (argv) => {
        try {
          parseFlags(run, argv)
        } catch (error) {
          expect(error).toBeInstanceOf(UserError)
        }
      }),
    )
  })
})

describe('nearness', () => {
  it('counts letters put in, taken out, changed or swapped', () => {
    expect(distance('memory', 'memroy')).toBe(1)
    expect(distance('memory', 'memry')).toBe(1)
    expect(distance('', 'abc')).toBe(3)
    expect(distance('kitten', 'sitting')).toBe(3)
  })
  it('is the same both ways, and nothing only for equal words', () => {
    const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 8 })
    fc.assert(
      fc.property(word, word, (a, b) => {
        expect(distance(a, b)).toBe(distance(b, a))
        expect(distance(a, b) === 0).toBe(a === b)
      }),
    )
  })
  it('finds none when none is near', () => expect(nearest('xyzzy', ['memory', 'rm'])).toBeUndefined())
})
