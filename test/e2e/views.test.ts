// What is told about containers: ps, inspect, logs, top, with all their flags.

import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { busyboxRoot } from '../support/engine.ts'
import { programPath, skipUnless } from '../support/needs.ts'
import { image, needsContainers, openSession, until } from '../support/session.ts'

const { describe, it } = skipUnless(needsContainers)

/** podman's fields for what vitrine does not have: pods, health checks, checkpoints, systemd, SELinux, old docker. */
const absent = new RegExp(
  `^(${[
    ...[
      'State\\.(Health|Checkpoint.*|Restor.*)',
      'ExecIDs',
      'ExitCommand',
      'Namespace',
      'IsInfra',
      'Pod',
      'Dependencies',
    ],
    ...[
      'StaticDir',
      'PidFile',
      'ConmonPidFile',
      'ProcessLabel',
      'AppArmorProfile',
      'RestartCount',
      'lockNumber',
      'IsService',
    ],
    ...[
      'Config\\.(Domainname|AttachStd(out|err)|StdinOnce|OnBuild|SystemdMode|CreateCommand|Timezone|Timeout|Passwd|sdNotify.*|Volumes|ExposedPorts|HealthcheckOnFailureAction)',
    ],
    ...[
      'HostConfig\\.(ContainerIDFile|Dns.*|ExtraHosts|GroupAdd|Links|VolumeDriver|VolumesFrom|RestartPolicy|PublishAllPorts|Cgroup|Cgroups|CgroupManager|CgroupConf|ConsoleSize|Isolation|Blkio(WeightDevice|Device.*)|CpuRealtime.*|CpuCount|CpuPercent|IO.*|KernelMemory|MemorySwappiness|OomKillDisable|DiskQuota|Runtime|IDMappings|LogConfig\\..*)',
    ],
    ...[
      'NetworkSettings\\.(EndpointID|Bridge|SandboxID|HairpinMode|LinkLocal.*|Networks\\..*)',
      'GraphDriver\\..*',
      'Driver',
    ],
  ].join('|')})$`,
)

function lacking(theirs: Record<string, unknown>, ours: Record<string, unknown>, path = ''): string[] {
  return Object.entries(theirs).flatMap(([key, value]) => {
    const name = `${path}${key}`
    if (
      absent.test(name) ||
      ['Config.Labels', 'Config.Annotations', 'HostConfig.Annotations'].includes(path.slice(0, -1))
    )
      return []
    if (!(key in ours)) return [name]
    const mine = ours[key]
    const deep = [value, mine].every((each) => each !== null && typeof each === 'object' && !Array.isArray(each))
    return deep ? lacking(value as Record<string, unknown>, mine as Record<string, unknown>, `${name}.`) : []
  })
}

