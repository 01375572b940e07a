// What a user who is not root sends into vitrine and gets out of it, though another process does the work: archives, pipes,
// terminals, signals, exit codes.

import { chmodSync, closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect } from 'vitest'
import { ociArchive } from '../fixtures/oci.ts'
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts'
import { expectSentence, until } from '../support/faults.ts'
import { stallsAfter } from '../support/faults-of-http.ts'
import { asOrdinaryUser, forUsers, type Ids, type OrdinaryUser, processesOf } from '../support/ordinary-user.ts'
import { ownersImage, ownersLayers } from '../support/owners-image.ts'
import { wordsInTerminal } from '../support/pty.ts'
import { type Registry, startRegistry } from '../support/registry.ts'
import { insecure, storeProblems } from '../support/registry-session.ts'
import { putImage } from '../support/remote-images.ts'

const { describe, it } = forUsers
const network = '--network=none'
const archive = () => ociArchive({ layers: ownersLayers(), config: { Cmd: ['sh'] }, tag: 'localhost/base:latest' })
const quiet = '2>>"$HOME/said"'

describe('archives of an ordinary user', () => {
  it.each<Ids>(['lent', 'none'])('go round through every format, files and pipes, with ids: %s', async (ids) => {
    await asOrdinaryUser(async ({ shell, write, left }) => {
      write('base.tar', archive())
      const script = `
v load -i base.tar ${quiet}
v save -o one base; v save --format oci-archive base >two; v save --format oci-dir -o three base; v save base | cat >four
v save --format docker-dir -o five base; v save -o /dev/stdout base >six; cmp one four; cmp one six
v rmi -a
for file in one two three four; do v load -i $file; v rmi -a; done ${quiet}
for file in one two; do v load <$file; cat $file | v load; v load -i /dev/stdin <$file; v rmi -a; done ${quiet}
v import dir:five base ${quiet}
v history -q base | wc -l
v inspect --format '{{.RepoTags}}' base
v tag base other; v untag other localhost/other; v image exists other || echo gone
v rmi -a`
      const lines = (await shell(script, { ids })).split('\n')
      expect(lines.filter((line) => !/^(Loaded image|Untagged|Deleted|sha256|[0-9a-f]{64}$)/.test(line))).toEqual([
        '2',
        '[localhost/base:latest]',
        'gone',
      ])
      expect(lines.filter((line) => line === 'Loaded image: localhost/base:latest')).toHaveLength(11)
      expect(left()).toEqual([])
    })
  })

  it.each<Ids>(['lent', 'none'])(
    'hold what containers changed, also what its owner forbids to read, with ids: %s',
    async (ids) => {
      await asOrdinaryUser(async ({ shell, write, left }) => {
        write('base.tar', archive())
        const owners = ids === 'lent' ? 'chown -R 7:8 /x' : ':'
        const script = `
v load -i base.tar >/dev/null ${quiet}
v run --name c ${network} base sh -c 'mkdir /x; echo 1 >/x/y; ${owners}; chmod 0 /x/y /x; rm /srv/page; rm -r /srv/hidden; mkdir /srv/hidden'
v diff c; v commit -q c done >/dev/null ${quiet}
v export c | v import - flat >/dev/null ${quiet}
v export -o out.tar c; v import out.tar again >/dev/null ${quiet}
v rm c >/dev/null
for name in done flat again; do
  v run --rm ${network} $name sh -c 'stat -c "%n %u:%g %a" /x /x/y /as33; cat /x/y; ls /srv /srv/hidden; stat -c %a /locked'
done
v system df --format '{{.Type}} {{.Total}}'
v rmi -a >/dev/null`
        const [seven, as33] = ids === 'lent' ? ['7:8', '33:34'] : ['0:0', '0:0']
        const one = `/x ${seven} 0\n/x/y ${seven} 0\n/as33 ${as33} 4755\n1\n/srv:\nhidden\n\n/srv/hidden:\n0\n`
        expect(await shell(script, { ids })).toBe(
          `C /etc\nC /srv\nC /srv/hidden\nD /srv/page\nA /x\nA /x/y\n${one.repeat(3)}Images 4\nContainers 0\nLocal Volumes 0`,
        )
        expect(left()).toEqual([])
      })
    },
  )

  it.each<Ids>(['lent', 'none'])(
    'of volumes too, and volumes are removed whatever is in them, with ids: %s',
    async (ids) => {
      await asOrdinaryUser(async ({ shell, write, home }) => {
        write('base.tar', archive())
        const owners = ids === 'lent' ? 'chown -R 7:8 /v/x' : ':'
        const script = `
v load -i base.tar >/dev/null ${quiet}
for name in one two; do v volume create $name; done
v run --rm -v one:/v ${network} base sh -c 'mkdir /v/x; echo 1 >/v/x/y; ${owners}; chmod 0 /v/x/y /v/x'
v volume export one | v volume import two -
v volume export -o one.tar one; v volume rm one; v volume create one; v volume import one one.tar
for name in one two; do v run --rm -v $name:/v ${network} base stat -c '%n %u:%g %a' /v/x /v/x/y; done
v volume rm one; v volume prune -f; v volume ls -q; v rmi -a >/dev/null`
        const [owner] = ids === 'lent' ? ['7:8'] : ['0:0']
        const seen = `/v/x ${owner} 0\n/v/x/y ${owner} 0\n`
        expect(await shell(script, { ids })).toBe(`one\ntwo\none\none\n${seen}${seen}one\ntwo`)
        expect(await shell(`find ${home}/root/volumes -mindepth 1`)).toBe('')
      })
    },
  )

  it('are read from standard input and written to files that others have opened', async () => {
    await asOrdinaryUser(async ({ directory, start, run, ok }) => {
      const theirs = join(directory, 'theirs')
      writeFileSync(theirs, archive(), { mode: 0o600 })
      const into = join(directory, 'into')
      const [input, output] = [openSync(theirs, 'r'), openSync(into, 'wx', 0o600)]
      const code = (argv: readonly string[], stdio: readonly (number | 'ignore')[]) =>
        new Promise((resolve) => start(argv, { stdio: [...stdio] }).on('exit', resolve))
      expect(await code(['load'], [input, 'ignore', 'ignore'])).toBe(0)
      expect(await code(['save', '--format=oci-archive', '-o', '/dev/stdout', 'base'], ['ignore', output, 2])).toBe(0)
      expect(await run(['load'], { stdin: readFileSync(into) })).toMatchObject({ code: 0 })
      expectSentence(await run(['load']), 125, /it is empty/)
      expectSentence(await run(['import', '-'], { stdin: Buffer.from('x'.repeat(2000)) }), 125, /tar header/)
      for (const fd of [input, output]) closeSync(fd)
      await ok(['rmi', '-a'])
    })
  })

  it('have paths from where the user is: also where others may not be, and nobody is any more', async () => {
    await asOrdinaryUser(async ({ directory, home, write, ok, run, shell }) => {
      write('deep/base.tar', archive())
      const deep = { cwd: join(home, 'deep') }
      chmodSync(deep.cwd, 0o700)
      await ok(['load', '-i', 'base.tar'], deep)
      await ok(['save', '-o', '../out.tar', 'base'], deep)
      expect(readFileSync(join(home, 'out.tar')).length).toBeGreaterThan(1000)
      await ok(['load', '-i', './../out.tar'], deep)
      const closed = join(directory, 'closed')
      mkdirSync(closed, { mode: 0o700 })
      await ok(['load', '-i', join(home, 'out.tar')], { cwd: closed })
      expect((await run(['save', '-o', 'out.tar', 'base'], { cwd: closed })).code).toBe(125)
      await shell(`mkdir gone; cd gone; rmdir ../gone; v load -i ${home}/out.tar; v ps; ! v load -i out.tar`)
      rmSync(join(home, 'out.tar'))
      await ok(['rmi', '-a'])
    })
  })
})

