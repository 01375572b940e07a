// Users who are not root: what they may not do is refused by name, and what they may do leaves nothing behind.

import { spawn, spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { expect, it as plainIt } from 'vitest'
import { type CliResult, launcher } from '../support/cli.ts'
import { expectSentence, expectUnchanged, leftFiles, randomFrom, seed, until } from '../support/faults.ts'
import { hostState } from '../support/host.ts'
import { isUserModeLinux, missing, programPath } from '../support/needs.ts'

/** Debian's `nobody`. */
const user = 65534
const asUser = [`--reuid=${user}`, `--regid=${user}`, '--clear-groups', '--']
const succeeds = (...words: string[]) => spawnSync('setpriv', [...asUser, ...words], { stdio: 'ignore' }).status === 0

const reason =
  missing({
    linux: true,
    root: true,
    natives: true,
    filesystems: ['overlay'],
    seccompFilters: true,
    namespaces: ['user'],
    programs: ['setpriv', 'busybox'],
  }) ??
  (succeeds('test', '-r', launcher) && succeeds('test', '-x', process.execPath)
    ? undefined
    : 'other users cannot read this directory') ??
  (succeeds('unshare', '-U', 'true') ? undefined : 'users may make no user namespaces here')
const it = (name: string, test: () => Promise<void>, more?: string) => {
  const why = reason ?? more
  if (why === undefined) plainIt(name, test)
  else plainIt.skip(`${name} — skipped: ${why}`, test)
}

interface UsersGround {
  readonly directory: string
  readonly rootfs: string
  readonly words: (argv: readonly string[]) => string[]
  /** Runs `vitrine ARGV` as the user; `setUp` runs before, as root, in a mount namespace of its own. */
  readonly run: (argv: readonly string[], setUp?: string) => CliResult
}

/** Directories of the user, and a root filesystem with one program; afterwards nothing may be left. */
async function onUsersGround(use: (ground: UsersGround) => Promise<void> | void): Promise<void> {
  // Not below the run's own directory, which is closed to others.
  const directory = mkdtempSync('/tmp/vitrine-user-')
  const before = hostState([])
  try {
    chmodSync(directory, 0o755)
    const rootfs = join(directory, 'rootfs')
    mkdirSync(join(rootfs, 'bin'), { recursive: true })
    copyFileSync(programPath('busybox')!, join(rootfs, 'bin/sh'))
    for (const path of [directory, rootfs, join(rootfs, 'bin')]) chownSync(path, user, user)
    const words = (argv: readonly string[]) => {
      const home = ['env', `HOME=${directory}`, 'USER=nobody', `XDG_RUNTIME_DIR=${directory}/xdg`]
      const state = ['--root', join(directory, 'root'), '--runroot', join(directory, 'runroot')]
      return [...asUser, ...home, process.execPath, '--', launcher, ...state, ...argv]
    }
    const run = (argv: readonly string[], setUp = ':'): CliResult => {
      const script = [`set -e; ${setUp}; exec setpriv "$@"`, 'sh', ...words(argv)]
      const ended = spawnSync('unshare', ['-m', 'sh', '-c', ...script], { encoding: 'utf8', timeout: 60_000, cwd: '/' })
      return { code: ended.status ?? -1, stdout: ended.stdout, stderr: ended.stderr }
    }
    await use({ directory, rootfs, words, run })
    expect(run(['rm', '-f', '-a'])).toMatchObject({ code: 0, stderr: '' })
    expect(leftFiles(directory)).toEqual([])
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
  await expectUnchanged(before)
}

const own = ['--network=none']

it('a user without lent ids is root in the container, and nobody else', async () => {
  await onUsersGround(({ run, rootfs }) => {
    const noIds = 'for file in /etc/subuid /etc/subgid; do [ ! -e $file ] || mount --bind /dev/null $file; done'
    const script = 'id -u; cat /proc/self/uid_map'
    const ran = run(['run', '--rm', ...own, '--rootfs', rootfs, 'sh', '-c', script], noIds)
    expect(ran.stderr).toBe('')
    expect(ran.stdout.split(/\s+/).filter(Boolean)).toEqual(['0', '0', String(user), '1'])
    const other = run(['run', '--rm', '--user=5', ...own, '--rootfs', rootfs, 'sh', '-c', 'id -u'], noIds)
    expect(other.code).not.toBe(0)
    expect(other.stderr).toMatch(/^vitrine: [^\n]+\n$/)
  })
})

it(
  'a user with lent ids has them all, and may remove what they own',
  async () => {
    await onUsersGround(({ run, rootfs, directory }) => {
      writeFileSync(join(directory, 'ids'), 'nobody:300000:65536\n')
      const lent = `for file in /etc/subuid /etc/subgid; do mount --bind ${directory}/ids $file; done`
      const script = 'id -u; cat /proc/self/uid_map; echo >/file'
      const argv = [
        'run',
        '--name=web',
        '--user=5',
        ...own,
        '--rootfs',
        `${rootfs}:O`,
        'sh',
        '-c',
        'id -u; mkdir /tmp/x',
      ]
      const root = run(
        ['run', '--name=root', ...own, '--rootfs', `${rootfs}:O`, 'sh', '-c', `${script}; chown 7:7 /file`],
        lent,
      )
      expect(root).toMatchObject({ code: 0, stderr: '' })
      expect(root.stdout.split(/\s+/).filter(Boolean)).toEqual(['0', '0', String(user), '1', '1', '300000', '65536'])
      expect(run(argv, lent).stdout).toBe('5\n')
      expect(run(['rm', 'root', 'web'], lent)).toMatchObject({ code: 0, stderr: '' })
    })
  },
  programPath('newuidmap') === undefined || !existsSync('/etc/subuid') || !existsSync('/etc/subgid')
    ? 'needs newuidmap, /etc/subuid and /etc/subgid'
    : undefined,
)

it('limits, links and directories that are not the user’s are refused by name', async () => {
  await onUsersGround(({ run, rootfs, words, directory }) => {
    const closed = join(directory, 'closed')
    mkdirSync(closed, { mode: 0o700 })
    const web = ['--rootfs', rootfs, 'sh', '-c', 'true']
    for (const flag of ['--memory=64m', '--pids-limit=10', '--cpus=0.5'])
      expectSentence(
        run(['run', '--rm', flag, ...own, ...web]),
        125,
        new RegExp(`${flag.split('=')[0]}: needs a cgroup that is delegated`),
      )
    for (const flag of ['--userns=auto', '--userns=keep-id', '--uidmap=0:1:1', '--subuidname=nobody'])
      expectSentence(
        run(['run', '--rm', flag, ...own, ...web]),
        125,
        new RegExp(
          `${flag.replace(/(map|name)=.*/, '$1')}: only root of the host can show an image's files to other ids`,
        ),
      )
    expectSentence(
      run(['run', '--rm', '-v', `${directory}:/data:idmap`, ...own, ...web]),
      125,
      /:\/data:idmap: only root of the host can show files as owned by others/,
    )
    expectSentence(run(['run', '--rm', ...web]), 125, /may make no links on the host; use --network=none/)
    for (const argv of [['ps'], ['run', '--rm', ...own, ...web]]) {
      const foreign = words(argv).map((word) => (word.endsWith('/root') ? `${closed}/of-root` : word))
      const { status, stderr } = spawnSync('setpriv', foreign, { encoding: 'utf8', cwd: '/' })
      expect(stderr).toMatch(/^vitrine: [^\n]+\/closed\/of-root[^\n]*: EACCES \(permission denied\)\n$/)
      expect(status).toBe(125)
    }
  })
})

it(`kill -9 of a user’s command at any moment leaves no process, though there is no cgroup (seed ${seed})`, async () => {
  const random = randomFrom(seed + 2)
  await onUsersGround(async ({ run, rootfs, words }) => {
    const argv = ['run', '--name=web', ...own, '--rootfs', rootfs, 'sh', '-c', 'exit 7']
    const turns = isUserModeLinux() ? 6 : 14
    const begin = performance.now()
    run(argv)
    const wholeMs = performance.now() - begin
    run(['rm', '-f', '-a'])
    for (let turn = 0; turn < turns; turn++) {
      const child = spawn('setpriv', words(argv), { stdio: 'ignore', cwd: '/' })
      const delayMs = (wholeMs * (turn + random())) / turns
      const timer = setTimeout(() => child.kill('SIGKILL'), delayMs)
      await new Promise((resolve) => child.on('exit', resolve))
      clearTimeout(timer)
      const say = `killed after ${delayMs} ms, seed ${seed}`
      const listed = () => run(['ps', '-a', '--format', '{{.State}} {{.ExitCode}}'])
      // What was started has ended with its own status; what was not is gone, or says that it never ran.
      await until(say, () => ['', 'exited 7\n', 'created 0\n'].includes(listed().stdout))
      expect(run(['rm', '-f', '-a']), say).toMatchObject({ code: 0, stderr: '' })
    }
  })
})

it('an overlay over a directory with mounts in it is refused by name, since the kernel refuses it without one', async () => {
  await onUsersGround(({ run }) => {
    const result = run(['run', '--rm', '--network=none', '--rootfs', '/:O', 'true'])
    expectSentence(
      result,
      125,
      /--rootfs=\/:O: only root can lay an overlay over a directory with mounts in it, such as \//,
    )
  })
})

it('kill -9 of the monitor: the next command ends the program and knows no status', async () => {
  await onUsersGround(async ({ run, rootfs, directory }) => {
    const id = run(['run', '-d', '--name=web', ...own, '--rootfs', rootfs, 'sh', '-c', 'sleep 1000']).stdout.trim()
    const { process: main, monitor } = JSON.parse(
      readFileSync(join(directory, 'root/containers', id, 'state.json'), 'utf8'),
    )
    process.kill(monitor.pid, 'SIGKILL')
    await until(
      'the status is unknown',
      () => run(['ps', '-a', '--format', '{{.State}} {{.ExitCode}}']).stdout === 'exited 255\n',
    )
    await until(
      'the program has ended',
      () =>
        !existsSync(`/proc/${main.pid}`) ||
        spawnSync('grep', ['-q', '^State:.[ZX]', `/proc/${main.pid}/status`]).status === 0,
    )
  })
})
