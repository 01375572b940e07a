// The house's table of who may import whom, and what no pure file may touch.

import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { blank, repository, type Source, sourcesBelow, target } from '../support/source.ts'

interface Room {
  /** Folders and files of the repository that may be imported, and packages (`node:` stands for all of Node). */
  readonly may: readonly string[]
  /** Packages that only files below a folder, or one file, may import. */
  readonly only?: Readonly<Record<string, string>>
}

const rooms: Readonly<Record<string, Room>> = {
  core: { may: ['core/'], only: { xstate: 'core/lifecycle/', 'smol-toml': 'core/image/registry/registries-conf.ts' } },
  // Numbers of calls are words, too: filters compare them.
  sim: {
    may: ['sim/', 'core/syscall.ts', 'core/errno.ts', 'core/message.ts', 'core/launch/seccomp/numbers-x86-64.ts'],
  },
  'backends/linux': { may: ['backends/linux/', 'core/', 'node:'], only: { koffi: 'backends/linux/ffi.ts' } },
  'backends/sim': { may: ['backends/sim/', 'core/', 'sim/'] },
  // Plays scenarios of the simulated kernel on the real one.
  'backends/player': { may: ['backends/player/', 'backends/linux/', 'core/', 'sim/', 'node:'] },
  cli: { may: ['cli/', 'core/', 'backends/', 'node:', 'commander'] },
  // Its bundle has the commands of cli without what is Node's there: scripts/browser.mjs.
  browser: { may: ['browser/', 'backends/sim/', 'cli/', 'core/', 'sim/'] },
}

function brokenImports(name: string, room: Room): string[] {
  return sourcesBelow(name).flatMap((source) =>
    source.imports
      .map((specifier) => target(source, specifier))
      .filter((path) => !allowed(room, source.path, path))
      .map((path) => `${source.path} imports ${path}`),
  )
}

function allowed(room: Room, from: string, path: string): boolean {
  const exception = room.only?.[path]
  if (exception !== undefined) return from.startsWith(exception)
  return room.may.some(
    (prefix) => path === prefix || ((prefix.endsWith('/') || prefix.endsWith(':')) && path.startsWith(prefix)),
  )
}

/** `path:line: text` of every place where a pattern stands in the code. */
function places(sources: readonly Source[], pattern: RegExp): string[] {
  return sources.flatMap(({ path, text, code }) =>
    [...code.matchAll(pattern)].map((match) => {
      const line = code.slice(0, match.index).split('\n').length
      return `${path}:${line}: ${text.split('\n')[line - 1]!.trim()}`
    }),
  )
}

const pure = () => [...sourcesBelow('core'), ...sourcesBelow('sim')]

describe('imports', () => {
  for (const [name, room] of Object.entries(rooms)) {
    it(`go from ${name} only to ${[...room.may, ...Object.keys(room.only ?? {})].join(', ')}`, () => {
      expect(brokenImports(name, room)).toEqual([])
    })
  }

  it('reach machine code, koffi, from one file', () => {
    const everywhere = ['core', 'sim', 'backends', 'cli'].flatMap((folder) => sourcesBelow(folder))
    const files = everywhere.filter(({ text }) => /['"](?:@koromix\/)?koffi/.test(text)).map(({ path }) => path)
    expect(files.length, files.join(', ')).toBeLessThanOrEqual(1)
  })

  it('are not hidden in files that only pass on what others export', () => {
    const barrels = ['core', 'sim', 'backends', 'cli', 'browser'].flatMap((folder) =>
      places(sourcesBelow(folder), /^export \*/gm),
    )
    expect(barrels).toEqual([])
  })
})

describe('core and sim', () => {
  it('read no clock and draw no chance', () => {
    expect(
      places(pure(), /\bDate\.now\b|\bnew Date\(\s*\)|(?<![.\w])Date\(\)|\bMath\.random\b|\bperformance\s*\./g),
    ).toEqual([])
  })

  it('keep no state in modules', () => {
    expect(places(pure(), /^(?:export )?(?:let|var) /gm)).toEqual([])
  })

  it('know nothing of Node or a browser: they compile without their types', () => {
    const argv = ['-p', join(repository, 'test/house/tsconfig.pure.json'), '--noEmit', '--pretty', 'false']
    let output = ''
    try {
      execFileSync(join(repository, 'node_modules/.bin/tsc'), argv, { encoding: 'utf8' })
    } catch (error) {
      output = String((error as { stdout?: string }).stdout ?? error)
    }
    // Other mistakes are for the type check; here count the names and modules that are not there.
    const unknown = output.split('\n').filter((line) => /error TS(2304|2580|2584|2591|2792|2868|2307)/.test(line))
    expect(unknown).toEqual([])
  })
})

describe('printing', () => {
  it('is for cli alone', () => {
    const others = ['core', 'sim', 'backends'].flatMap((folder) => sourcesBelow(folder))
    expect(places(others, /(?<![.\w])console\s*\.|\bprocess\.(?:stdout|stderr)\.write\b/g)).toEqual([])
  })
})

describe('the reader of sources that these rules rest on', () => {
  it('blanks comments, strings and regular expressions, and keeps positions', () => {
    const text = 'const a = "Date.now" // Date.now\nconst b = x.replace(/["]/g, y) /* let */ + `in a template`'
    const blanked = 'const a = "        "            \nconst b = x.replace(      , y)           + `in a template`'
    expect(blank(text)).toBe(blanked)
  })
})