describe('a pull of an ordinary user', () => {
  let registry: Registry
  let proxy: FaultProxy
  let name: string
  beforeAll(async () => {
    registry = await startRegistry()
    proxy = await startFaultProxy(registry.address)
    name = `${proxy.address}/team/owners:v1`
    await putImage(registry, 'team/owners', ownersImage(), 'v1')
  })
  afterAll(async () => {
    await proxy?.stop()
    await registry?.stop()
  })
  const withUser = (use: (user: OrdinaryUser) => Promise<void>) =>
    asOrdinaryUser(async (user) => {
      proxy.plan()
      user.write('.config/containers/registries.conf', insecure(proxy.address))
      await use(user)
    })

  it('shows bars on a terminal, and asks there what a short name means', async () => {
    await withUser(async ({ write, words, ok }) => {
      const search = `unqualified-search-registries = ["${registry.address}", "${proxy.address}"]\n`
      write('.config/containers/registries.conf', `${search}${insecure(registry.address, proxy.address)}`)
      const terminal = wordsInTerminal(words(['pull', 'team/owners:v1']), 30, 120)
      await terminal.shows(/Which image is meant\?[\s\S]*1 to 2 \[1\]: /)
      terminal.type('2\r')
      expect(await terminal.exitCode).toBe(0)
      expect(terminal.shown()).toMatch(new RegExp(`Trying to pull ${name}`))
      expect(terminal.shown()).toMatch(/Copying blob [0-9a-f]{12} .*\u001b\[/s)
      expect(terminal.shown()).toMatch(/\n[0-9a-f]{64}\r\n$/)
      // The answer is remembered where the user's answers are.
      expect(await ok(['pull', '-q', 'team/owners:v1'])).toMatch(/^[0-9a-f]{64}$/)
      await ok(['rmi', '-a'])
    })
  })

  it.each([['pull'], ['run', '--rm', network]])(
    'is ended by Ctrl-C, leaves nothing half and no process: %s',
    async (...verb) => {
      await withUser(async ({ words, ok, home, left }) => {
        proxy.plan({ on: /GET .*\/blobs\//, times: 9, fault: stallsAfter(20_000) })
        const terminal = wordsInTerminal(words([...verb, name]), 30, 120)
        await until('blobs are on their way', () => proxy.matching(/GET .*\/blobs\//).some(({ bytes }) => bytes > 0))
        await terminal.shows(/Copying blob/)
        terminal.type('\u0003')
        expect(await terminal.exitCode).toBe(130)
        await until('no process is left', () => processesOf(home).length === 0)
        proxy.plan()
        await ok(['pull', '-q', name])
        expect(storeProblems(home)).toEqual([])
        await ok(['rmi', '-a'])
        expect(left()).toEqual([])
      })
    },
  )

  it('is ended by SIGTERM from anybody', async () => {
    await withUser(async ({ start, home }) => {
      proxy.plan({ on: /GET .*\/blobs\//, times: 9, fault: stallsAfter(20_000) })
      const child = start(['pull', '-q', name])
      const code = new Promise((resolve) => child.on('exit', resolve))
      await until('blobs are on their way', () => proxy.matching(/GET .*\/blobs\//).some(({ bytes }) => bytes > 0))
      child.kill('SIGTERM')
      expect(await code).toBe(143)
      await until('no process is left', () => processesOf(home).length === 0)
    })
  })
})
