// Flags about files: root filesystems, volumes, tmpfs, read-only, devices, the files of the network. podman-run(1)

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { busyboxRoot } from '../support/engine.ts'
import { skipUnless } from '../support/needs.ts'
import { image, needsContainers, openSession } from '../support/session.ts'

const { describe, it } = skipUnless(needsContainers)

describe('the files of a container', () => {
  const { directory, run, ok, inside, waiting, field } = openSession()
  const shared = join(directory, 'shared')
  mkdirSync(join(shared, 'below'), { recursive: true })
  writeFileSync(join(shared, 'file'), 'of the host\n')

  it("are the image's, each container's changes its own", async () => {
    expect(await inside([], 'echo changed >/etc/os-release; cat /etc/os-release')).toBe('changed')
    expect(await inside([], 'head -1 /etc/os-release')).toBe('PRETTY_NAME="vitrine test image"')
  })

  it('are with --rootfs DIR that directory, and what is written stays there', async () => {
    const root = busyboxRoot(join(directory))
    const words = ['run', '--rm', '--network=none', '--rootfs']
    await ok([...words, root, 'sh', '-c', 'echo written >/etc/new'])
    expect(readFileSync(join(root, 'etc/new'), 'utf8')).toBe('written\n')
    await ok([...words, `${root}:O`, 'sh', '-c', 'cat /etc/new; echo more >/etc/other'])
    expect(existsSync(join(root, 'etc/other'))).toBe(false)
  })

  it("are with --rootfs /:O this machine's, under changes that are thrown away", async () => {
    const words = ['run', '--rm', '--network=none', '--rootfs', '/:O', 'sh', '-c']
    const script = 'echo x >/etc/vitrine-was-here && rm /etc/passwd && cat /etc/vitrine-was-here'
    expect(await ok([...words, script])).toBe('x')
    expect(existsSync('/etc/vitrine-was-here')).toBe(false)
    expect(existsSync('/etc/passwd')).toBe(true)
  })

  it('show a directory of the host with -v, writable or with :ro not', async () => {
    const flags = ['-v', `${shared}:/both`, '--volume', `${shared}:/look:ro`]
    expect(await inside(flags, 'cat /both/file; echo back >/both/answer; touch /look/x 2>&1 | sed s/.*:.//')).toBe(
      'of the host\nRead-only file system',
    )
    expect(readFileSync(join(shared, 'answer'), 'utf8')).toBe('back\n')
  })

  it('take relative sources, files as sources, and mount options', async () => {
    const flags = ['-v', './shared/file:/etc/one-file', '-v', `${shared}:/mine:nosuid,nodev,noexec,Z`]
    const argv = [
      'run',
      '--rm',
      '--network=none',
      ...flags,
      image,
      'sh',
      '-c',
      'cat /etc/one-file; grep " /mine " /proc/mounts',
    ]
    const text = await ok(argv, { cwd: directory })
    expect(text).toMatch(/^of the host\n/)
    expect(text).toMatch(/ rw,nosuid,nodev,noexec/)
  })

  it('have the propagation that -v asks for', async () => {
    const flags = ['-v', `${shared}:/slave:rslave`, '-v', `${shared}:/private`]
    const lines = (await inside(flags, 'grep -E " /(slave|private) " /proc/self/mountinfo')).split('\n')
    // Whether there is a master depends on the host's own mount.
    expect(lines.find((line) => line.includes(' /private '))).not.toMatch(/shared:|master:/)
    expect(lines.find((line) => line.includes(' /slave '))).not.toMatch(/shared:/)
    expect(lines).toHaveLength(2)
  })

  it('keep what is in a named volume, and lose an unnamed one with the container', async () => {
    await inside(['-v', 'store:/data'], 'echo kept >/data/it')
    expect(await inside(['-v', 'store:/data:ro'], 'cat /data/it')).toBe('kept')
    await waiting('unnamed', ['-v', '/scratch', '-v', 'store:/data'], 'echo a >/scratch/a; sleep 60')
    const source = await field('unnamed', '{{range .Mounts}}{{if eq .Destination "/scratch"}}{{.Source}}{{end}}{{end}}')
    const parts = await field('unnamed', '{{range .Mounts}}{{.Type}} {{.Destination}} {{.RW}};{{end}}')
    expect(parts).toContain('volume /data true;')
    await ok(['rm', '-f', '-t', '0', '--volumes', 'unnamed'])
    expect(source === '' || !existsSync(source)).toBe(true)
    expect(await inside(['-v', 'store:/data'], 'cat /data/it')).toBe('kept')
  })

  it('are in memory below --tmpfs', async () => {
    const text = await inside(
      ['--tmpfs', '/fast:size=1m,mode=700', '--tmpfs=/plain'],
      'grep -E " /(fast|plain) " /proc/mounts',
    )
    expect(text).toMatch(/^tmpfs \/fast tmpfs .*size=1024k.*mode=700/m)
    expect(text).toMatch(/^tmpfs \/plain tmpfs rw,nosuid,nodev/m)
  })

  it('cannot be written with --read-only, but for /tmp, /run and /var/tmp, unless --read-only-tmpfs=false', async () => {
    const script = 'for d in / /etc /tmp /run /var/tmp /dev/shm; do touch $d/x 2>/dev/null && echo $d; done; true'
    expect(await inside(['--read-only'], script)).toBe('/tmp\n/run\n/var/tmp\n/dev/shm')
    expect(await inside(['--read-only', '--read-only-tmpfs=false'], script)).toBe('/dev/shm')
  })

  it('have a /dev/shm of the --shm-size', async () => {
    expect(await inside(['--shm-size=3m'], 'grep /dev/shm /proc/mounts')).toMatch(/size=3072k/)
    expect(await inside([], 'grep /dev/shm /proc/mounts')).toMatch(/size=65536k/)
  })

  it('have the usual devices, and those of --device with the rights that it says', async () => {
    const usual = await inside([], 'ls /dev; echo x >/dev/null; head -c 4 /dev/urandom | wc -c')
    for (const name of ['null', 'zero', 'full', 'random', 'urandom', 'tty', 'ptmx', 'pts', 'shm', 'fd', 'stdin'])
      expect(usual.split('\n')).toContain(name)
    expect(usual.split('\n').at(-1)).toBe('4')
    expect(usual).not.toContain('kmsg')
    const flags = ['--device=/dev/full:/dev/other', '--device', '/dev/fuse:r']
    const script =
      'stat -c %t:%T /dev/other /dev/fuse; echo x >/dev/other; (: </dev/fuse) && echo read; (: >/dev/fuse) 2>/dev/null || echo no'
    expect((await inside(flags, script)).replace(/^sh: .*\n/gm, '')).toBe('1:7\na:e5\nread\nno')
  })

  it('name hosts by --add-host, and name servers by --dns', async () => {
    const flags = ['--add-host=db:10.1.2.3', '--add-host', 'six:fd00::1', '--dns=192.0.2.1', '--dns', '192.0.2.2']
    expect(await ok(['run', '--rm', ...flags, image, 'cat', '/etc/hosts', '/etc/resolv.conf'])).toMatch(
      /10\.1\.2\.3\s+db\n[\s\S]*fd00::1\s+six[\s\S]*nameserver 192\.0\.2\.1\nnameserver 192\.0\.2\.2/,
    )
  })

  it('cannot come from what is not there', async () => {
    const missing = await run(['run', '--rm', '-v', `${directory}/nothing:/x`, image, 'true'])
    expect(missing.code).toBe(125)
    expect(missing.stderr).toContain(`${directory}/nothing`)
    expect((await run(['run', '--rm', '--device=/dev/no-such', image, 'true'])).stderr).toContain('/dev/no-such')
    expect((await run(['run', '--rm', '--rootfs', `${directory}/nothing`, 'true'])).code).toBe(125)
  })
})
