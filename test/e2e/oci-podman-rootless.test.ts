// podman as somebody who is not root, with vitrine-oci as the runtime: it calls us as root of a user namespace of its own.

import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect } from 'vitest'
import { needsOci, ociLauncher } from '../support/bundle.ts'
import { hostState, settledChanges } from '../support/host.ts'
import { programPath, skipUnless } from '../support/needs.ts'

const { describe, it } = skipUnless({
  ...needsOci('podman', 'conmon', 'newuidmap', 'setpriv', 'unshare'),
  namespaces: ['user'],
})

const uid = 54_321
/** Whoever podman asks for names and ids knows somebody more, in a mount namespace of the test. */
const files = {
  passwd: (home: string) => `${readFileSync('/etc/passwd', 'utf8')}ordinary:x:${uid}:${uid}::${home}:/bin/sh\n`,
  group: () => `${readFileSync('/etc/group', 'utf8')}ordinary:x:${uid}:\n`,
  subuid: () => 'ordinary:3000000:65536\n',
  subgid: () => 'ordinary:3000000:65536\n',
}

describe('rootless podman with vitrine-oci', () => {
  let directory = ''
  let before: ReturnType<typeof hostState>
  beforeAll(() => {
    before = hostState()
    directory = mkdtempSync(join(tmpdir(), 'vitrine-rootless-'))
    chmodSync(directory, 0o755)
    for (const name of ['home', 'run', 'context']) {
      mkdirSync(join(directory, name), { mode: 0o700 })
      chownSync(join(directory, name), uid, uid)
    }
    for (const [name, text] of Object.entries(files))
      writeFileSync(join(directory, name), text(join(directory, 'home')))
    writeFileSync(join(directory, 'containers.conf'), '[containers]\ndefault_ulimits = []\n')
    copyFileSync(programPath('busybox')!, join(directory, 'context/busybox'))
    const steps = ['FROM scratch', 'COPY busybox /bin/busybox', 'RUN ["/bin/busybox", "--install", "-s", "/bin"]']
    writeFileSync(join(directory, 'context/Containerfile'), steps.join('\n'))
    chownSync(join(directory, 'context/busybox'), uid, uid)
    chownSync(join(directory, 'context/Containerfile'), uid, uid)
  })
  afterAll(async () => {
    rmSync(directory, { recursive: true, force: true })
    expect(await settledChanges(before)).toEqual([])
  })

  /** Runs a script as that user; `$P` is podman. */
  function asOrdinary(script: string) {
    const mounts = Object.keys(files).map((name) => `mount --bind "${directory}/${name}" /etc/${name}`)
    const variables = {
      HOME: join(directory, 'home'),
      XDG_RUNTIME_DIR: join(directory, 'run'),
      CONTAINERS_CONF: join(directory, 'containers.conf'),
      PATH: `${dirname(process.execPath)}:/usr/sbin:/usr/bin:/sbin:/bin`,
      P: `podman --cgroup-manager=cgroupfs --events-backend=none --runtime ${ociLauncher}`,
    }
    const user = `exec setpriv --reuid ${uid} --regid ${uid} --clear-groups sh -ec "$0"`
    const outer = ['set -e', ...mounts, `cd "${directory}"`, user].join('; ')
    // Its processes, and what podman keeps running between commands, end with the pid namespace.
    const argv = ['-m', '-n', '-p', '-f', '--kill-child', '--mount-proc', 'sh', '-c', outer, script]
    const { status, stdout, stderr } = spawnSync('unshare', argv, { encoding: 'utf8', env: variables, timeout: 50_000 })
    return { code: status, stdout, stderr }
  }

  it('builds an image, runs it as root of lent ids, executes in it, stops and removes it', () => {
    const { code, stdout, stderr } = asOrdinary(
      [
        '$P build -q --network=host -t box context >/dev/null',
        "$P run --rm --network=none box sh -c 'id -u; cat /proc/self/uid_map; ls /sys/fs/cgroup | wc -l'",
        '$P run -d --name web --network=none box sleep 1000 >/dev/null',
        '$P exec web cat /proc/1/comm',
        '$P stop -t 0 web',
        "$P ps -a --format '{{.Names}} {{.ExitCode}}'",
        '$P rm web',
        '$P unshare rm -rf "$HOME/.local"',
      ].join('\n'),
    )
    expect(code, stderr).toBe(0)
    const words = stdout.trim().split(/\s+/)
    expect(words.slice(0, 7)).toEqual(['0', '0', String(uid), '1', '1', '3000000', '65536'])
    expect(Number(words[7])).toBeGreaterThan(0)
    expect(words.slice(8)).toEqual(['sleep', 'web', 'web', '137', 'web'])
  }, 60_000)
})