describe('what is told of containers', () => {
  const session = openSession()

  describe('ps', () => {
    const { ok, run, waiting, remove } = session

    it("prints podman's columns, of those that run, or with -a of all", async () => {
      await ok(['create', '--name=idle', '--label=tier=back', '--network=none', image, 'echo', 'never'])
      await waiting('web', ['--label=tier=front', '-v', 'data:/data'])
      const lines = (await ok(['ps'])).split('\n')
      expect(lines[0]).toMatch(/^CONTAINER ID +IMAGE +COMMAND +CREATED +STATUS +PORTS +NAMES$/)
      expect(lines[1]).toMatch(/^[0-9a-f]{12} +localhost\/busybox:latest +sh -c trap "exit \.\.\. +.* ago +Up .* +web$/)
      expect(lines).toHaveLength(2)
      expect((await ok(['ps', '-a'])).split('\n')[2]).toMatch(/ echo never +.* ago +Created +idle$/)
      expect((await ok(['container', 'ls', '--all'])).split('\n')).toHaveLength(3)
    })

    it('prints ids, whole lines, templates or json as it is asked', async () => {
      expect(await ok(['ps', '-q'])).toMatch(/^[0-9a-f]{12}$/)
      expect(await ok(['ps', '--quiet', '--no-trunc'])).toMatch(/^[0-9a-f]{64}$/)
      expect(await ok(['ps', '--no-trunc', '--noheading'])).toMatch(/^[0-9a-f]{64} .*trap "exit 0" TERM/)
      expect(await ok(['ps', '-a', '--format', '{{.Names}}: {{.State}}', '--sort=names'])).toBe(
        'idle: created\nweb: running',
      )
      const table = await ok(['ps', '--format', 'table {{.Names}}\t{{.Image}}'])
      expect(table).toMatch(/^NAMES +IMAGE\nweb +localhost\/busybox:latest$/)
      const [record] = JSON.parse(await ok(['ps', '--format=json']))
      expect(record).toMatchObject({ Names: 'web', State: 'running', Labels: { tier: 'front' }, Mounts: ['/data'] })
    })

    it('shows the last ones, and sorts', async () => {
      expect(await ok(['ps', '--latest', '--format', '{{.Names}}'])).toBe('web')
      expect(await ok(['ps', '--last=1', '--format', '{{.Names}}'])).toBe('web')
      expect(await ok(['ps', '-n', '2', '--format', '{{.Names}}'])).toBe('web\nidle')
      expect(await ok(['ps', '-a', '--sort=status', '--format', '{{.Names}}'])).toBe('idle\nweb')
      expect((await run(['ps', '--sort=beauty'])).stderr).toContain('beauty')
    })

    it.each([
      ['name=^we', 'web'],
      ['status=created', 'idle'],
      ['status=running', 'web'],
      ['label=tier', 'web\nidle'],
      ['label=tier=back', 'idle'],
      ['ancestor=busybox', 'web\nidle'],
      ['before=web', 'idle'],
      ['since=idle', 'web'],
      ['volume=/data', 'web'],
      ['network=none', 'web\nidle'],
      ['network=bridge', ''],
    ])('filters by %s', async (filter, names) => {
      expect(await ok(['ps', '-a', '--filter', filter, '--format', '{{.Names}}'])).toBe(names)
    })

    it('filters by id and exit code, and by several keys at once', async () => {
      const id = await ok(['ps', '-q'])
      expect(await ok(['ps', '-a', '-f', `id=${id}`, '--format', '{{.Names}}'])).toBe('web')
      await ok(['start', '-a', 'idle'])
      expect(
        await ok(['ps', '--filter=exited=0', '--filter', 'label=tier', '--format', '{{.Names}} {{.Status}}']),
      ).toMatch(/^idle Exited \(0\) .* ago$/)
      expect((await run(['ps', '--filter=colour=red'])).stderr).toContain('colour')
    })

    it('shows namespaces with --ns', async () => {
      const [heading, line] = (await ok(['ps', '--ns'])).split('\n')
      expect(heading).toMatch(/^CONTAINER ID +NAMES +PID +CGROUP +IPC +MNT +NET +PID +USER +UTS(NS)?$/i)
      expect(line).toMatch(/^[0-9a-f]{12} +web +\d+( +\d{10}){7}$/)
      await remove('web', 'idle')
    })
  })

  describe('inspect', () => {
    const { directory, ok, run, waiting, field, remove } = session

    it("has podman's fields, and their values", async () => {
      const { pid, id } = await waiting('seen', [
        '--memory=64m',
        '-e',
        'A=b',
        '-h',
        'seen-host',
        '-v',
        'data:/data',
        '--ulimit=nofile=10',
      ])
      const [all] = JSON.parse(await ok(['inspect', 'seen']))
      expect(all).toMatchObject({
        Id: id,
        Name: 'seen',
        Path: 'sh',
        ImageName: 'localhost/busybox:latest',
        State: { Status: 'running', Running: true, Paused: false, Pid: pid, OOMKilled: false },
        Config: { Hostname: 'seen-host', Tty: false, OpenStdin: false, StopSignal: 15 },
        HostConfig: {
          Memory: 64 * 1024 * 1024,
          NetworkMode: 'none',
          Ulimits: [{ Name: 'RLIMIT_NOFILE', Soft: 10, Hard: 10 }],
        },
        Mounts: [{ Type: 'volume', Name: 'data', Destination: '/data', RW: true }],
      })
      expect(all.Config.Env).toContain('A=b')
      expect(all.Args[0]).toBe('-c')
    })

    it('prints one field by a template, and several containers', async () => {
      expect(await field('seen', '{{.State.Status}} {{len .Mounts}}')).toBe('running 1')
      expect(await ok(['inspect', '--type=container', '-f', '{{json .Config.Hostname}}', 'seen'])).toBe('"seen-host"')
      const many = await run(['inspect', 'seen', 'nobody'])
      expect(many.code).toBe(125)
      expect(JSON.parse(many.stdout)).toHaveLength(1)
      expect(many.stderr).toContain('nobody')
      expect((await run(['inspect', '-f', '{{.No.Such}}', 'seen'])).stderr).toContain('.No.Such')
      const [found] = JSON.parse(await ok(['inspect', '--type=image', image]))
      expect(found.Config.Cmd).toEqual(['/bin/sh'])
      await remove('seen')
    })

    skipUnless({ ...needsContainers, programs: [...needsContainers.programs, 'podman'], userModeLinux: false }).it(
      'lacks no field of podman that means something here',
      async () => {
        const root = busyboxRoot(directory)
        // podman takes no runroot of more than 50 characters.
        const runroot = mkdtempSync('/tmp/podman-')
        const own = ['--root', join(directory, 'podman'), '--runroot', runroot]
        const podman = (...argv: string[]) =>
          execFileSync(programPath('podman')!, [...own, '--cgroup-manager=cgroupfs', '--storage-driver=vfs', ...argv], {
            encoding: 'utf8',
          })
        podman('create', '--name=theirs', '--network=none', '--rootfs', root, 'true')
        const theirs = JSON.parse(podman('inspect', 'theirs'))[0]
        podman('rm', 'theirs')
        rmSync(runroot, { recursive: true })
        await ok(['create', '--name=ours', '--network=none', '--rootfs', root, 'true'])
        const [ours] = JSON.parse(await ok(['inspect', 'ours']))
        await remove('ours')
        expect(lacking(theirs, ours)).toEqual([])
      },
    )
  })

  describe('logs', () => {
    const { ok, run, remove } = session

    it('shows what was written, each stream on its own, also what does not end with a newline', async () => {
      await run(['run', '--name=wrote', '--network=none', image, 'sh', '-c', 'echo out; echo err >&2; printf half'])
      expect(await run(['logs', 'wrote'])).toEqual({ stdout: 'out\nhalf', stderr: 'err\n', code: 0 })
      await remove('wrote')
    })

    it('shows the last lines with --tail, and times and names when asked', async () => {
      await run(['run', '--name=lines', '--network=none', image, 'seq', '1', '1000'])
      expect(await ok(['logs', '--tail=3', 'lines'])).toBe('998\n999\n1000')
      expect(await ok(['logs', '--tail', '0', 'lines'])).toBe('')
      expect(await ok(['logs', '--tail=1', '--timestamps', 'lines'])).toMatch(
        /^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-][\d:]+) 1000$/,
      )
      expect(await ok(['logs', '-t', '--names', '--tail=1', 'lines'])).toMatch(/^lines \d{4}-.* 1000$/)
      await remove('lines')
    })

    it('shows what was written --since and --until a moment', async () => {
      await run(['run', '--name=slow', '--network=none', image, 'sh', '-c', 'echo first; sleep 1.2; echo second'])
      const stamped = (await ok(['logs', '-t', 'slow'])).split('\n').map((line) => Date.parse(line.split(' ')[0]!))
      const between = new Date(stamped[0]! + 600).toISOString()
      expect(await ok(['logs', `--since=${between}`, 'slow'])).toBe('second')
      expect(await ok(['logs', '--until', between, 'slow'])).toBe('first')
      expect(await ok(['logs', '--since=1h', 'slow'])).toBe('first\nsecond')
      expect((await run(['logs', '--since=yesterday', 'slow'])).stderr).toContain('--since=yesterday')
      await remove('slow')
    })

    it('goes on with -f until the container ends', async () => {
      const script = 'for i in 1 2 3 4; do echo $i; sleep 0.3; done; printf end'
      await ok(['run', '-d', '--name=followed', '--network=none', image, 'sh', '-c', script])
      expect(await ok(['logs', '-f', 'followed'])).toBe('1\n2\n3\n4\nend')
      expect(await ok(['logs', '--follow', '--tail=1', 'followed'])).toBe('end')
      await remove('followed')
    })
  })

  describe('top', () => {
    const { ok, run, waiting, remove } = session

    it("prints podman's columns for every process, as ids and names inside", async () => {
      const { pid } = await waiting('busy', ['-u', 'www-data', '--cap-add=chown'])
      const [heading, first] = (await ok(['top', 'busy'])).split('\n')
      expect(heading).toMatch(/^USER +PID +PPID +%CPU +ELAPSED +TTY +TIME +COMMAND$/)
      expect(first).toMatch(/^www-data +1 +0 +[\d.]+ +[\d.]+s +\? +\S+ +sh -c trap/)
      const columns = 'hpid,huser,hgroup,group,comm,state,nice,pgid,vsz,rss,capeff,seccomp'
      const [titles, line] = (await ok(['top', 'busy', columns])).split('\n')
      expect(titles).toMatch(
        /^HPID +HUSER +HGROUP +GROUP +COMMAND +STATE +NI +PGID +VSZ +RSS +EFFECTIVE CAPS +SECCOMP$/,
      )
      expect(line).toMatch(new RegExp(`^${pid} +33 +33 +www-data +sh +[SR] +0 +1 +\\d+ +\\d+ +0{15}1 +filter$`))
      expect((await run(['top', 'busy', 'shoesize'])).stderr).toContain('shoesize')
      await until(
        'ps agrees',
        () => spawnSync('ps', ['-o', 'pid=', '-p', String(pid)], { encoding: 'utf8' }).stdout.trim() === String(pid),
      )
      await remove('busy')
      expect((await run(['top', 'busy'])).code).toBe(125)
    })
  })
})
