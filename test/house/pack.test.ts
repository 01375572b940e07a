// The package as a user gets it: packed, installed in an empty folder, started.

import { execFile, execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { cp, mkdir, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, it } from 'vitest'
import { withTemporaryDirectory } from '../support/directory.ts'
import { programPath } from '../support/needs.ts'
import { repository } from '../support/source.ts'

const { version } = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8'))
const launcher = join(repository, 'bin/vitrine.cjs')

/** PATH as it is outside of this repository. */
const systemPath = (process.env.PATH ?? '')
  .split(':')
  .filter((directory) => !directory.includes('node_modules'))
  .join(':')

/** A Node that is too old for vitrine, if this machine has one. */
const oldNode = [programPath('node', systemPath)].find(
  (path) =>
    path !== undefined &&
    Number.parseInt(execFileSync(path, ['-p', 'process.versions.node'], { encoding: 'utf8' }), 10) < 24,
)

function environment(path: string): Record<string, string | undefined> {
  const inherited = Object.entries(process.env).filter(([name]) => !/^(?:npm_|node_|init_cwd|vitrine_)/i.test(name))
  return { ...Object.fromEntries(inherited), PATH: path }
}

async function run(argv: readonly string[], cwd: string, path = systemPath) {
  return await promisify(execFile)(argv[0]!, argv.slice(1), { cwd, env: environment(path) })
}

/** A directory that serves as PATH and has nothing in it but what npm needs: no compiler. */
async function pathWithoutCompiler(directory: string): Promise<string> {
  const bin = join(directory, 'programs')
  await mkdir(bin, { recursive: true })
  for (const program of ['sh', 'env', 'npm', 'npx'])
    await symlink(programPath(program, systemPath)!, join(bin, program))
  await symlink(process.execPath, join(bin, 'node'))
  return bin
}

async function install(tarball: string, directory: string, options: readonly string[], path = systemPath) {
  const folder = join(directory, `folder${options.join('')}`)
  await mkdir(folder)
  await writeFile(join(folder, 'package.json'), '{}')
  await run(['npm', 'install', '--prefer-offline', '--no-audit', '--no-fund', ...options, tarball], folder, path)
  return folder
}

describe('the package', () => {
  let files: string[] = []
  let tarball = Buffer.alloc(0)
  const withTarball = (use: (tarball: string, directory: string) => Promise<void>) =>
    withTemporaryDirectory(async (directory) => {
      const path = join(directory, `vitrine-${version}.tgz`)
      await writeFile(path, tarball)
      await use(path, directory)
    })

  beforeAll(() =>
    withTemporaryDirectory(async (directory) => {
      const { stdout } = await run(
        ['npm', 'pack', '--json', '--pack-destination', directory],
        repository,
        process.env.PATH,
      )
      files = JSON.parse(stdout)[0].files.map(({ path }: { path: string }) => path)
      tarball = readFileSync(join(directory, `vitrine-${version}.tgz`))
    }),
  )

  it('holds JavaScript and no sources', () => {
    expect(files).toContain('dist/vitrine.cjs')
    expect(files).toContain('bin/vitrine.cjs')
    expect(files.filter((path) => /\.(?:ts|c|h)$/.test(path))).toEqual([])
  })

  for (const [arch, compiler] of [
    ['x64', 'x86_64-linux-gnu-gcc'],
    ['arm64', 'aarch64-linux-gnu-gcc'],
  ]) {
    const can =
      programPath(compiler!) !== undefined ||
      (process.platform === 'linux' && process.arch === arch && programPath('gcc'))
    const name = `holds the native parts for ${arch}`
    if (can) {
      it(name, () => {
        const natives = ['tape.so', 'monitor', 'init'].map((native) => `prebuilds/linux-${arch}/${native}`)
        expect(files).toEqual(expect.arrayContaining(natives))
      })
    } else it.skip(`${name} — skipped: needs the compiler ${compiler}`, () => {})
  }

  it('works after npm install in an empty folder', () =>
    withTarball(async (tarball, directory) => {
      const folder = await install(tarball, directory, [])
      expect((await run(['npx', 'vitrine', '--version'], folder)).stdout).toContain(version)
    }))

  it('works when npm may run no scripts and no compiler is there, because nothing is built at install', () =>
    withTarball(async (tarball, directory) => {
      const path = await pathWithoutCompiler(directory)
      const folder = await install(tarball, directory, ['--ignore-scripts'], path)
      expect((await run(['npx', 'vitrine', '--version'], folder, path)).stdout).toContain(version)
    }))

  it('runs simulated machines where npm may run no scripts and has nothing native', () =>
    withTarball(async (tarball, directory) => {
      const path = await pathWithoutCompiler(directory)
      const folder = await install(tarball, directory, ['--ignore-scripts', '--omit=optional'], path)
      const modules = join(folder, 'node_modules')
      for (const name of ['koffi', '@koromix']) await rm(join(modules, name), { recursive: true, force: true })
      const root = ['--root', join(directory, 'root')]
      const sim = async (...words: string[]) =>
        (await run(['npx', 'vitrine', ...root, '--sim', ...words], folder, path)).stdout
      const script = 'uname; seq 3 | tac | tr "\\n" " "'
      expect(await sim('run', '--name', 'one', '--memory=64m', 'busybox', 'sh', '-c', script)).toBe('Linux\n3 2 1 ')
      expect(await sim('ps', '-a', '--format', '{{.Names}} {{.State}}')).toBe('one exited\n')
      expect(readdirSync(join(modules, 'vitrine/dist/browser'))).toEqual(['vitrine.js'])
    }))
})

describe('the build in a clone', () => {
  it('succeeds without a compiler, and says what is missing in one line', () =>
    withTemporaryDirectory(async (directory) => {
      const path = await pathWithoutCompiler(directory)
      const clone = join(directory, 'clone')
      for (const name of [
        'bin',
        'browser',
        'cli',
        'core',
        'backends',
        'sim',
        'scripts',
        'package.json',
        'tsconfig.json',
      ]) {
        await cp(join(repository, name), join(clone, name), { recursive: true })
      }
      await symlink(join(repository, 'node_modules'), join(clone, 'node_modules'))
      const { stderr } = await run(['node', 'scripts/build.mjs', '--install'], clone, path)
      expect(stderr.trim().split('\n')).toEqual([expect.stringMatching(/^vitrine: native parts .* were not built/)])
      expect((await run(['node', 'bin/vitrine.cjs', '--version'], clone, path)).stdout).toContain(version)
    }))
})

describe('the launcher', () => {
  it('runs the sources of a clone that was never built', () =>
    withTemporaryDirectory(async (directory) => {
      const clone = join(directory, 'clone')
      for (const name of ['bin', 'cli', 'core', 'backends', 'sim', 'package.json']) {
        await cp(join(repository, name), join(clone, name), { recursive: true })
      }
      await symlink(join(repository, 'node_modules'), join(clone, 'node_modules'))
      expect((await run([process.execPath, 'bin/vitrine.cjs', '--version'], clone)).stdout).toContain(version)
    }))

  if (oldNode === undefined) {
    it.skip('knows an old Node — skipped: needs a Node older than 24 on PATH', () => {})
    return
  }

  it('finds the Node that npm installed when the one on PATH is too old, and passes on arguments and exit code', async () => {
    expect((await run([oldNode, launcher, '--version'], '/')).stdout).toContain(version)
    await expect(run([oldNode, launcher, 'no-such-verb'], '/')).rejects.toMatchObject({ code: 125 })
  })

  it('says in one sentence that Node is too old when there is no other', () =>
    withTemporaryDirectory(async (directory) => {
      const alone = join(directory, 'bin/vitrine.cjs')
      await cp(launcher, alone)
      await expect(run([oldNode, alone, '--version'], '/')).rejects.toMatchObject({
        code: 125,
        stderr: expect.stringMatching(
          /^vitrine needs Node 24 or newer; this is v\d+\.\d+\.\d+ \(.*\): install [^\n]*\n$/,
        ),
      })
    }))
})
