// A real configure script of 16,000 lines, made by autoconf: our shell and tools come to what dash and Debian's come to.

import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { builtGuest, type GuestMachine, guestMachine } from '../../support/guests.ts'
import { repository } from '../../support/source.ts'
import { debianSource } from '../../support/standard.ts'

const source = await debianSource({
  path: 'h/hello/hello_2.10.orig.tar.gz',
  sha256: '31e066137a962676e89f69d1b65382de95a7ef7d914b8cb956f41ea72e0f516b',
})
const hasDebian = ['/bin/dash', '/usr/bin/mawk', '/usr/bin/diff'].every(existsSync)
const why = !hasDebian
  ? ' — skipped: there is no dash, mawk or diff'
  : ' — skipped: the sources of hello cannot be fetched'

const words = ['./configure', '--disable-nls']
/** Programs beside the tools: there is no compiler on the machine. */
const pretended = {
  gcc: readFileSync(join(repository, 'test/guests/pretended-gcc.sh'), 'utf8'),
  ld: '#!/bin/sh\necho "GNU ld (pretended) 1.0"\n',
}
/** Not config.status: dash does not know $LINENO well enough for autoconf, which puts numbers in its place. */
const results = ['config.h', 'Makefile', 'po/Makefile', 'po/POTFILES']
const { tools } = JSON.parse(readFileSync(join(repository, 'prebuilds/guests/box/index.json'), 'utf8')) as {
  tools: string[]
}

type Configured = Readonly<Record<string, string>>

/** With the tools that the machine has, and no others. */
function onLinux(directory: string, from: string): Configured {
  const [work, bin, own] = ['work', 'bin', 'own'].map((name) => join(directory, name)) as [string, string, string]
  for (const path of [bin, own]) mkdirSync(path)
  cpSync(from, work, { recursive: true })
  for (const [name, text] of Object.entries(pretended)) {
    writeFileSync(join(own, name), text)
    chmodSync(join(own, name), 0o755)
  }
  for (const name of tools) {
    const real = { sh: 'dash', awk: 'mawk' }[name] ?? name
    const place = ['/usr/bin', '/bin'].map((path) => join(path, real)).find(existsSync)
    if (place) symlinkSync(place, join(bin, name))
  }
  const env = { PATH: `${own}:${bin}`, CONFIG_SHELL: join(bin, 'sh'), MKDIR_P: 'mkdir -p', LC_ALL: 'C' }
  const { status, stdout, stderr } = spawnSync('/bin/dash', words, { cwd: work, env, encoding: 'utf8' })
  const files = results.map((name) => [name, readFileSync(join(work, name), 'utf8')])
  const all = Object.fromEntries([['said', `${stdout}${stderr}${status}`], ...files]) as Configured
  const plain = (text: string) => text.replaceAll(work, '/work').replaceAll(bin, '/bin').replaceAll(own, '/own')
  return Object.fromEntries(Object.entries(all).map(([name, text]) => [name, plain(text)]))
}

function write({ call }: GuestMachine, path: string, content: Uint8Array | string): void {
  const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content
  const fd = call({ name: 'openat', dirfd: -100, pathname: path, flags: 0o1101, mode: 0o755 }).value
  for (let at = 0; at < bytes.length; at += 65_536) call({ name: 'write', fd, buf: bytes.slice(at, at + 65_536) })
  call({ name: 'close', fd })
}

function copy(machine: GuestMachine, from: string, to: string): void {
  machine.call({ name: 'mkdirat', dirfd: -100, pathname: to, mode: 0o755 })
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const place = join(from, entry.name)
    if (entry.isDirectory()) copy(machine, place, `${to}/${entry.name}`)
    else if (entry.isFile()) write(machine, `${to}/${entry.name}`, new Uint8Array(readFileSync(place)))
  }
}

async function onTheMachine(from: string): Promise<Configured> {
  const machine = guestMachine(await builtGuest('box'), tools)
  const { call, run } = machine
  copy(machine, from, '/work')
  call({ name: 'mkdirat', dirfd: -100, pathname: '/own', mode: 0o755 })
  for (const [name, text] of Object.entries(pretended)) write(machine, `/own/${name}`, text)
  call({ name: 'chdir', path: '/work' })
  const env = { PATH: '/own:/bin', CONFIG_SHELL: '/bin/sh', MKDIR_P: 'mkdir -p', LC_ALL: 'C' }
  const { output, code } = run(['sh', ...words], { env })
  const read = (path: string) => {
    const fd = call({ name: 'openat', dirfd: -100, pathname: path, flags: 0, mode: 0 }).value
    return new TextDecoder().decode(call({ name: 'read', fd, buf: 1 << 22 }).data)
  }
  return Object.fromEntries([['said', `${output}${code}`], ...results.map((name) => [name, read(`/work/${name}`)])])
}

it.skipIf(!source || !hasDebian)(
  `sh and its tools run a configure script to the same files as dash and Debian's${source && hasDebian ? '' : why}`,
  async () => {
    const directory = mkdtempSync(join(tmpdir(), 'vitrine-configure-'))
    try {
      const real = onLinux(directory, source!)
      expect(real.said).toMatch(/config.status: creating po\/Makefile\n0$/)
      const ours = await onTheMachine(source!)
      for (const name of ['said', ...results]) expect(ours[name]!.split('\n'), name).toEqual(real[name]!.split('\n'))
    } finally {
      rmSync(directory, { recursive: true, force: true })
    }
  },
  120_000,
)
