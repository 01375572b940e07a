// Images of a user who is not root: they come with their owners where ids are lent, and leave nothing behind.

import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect } from 'vitest'
import { ociArchive } from '../fixtures/oci.ts'
import { expectSentence } from '../support/faults.ts'
import { asOrdinaryUser, forUsers, lentUid, type OrdinaryUser, user } from '../support/ordinary-user.ts'
import { ownersImage, ownersLayers } from '../support/owners-image.ts'
import { type Registry, startRegistry, withRegistry } from '../support/registry.ts'
import { insecure } from '../support/registry-session.ts'
import { putImage } from '../support/remote-images.ts'

const { describe, it } = forUsers
const network = '--network=none'

describe('images of an ordinary user', () => {
  let registry: Registry
  let name: string
  let digest: string
  beforeAll(async () => {
    registry = await startRegistry()
    name = `${registry.address}/team/owners:v1`
    const image = ownersImage()
    digest = image.digest
    await putImage(registry, 'team/owners', image, 'v1')
    await putImage(registry, 'team/far', ownersImage([{ path: 'far', content: 'x', uid: 65_537 }]), 'v1')
  })
  afterAll(async () => await registry?.stop())

  const withUser = (use: (user: OrdinaryUser) => Promise<void>) =>
    asOrdinaryUser(async (user) => {
      user.write('.config/containers/registries.conf', insecure(registry.address))
      await use(user)
    })

  it('are pulled by tag and by digest, and show their owners, setuid bits and capabilities inside', async () => {
    await withUser(async ({ run, ok }) => {
      const pulled = await run(['pull', '-q', name])
      expect(pulled).toMatchObject({ code: 0, stdout: /^[0-9a-f]{64}\n$/.exec(pulled.stdout)?.[0] })
      expect(pulled.stderr).toBe('vitrine: warning: layer 1 of 2: device nodes left out (1, for example dev/made)\n')
      const byDigest = `${registry.address}/team/owners@${digest}`
      expect(`${await ok(['pull', '-q', byDigest])}\n`).toBe(pulled.stdout)
      const inside = (flags: readonly string[], ...words: string[]) =>
        ok(['run', '--rm', network, ...flags, name, ...words])
      const script =
        'stat -c "%n %u:%g %a" /srv /srv/page /as33 /tmp /locked /locked/in /locked/in/file; ls /srv /srv/hidden'
      expect(await inside([], 'sh', '-c', script)).toBe(
        '/srv 33:34 755\n/srv/page 33:34 640\n/as33 33:34 4755\n/tmp 0:0 1777\n/locked 33:34 0\n/locked/in 44:44 0\n' +
          '/locked/in/file 65536:65536 0\n/srv:\nhidden\npage\n\n/srv/hidden:\nabove',
      )
      expect(await inside(['--user=web'], 'sh', '-c', 'id -u; cat /srv/page; touch /srv/mine')).toBe('33\na page')
      await ok(['run', '-d', '--name=c', '--user=5', network, name, '/as33', 'sleep', '1000'])
      const pid = await ok(['inspect', '--format', '{{.State.Pid}}', 'c'])
      expect(readFileSync(`/proc/${pid}/status`, 'utf8')).toMatch(
        new RegExp(`^Uid:\t${lentUid(5)}\t${lentUid(33)}\t`, 'm'),
      )
      await ok(['rm', '-f', '-t', '0', 'c'])
      expect(await inside(['--user=5'], '/may/cat', '/etc/shadow')).toBe('secret')
      expect((await run(['run', '--rm', network, '--user=5', name, 'cat', '/etc/shadow'])).code).toBe(1)
    })
  })

  it('are the user’s own without lent ids, and what cannot be kept is said', async () => {
    await withUser(async ({ run, ok, home }) => {
      const ids = 'none'
      const { stderr, code } = await run(['pull', '-q', name], { ids })
      expect(code, stderr).toBe(0)
      expect(stderr.split('\n').sort()).toEqual([
        '',
        'vitrine: warning: layer 1 of 2: device nodes left out (1, for example dev/made)',
        'vitrine: warning: layer 1 of 2: owners other than root left out (5, for example as33)',
        'vitrine: warning: layer 2 of 2: owners other than root left out (1, for example srv/page)',
      ])
      const script = 'stat -c "%n %u:%g %a" /srv/page /as33 /locked; cat /etc/shadow; ls /srv /srv/hidden'
      expect(await ok(['run', '--rm', network, name, 'sh', '-c', script], { ids })).toBe(
        '/srv/page 0:0 640\n/as33 0:0 4755\n/locked 0:0 0\nsecret\n/srv:\nhidden\npage\n\n/srv/hidden:\nabove',
      )
      const owners = execFileSync('find', [join(home, 'root'), '-not', '-uid', String(user)], { encoding: 'utf8' })
      expect(owners).toBe('')
    })
  })

  it('are gotten by run and create, quietly where that is asked for', async () => {
    await withUser(async ({ run, ok, left }) => {
      const loud = await run(['run', '--rm', network, name, 'stat', '-c', '%u', '/srv/page'])
      expect(loud).toMatchObject({ code: 0, stdout: '33\n' })
      expect(loud.stderr).toMatch(/^Trying to pull .*\nCopying blob/)
      await ok(['rmi', '-a'])
      const quiet = await run(['create', '-q', '--name=c', network, name])
      expect(quiet.stdout).toMatch(/^[0-9a-f]{64}\n$/)
      expect(quiet.stderr).not.toContain('Copying')
      await ok(['rm', 'c'])
      const missing = await run(['run', '--rm', network, `${registry.address}/team/none`])
      expect(missing).toMatchObject({ code: 125, stdout: '' })
      expect(missing.stderr).toMatch(/^vitrine: .*team\/none.*$/m)
      await ok(['rmi', '-a'])
      expect(left()).toEqual([])
    })
  })

  it('need ids that reach to all owners: otherwise the owner is named, and nothing is left', async () => {
    await withUser(async ({ run, left }) => {
      const far = `${registry.address}/team/far:v1`
      const { code, stdout, stderr } = await run(['pull', '-q', far])
      expect({ code, stdout }).toEqual({ code: 125, stdout: '' })
      expect(stderr).toMatch(
        /^vitrine: layer 2 of 2: entry "far": chown to 65537:0: the ids that are lent to you do not reach so far: lend more in \/etc\/subuid and \/etc\/subgid$/m,
      )
      expect(left()).toEqual([])
      expect(await run(['run', '--rm', network, far])).toMatchObject({ code: 125, stdout: '' })
      expect(left()).toEqual([])
    })
  })

  it('are removed with files of lent ids in directories that nobody may enter', async () => {
    await withUser(async ({ ok, left, shell, home }) => {
      await ok(['pull', '-q', name])
      const owner = statSync(join(home, 'root/images/layers')).uid
      expect(owner).toBe(user)
      const uids = execFileSync('find', [join(home, 'root'), '-printf', '%U\n'], { encoding: 'utf8' })
      expect(uids).toContain(`\n${lentUid(33)}\n`)
      await ok(['run', '--name=c', network, name, 'sh', '-c', 'mkdir /x; touch /x/y; chown -R 7:8 /x; chmod 0 /x'])
      await ok(['commit', '-q', 'c', 'done'])
      await ok(['rm', 'c'])
      await ok(['untag', 'done'])
      expect(await shell('v image prune -f | wc -l')).toBe('1')
      expect(await ok(['system', 'df', '--format', '{{.Type}} {{.Total}}'])).toContain('Images 1')
      await ok(['rmi', name])
      expect(left()).toEqual([])
      await ok(['run', '--name=ended', network, name, 'chown', '9', '/etc/passwd'])
      expect(await ok(['system', 'prune', '-a', '-f'])).toMatch(/Deleted Containers\n[0-9a-f]{64}\n/)
      expect(await ok(['ps', '-aq'])).toBe('')
      expect(left()).toEqual([])
    })
  })

  it('that others’ ids were needed for do not stand in the way when those are lent no more', async () => {
    await withUser(async ({ ok, left, run }) => {
      await ok(['pull', '-q', name])
      expect((await run(['rmi', '-a'], { ids: 'none' })).code).toBe(0)
      expect(left().length).toBeGreaterThan(0)
      await ok(['pull', '-q', name], { ids: 'none' })
      await ok(['push', '-q', name, `${registry.address}/team/again`], { ids: 'none' })
      await ok(['rmi', '-a'])
      expect(left()).toEqual([])
    })
  })

  it('are brought in also where nobody may make a user namespace, with what can be kept there', async () => {
    await withUser(async ({ write, words, left }) => {
      write('base.tar', ociArchive({ layers: ownersLayers(), config: {}, tag: 'localhost/base:latest' }))
      // Namespaces are forbidden in one that holds this machine's ids as they are.
      const script = `
unshare -U sleep 60 & holder=$!
trap 'kill $holder' EXIT
until echo '0 0 65536' >/proc/$holder/uid_map; do kill -0 $holder; sleep 0.05; done 2>/dev/null
echo '0 0 65536' >/proc/$holder/gid_map
nsenter -U -t $holder sh -c 'echo 0 >/proc/sys/user/max_user_namespaces; "$@"' sh "$@"`
      const run = (...argv: string[]) => {
        const all = ['-ec', script, 'sh', ...words(argv, { ids: 'none' })]
        const { status, stdout, stderr } = spawnSync('sh', all, { encoding: 'utf8', timeout: 60_000 })
        expect(status, stderr).toBe(0)
        return { stdout, stderr }
      }
      const loaded = run('load', '-i', 'base.tar')
      expect(loaded.stdout).toBe('Loaded image: localhost/base:latest\n')
      expect(loaded.stderr).toContain('extended attributes security.capability left out (1, for example may/cat)')
      run('save', '-o', 'out.tar', 'base')
      run('rmi', 'base')
      expect(left()).toEqual([])
    })
  })

  it('are found for a user whose name the environment does not have right', async () => {
    await withUser(async ({ ok }) => {
      await ok(['pull', '-q', name], { env: { USER: 'root' } })
      expect(await ok(['run', '--rm', network, name, 'stat', '-c', '%u', '/srv/page'], { env: { USER: '' } })).toBe(
        '33',
      )
    })
  })

  it('come from where the user’s login, registries.conf, certificates and aliases say', async () => {
    await withRegistry({ auth: 'basic', tls: true }, async (closed) => {
      await withUser(async ({ run, ok, write, runtime, shell, home }) => {
        const there = `${closed.address}/mine/owners:v1`
        await ok(['pull', '-q', name])
        expectSentence(await run(['push', '-q', name, there]), 125, /certificate/)
        write(`.config/containers/certs.d/${closed.address}/ca.crt`, readFileSync(closed.ca!))
        expectSentence(await run(['push', '-q', name, there]), 125, /vitrine login/)
        const { user: who, password } = closed
        const stdin = Buffer.from(password!)
        await ok(['login', '-u', who!, '--password-stdin', closed.address], { stdin })
        await ok(['push', '-q', name, there])
        await ok(['rmi', '-a'])
        expect(statSync(join(runtime, 'containers/auth.json'))).toMatchObject({ uid: user, mode: 0o100600 })
        write(
          '.config/containers/registries.conf',
          `[aliases]\nowned = "${closed.address}/mine/owners"\n[[registry]]\nprefix = "far.example"\nlocation = "${closed.address}/mine"\n`,
        )
        const [one, two] = [await ok(['pull', '-q', 'owned:v1']), await ok(['pull', '-q', 'far.example/owners:v1'])]
        expect(one).toBe(two)
        // The cache of answers is the user's too, and not root's, which none may read.
        write('.cache/containers/short-name-aliases.conf', `[aliases]\nanswered = "${closed.address}/mine/owners"\n`)
        expect(await ok(['pull', '-q', 'answered:v1'])).toBe(one)
        await ok(['push', '-q', one, `${closed.address}/mine/pushed`])
        await ok(['rmi', '-a', '-f'])
        expect(
          await shell(`v run --rm ${network} ${closed.address}/mine/pushed stat -c %u /srv/page 2>/dev/null`),
        ).toBe('33')
        await ok(['logout', closed.address])
        expect((await run(['pull', '-q', there])).code).toBe(125)
        expect(statSync(home).uid).toBe(user)
      })
    })
  })

  it('of root are out of reach, and so is root’s store', async () => {
    await withUser(async ({ directory, run, ok }) => {
      const closed = join(directory, 'closed')
      mkdirSync(closed)
      writeFileSync(join(closed, 'file'), 'of root')
      writeFileSync(join(closed, 'secret'), 'of root')
      chmodSync(join(closed, 'secret'), 0o600)
      await ok(['pull', '-q', name])
      for (const argv of [
        ['save', '-o', join(closed, 'file'), name],
        ['save', '-o', join(closed, 'new'), name],
        ['load', '-i', join(closed, 'secret')],
        ['import', join(closed, 'secret')],
        ['--root', join(closed, 'store'), 'pull', '-q', name],
        ['--root', join(closed, 'store'), 'run', network, name],
      ]) {
        const { code, stderr, stdout } = await run(argv)
        expect({ argv, code, stdout }).toEqual({ argv, code: 125, stdout: '' })
        expect(stderr).toMatch(/^vitrine: [^\n]*\/closed[^\n]*EACCES \(permission denied\)\n/)
      }
      expect(
        execFileSync('find', [closed, '-type', 'f', '-printf', '%f %U %m %s\n'], { encoding: 'utf8' })
          .split('\n')
          .sort(),
      ).toEqual(['', 'file 0 644 7', 'secret 0 600 7'])
    })
  })
})
