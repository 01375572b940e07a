// Volumes of a user who is not root: files keep the owners that they have in the container.

import { execFileSync, spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { tar } from '../fixtures/tar.ts'
import { launcher, stateOptions } from '../support/cli.ts'
import { programPath, skipUnless } from '../support/needs.ts'
import { needsContainers } from '../support/session.ts'

/** Debian's `nobody`. */
const user = 65534
const setpriv = [`--reuid=${user}`, `--regid=${user}`, '--clear-groups', '--']
const readable = spawnSync('setpriv', [...setpriv, 'test', '-r', launcher]).status === 0
const needs = {
  ...needsContainers,
  namespaces: ['user'],
  programs: ['setpriv', 'unshare', 'busybox', ...(readable ? [] : ['a directory that other users can read'])],
} as const
const { it } = skipUnless(needs)
const lending = skipUnless({ ...needs, programs: [...needs.programs, 'newuidmap'] })

/** Runs a script as the user, who has these lent ids; `v` is vitrine, and `base` an image with busybox. */
function asUser(ids: string, script: string, look: (directory: string) => void): string {
  // Not below the run's own directory, which is closed to others.
  const directory = mkdtempSync('/tmp/vitrine-user-')
  try {
    const names = ['sh', 'ls', 'cat', 'mkdir', 'chown', 'chmod', 'touch', 'stat', 'rm']
    const root = tar([
      { path: 'bin/busybox', content: readFileSync(programPath('busybox')!), mode: 0o755 },
      ...names.map((name) => ({ path: `bin/${name}`, type: 'symlink' as const, link: 'busybox' })),
      { path: 'site', type: 'directory', mode: 0o755 },
      { path: 'site/first', content: 'from below\n' },
    ])
    writeFileSync(join(directory, 'root.tar'), root)
    writeFileSync(join(directory, 'ids'), ids)
    mkdirSync(join(directory, 'shared'))
    writeFileSync(join(directory, 'shared/file'), 'of the host\n')
    for (const path of ['', 'shared', 'shared/file']) chownSync(join(directory, path), user, user)
    chmodSync(directory, 0o755)
    const vitrine = `setpriv ${setpriv.join(' ')} env HOME=${directory} USER=nobody ${process.execPath} -- ${launcher} ${stateOptions(directory).join(' ')}`
    const whole = `
for file in /etc/subuid /etc/subgid; do [ ! -e $file ] || mount --bind ${directory}/ids $file; done
set -e
cd ${directory}
v() { ${vitrine} "$@"; }
v import root.tar base >/dev/null
${script}
v volume rm --all >/dev/null
`
    const ended = spawnSync('unshare', ['-m', 'sh', '-c', whole], { encoding: 'utf8', timeout: 120_000 })
    expect(ended.status, ended.stderr).toBe(0)
    look(directory)
    const volumes = join(directory, 'root/volumes')
    expect(existsSync(volumes) ? readdirSync(volumes) : []).toEqual([])
    return ended.stdout
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

lending.it('a user with lent ids has volumes with files of all of them', () => {
  const script = `
v run --name=c --network=none base sh -c 'echo above >/site/second; chown 7:8 /site/second /site; mkdir /spool; chown 5:6 /spool; chmod 2770 /spool'
v commit c two >/dev/null 2>&1
v rm c >/dev/null
v run --rm --network=none -u 9:10 -v s:/site -v p:/spool -v o:/own two sh -c 'touch /own/x; stat -c "%n %u:%g %a" /site /site/first /site/second /spool /own /own/x' || true
v run --rm --network=none -v s:/site:ro two cat /site/first /site/second
v run --rm --network=none -u 9:10 -v s:/site:U two stat -c '%n %u:%g' /site /site/first /site/second
v volume export s >s.tar
v volume create t >/dev/null
v volume import t <s.tar
v run --rm --network=none -v t:/t two stat -c '%n %u:%g' /t/second
v run --rm --network=none -v ./shared:/b:O two sh -c 'cat /b/file; echo changed >/b/file; touch /b/new; chown 3 /b/new'
v run --rm --network=none -v /a two sh -c 'touch /a/x; chown 3 /a/x'
v volume ls -q
`
  const output = asUser('nobody:300000:65536\n', script, (directory) => {
    expect(readdirSync(join(directory, 'shared'))).toEqual(['file'])
    expect(readFileSync(join(directory, 'shared/file'), 'utf8')).toBe('of the host\n')
    const archived = execFileSync('tar', ['--numeric-owner', '-tvf', join(directory, 's.tar')], { encoding: 'utf8' })
    expect(archived).toMatch(/ 9\/10 .*second\n/)
  })
  expect(output.split('\n')).toEqual([
    ...[
      '/site 7:8 755',
      '/site/first 0:0 644',
      '/site/second 7:8 644',
      '/spool 5:6 2770',
      '/own 9:10 755',
      '/own/x 9:10 644',
    ],
    ...['from below', 'above'],
    ...['/site 9:10', '/site/first 9:10', '/site/second 9:10'],
    '/t/second 9:10',
    'of the host',
    ...['o', 'p', 's', 't', ''],
  ])
})

it('a user without lent ids has volumes with files of their own', () => {
  const script = `
v run --rm --network=none -v s:/site -v o:/own:U base sh -c 'cat /site/first; touch /own/x; stat -c %u:%g /site /site/first /own/x'
v volume export s | tar t | grep first
`
  expect(asUser('', script, () => {})).toMatch(/^from below\n0:0\n0:0\n0:0\n(\.\/)?first\n$/)
})
