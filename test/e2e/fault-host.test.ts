// What the machine refuses: full and read-only disks, read-only cgroups, few descriptors, missing parts.

import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { type CliResult, launcher, stateOptions } from '../support/cli.ts'
import { expectSentence, type Ground, leftFiles, onCleanGround } from '../support/faults.ts'
import { isUserModeLinux, skipUnless } from '../support/needs.ts'
import { repository } from '../support/source.ts'

const { describe, it } = skipUnless({
  linux: true,
  root: true,
  natives: true,
  filesystems: ['overlay'],
  seccompFilters: true,
  cgroupBpf: true,
})
const own = ['--network=none', '--rootfs', '/:O']
const echo = ['run', '--rm', ...own, 'echo', 'hi']

/** Runs `vitrine ARGV` in a mount namespace of its own, after a script that sets it up; then another script looks at it. */
function inMounts(ground: Ground, before: string, argv: readonly string[], after = ''): CliResult {
  const script = `set -e\n${before}\nset +e\n"$@"\ncode=$?\n${after}\nexit $code`
  const vitrine = [process.execPath, '--', launcher, ...stateOptions(ground.directory), ...argv]
  const { status, stdout, stderr } = spawnSync('unshare', ['-m', 'sh', '-c', script, 'sh', ...vitrine], {
    encoding: 'utf8',
    timeout: 60_000,
  })
  return { code: status ?? -1, stdout, stderr }
}

const small = ({ directory }: Ground, options: string) =>
  `mount -t tmpfs -o ${options} tmpfs ${directory}; mkdir -p ${directory}/root ${directory}/runroot`

describe('a full disk', () => {
  for (const [what, options] of [
    ['space', (step: number) => `size=${(step + 1) * 4}k`],
    ['files', (step: number) => `nr_inodes=${step * 2 + 4}`],
  ] as const) {
    it(`without ${what} is told by the file that could not be written, and nothing half stays on it`, async () => {
      await onCleanGround(async (ground) => {
        const { root } = ground
        let refused = 0
        for (let step = 0; step < 14; step += isUserModeLinux() ? 3 : 1) {
          const look = `find ${root}/containers ${root}/names -mindepth 1 2>/dev/null`
          const ran = inMounts(ground, small(ground, options(step)), echo, look)
          if (ran.code === 0) expect(ran).toEqual({ code: 0, stdout: 'hi\n', stderr: '' })
          else {
            refused += 1
            // The last file may be one that is written while the program already says "hi".
            expectSentence({ ...ran, stdout: ran.stdout.replace('hi\n', '') }, 125, /: ENOSPC/)
          }
        }
        expect(refused).toBeGreaterThan(2)
      })
    })
  }
})

describe('a read-only disk', () => {
  it('is told by what could not be made; what only reads still works', async () => {
    await onCleanGround(async (ground) => {
      const { directory } = ground
      const readOnly = `mount -t tmpfs tmpfs ${directory}; mount -o remount,ro ${directory}`
      for (const argv of [echo, ['create', ...own, 'true'], ['load', '-i', '/etc/hosts']])
        expectSentence(inMounts(ground, readOnly, argv), 125, /EROFS \(read-only file system\)/)
      expect(inMounts(ground, readOnly, ['ps', '-a', '-q'])).toEqual({ code: 0, stdout: '', stderr: '' })
      expect(inMounts(ground, readOnly, ['rm', '-f', '-a'])).toEqual({ code: 0, stdout: '', stderr: '' })
    })
  })
})

describe('read-only cgroups', () => {
  it('are told by the cgroup that could not be made, with limits and without', async () => {
    await onCleanGround(async (ground) => {
      const readOnly = `for mount in $(awk '$3 ~ /^cgroup/ { print $2 }' /proc/mounts); do mount -o remount,bind,ro $mount; done`
      expectSentence(
        inMounts(ground, readOnly, echo),
        125,
        /(make the container's cgroup|reach the controllers of \/sys\/fs\/cgroup).*: EROFS/,
      )
      const limited = ['run', '-d', '--memory=64m', '--name=web', ...own, 'true']
      expectSentence(inMounts(ground, readOnly, limited), 125, /cgroup.*EROFS/)
      expect(await ground.rows()).toEqual([])
      expect(leftFiles(ground.directory)).toEqual([])
    })
  })
})

describe('few descriptors', () => {
  it('are told by what could not be opened, or of how many are needed; nothing stays', async () => {
    await onCleanGround(async (ground) => {
      for (const count of isUserModeLinux() ? [26, 38, 1002] : [24, 28, 32, 36, 38, 44, 64, 256, 1002]) {
        const ran = inMounts(ground, `ulimit -n ${count}`, echo)
        expect(ran.code, `ulimit -n ${count}`).toBe(125)
        expectSentence(ran, 125, /EMFILE|needs \d+ descriptors/)
        expect(await ground.rows(), `ulimit -n ${count}`).toEqual([])
      }
    })
  })
})

describe('a package without its native parts', () => {
  it('says how to make them; what needs no kernel works', async () => {
    await onCleanGround(async (ground) => {
      const copy = join(ground.directory, 'copy')
      mkdirSync(copy)
      for (const name of ['bin', 'dist']) cpSync(join(repository, name), join(copy, name), { recursive: true })
      symlinkSync(join(repository, 'node_modules'), join(copy, 'node_modules'))
      const run = (...argv: string[]): CliResult => {
        const words = ['--', join(copy, 'bin/vitrine.cjs'), ...stateOptions(ground.directory), ...argv]
        const { status, stdout, stderr } = spawnSync(process.execPath, words, { encoding: 'utf8' })
        return { code: status ?? -1, stdout, stderr }
      }
      expectSentence(run(...echo), 125, /the native part tape\.so is missing: run `npm run build`/)
      expect(run('help').code).toBe(0)
      expectSentence(run('run', '--memory=12x', ...own, 'true'), 125, /--memory=12x/)
      expect(readdirSync(ground.directory).sort()).toEqual(['copy'])
    })
  })
})
