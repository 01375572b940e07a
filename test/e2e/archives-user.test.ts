// Archives of a user who is not root: with lent ids files keep their owners, without any there is the user only.

import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, chownSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
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

const { it } = skipUnless({
  ...needsContainers,
  namespaces: ['user'],
  programs: ['setpriv', 'unshare', 'busybox', ...(readable ? [] : ['a directory that other users can read'])],
})
const lending = skipUnless({
  ...needsContainers,
  namespaces: ['user'],
  programs: ['setpriv', 'unshare', 'newuidmap', 'busybox'],
})

const changes =
  'rm /etc/gone; echo 1 >/new; chown 7:8 /new; chmod 600 /new; rm /etc/dir/x; rmdir /etc/dir; mkdir /etc/dir'

/** Imports, changes, commits and exports as the user, who has these lent ids; the lines of the export and of a listing. */
function everything(ids: string): { readonly exported: string; readonly listed: string; readonly changed: string } {
  // Not below the run's own directory, which is closed to others.
  const directory = mkdtempSync('/tmp/vitrine-user-')
  try {
    const busybox = readFileSync(programPath('busybox')!)
    const names = ['sh', 'rm', 'rmdir', 'mkdir', 'chown', 'chmod', 'ls']
    const root = tar([
      { path: 'bin/busybox', content: busybox, mode: 0o755 },
      ...names.map((name) => ({ path: `bin/${name}`, type: 'symlink' as const, link: 'busybox' })),
      { path: 'etc/gone', content: 'x' },
      { path: 'etc/dir/x', content: 'x' },
    ])
    writeFileSync(join(directory, 'root.tar'), root)
    writeFileSync(join(directory, 'ids'), ids)
    chownSync(directory, user, user)
    chmodSync(directory, 0o755)
    const vitrine = `setpriv ${setpriv.join(' ')} env HOME=${directory} USER=nobody ${process.execPath} -- ${launcher} ${stateOptions(directory).join(' ')}`
    const script = `
for file in /etc/subuid /etc/subgid; do [ ! -e $file ] || mount --bind ${directory}/ids $file; done
set -e
cd ${directory}
v() { ${vitrine} "$@"; }
v import root.tar base >/dev/null
v run --name=c --network=none base sh -c '${changes}' || true
v diff c >changed
v commit c done >/dev/null
v export -o exported.tar c
v run --rm --network=none done sh -c 'ls -ln /new; ls -A /etc/dir /etc' >listed
v save done >saved.tar
v load -q -i saved.tar >/dev/null
v rm c >/dev/null
v rmi -a >/dev/null
`
    const ended = spawnSync('unshare', ['-m', 'sh', '-c', script], { encoding: 'utf8', timeout: 120_000 })
    expect(ended.status, ended.stderr).toBe(0)
    const exported = execFileSync('tar', ['--numeric-owner', '-tvf', join(directory, 'exported.tar')], {
      encoding: 'utf8',
    })
    const text = (name: string) => readFileSync(join(directory, name), 'utf8')
    return { exported, listed: text('listed'), changed: text('changed') }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

lending.it('a user with lent ids commits and exports files of all of them', () => {
  const { exported, listed, changed } = everything('nobody:300000:65536\n')
  expect(exported).toMatch(/^-rw------- 7\/8 +2 .* new$/m)
  expect(exported).not.toMatch(/gone|dir\/x/)
  expect(listed).toMatch(/^-rw------- +1 7 +8 .* \/new\n/)
  expect(listed).not.toMatch(/gone|\bx\b/)
  expect(changed).toContain('D /etc/gone\nA /new\n')
})

it('a user without lent ids commits and exports what is theirs', () => {
  const { exported, listed } = everything('')
  expect(exported).toMatch(/^-rw------- 0\/0 +2 .* new$/m)
  expect(listed).toMatch(/^-rw------- +1 0 +0 .* \/new\n/)
  expect(listed).not.toMatch(/gone|\bx\b/)
})
