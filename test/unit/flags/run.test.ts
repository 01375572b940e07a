// The words of run, create, exec and update, as requests.

import { describe, expect, it } from 'vitest'
import { readExec, readRun, readUpdate, type Surroundings } from '../../../cli/flags/run.ts'
import { UserError } from '../../../core/errors.ts'
import { type ContainerRequest, defaultRequest } from '../../../core/spec/request.ts'

const surroundings: Surroundings = {
  environment: { HOME: '/home/me' },
  directory: '/work',
  readFile: (path) => {
    if (path === 'vars') return 'A=file\nB=file\n'
    throw new Error('ENOENT: no such file or directory')
  },
}

function request(...argv: string[]): ContainerRequest {
  const words = readRun('run', argv, surroundings)
  if (words.help) throw new Error('help')
  return words.request
}

const refusal = (argv: readonly string[], sentence: string) => {
  expect(() => request(...argv)).toThrow(UserError)
  expect(() => request(...argv)).toThrow(sentence)
}

describe('run', () => {
  it('with an image and nothing else asks for the defaults', () => {
    expect(request('httpd')).toEqual(defaultRequest({ kind: 'image', reference: 'httpd' }))
  })

  it("of the article's container means these limits", () => {
    const line =
      '-d --name my-limited-httpd --replace --memory=512m --memory-swap=512m --cpus=1.5 --cpu-shares=512 --pids-limit=100 --blkio-weight=500 -p 8081:80 httpd'
    expect(request(...line.split(' '))).toMatchObject({
      detach: true,
      name: 'my-limited-httpd',
      replace: true,
      resources: {
        memoryBytes: 536_870_912,
        memorySwapBytes: 536_870_912,
        cpus: 1.5,
        cpuShares: 512,
        pidsLimit: 100,
        blkioWeight: 500,
      },
      publish: [{ hostPort: 8081, containerPort: 80, protocol: 'tcp' }],
    })
  })

  it('with --rootfs takes a directory, and with :O an overlay on it', () => {
    expect(request('--rootfs', '/:O', 'sh').source).toEqual({ kind: 'rootfs', path: '/', overlay: true })
    expect(request('--rootfs', 'dir', 'sh').source).toEqual({ kind: 'rootfs', path: '/work/dir', overlay: false })
    expect(request('--rootfs', '/a:b/c', 'sh').source).toEqual({ kind: 'rootfs', path: '/a:b/c', overlay: false })
    refusal(['--rootfs', '/:U', 'sh'], '--rootfs /:U: unknown option "U"; give :O for an overlay')
    refusal(['--rootfs'], '--rootfs: the directory is missing')
  })

  it('puts variables of flags after those of files, wherever they stand', () => {
    expect(request('-e', 'A=flag', '--env-file', 'vars', '-e', 'HOME', 'x').env).toEqual([
      'A=file',
      'B=file',
      'A=flag',
      'HOME=/home/me',
    ])
    refusal(['--env-file=none', 'x'], '--env-file=none: cannot be read: ENOENT: no such file or directory')
  })

  it('takes an entrypoint as one word, as a JSON list, or as nothing', () => {
    expect(request('--entrypoint', '/bin/sh -c', 'x').entrypoint).toEqual(['/bin/sh -c'])
    expect(request('--entrypoint', '["/bin/sh","-c"]', 'x').entrypoint).toEqual(['/bin/sh', '-c'])
    expect(request('--entrypoint', '', 'x').entrypoint).toEqual([])
    expect(request('x').entrypoint).toBeUndefined()
    refusal(['--entrypoint', '[1]', 'x'], '--entrypoint=[1]: must be a word or a JSON list of strings')
  })

  it('takes 0 for no limit, as podman does', () => {
    expect(request('--memory=0', '--cpus=0', '--cpu-shares=0', 'x').resources).toEqual({})
    expect(request('--pids-limit=0', 'x').resources).toEqual({ pidsLimit: 0 })
  })

  it('leaves what stands after the image to the container', () => {
    expect(request('--rm', 'image', 'ls', '--rm=x', '-d')).toMatchObject({
      command: ['ls', '--rm=x', '-d'],
      detach: false,
    })
  })

  it('collects everything else', () => {
    const line =
      '-it --rm -u 5:6 -w /w -h name -v /a:/b:ro --tmpfs /t --read-only --device /dev/fuse --cap-add net_admin --cap-drop all --privileged --security-opt no-new-privileges --pid host --ipc none --uts host --cgroupns host --network none --cgroup-parent /p --sysctl kernel.shmmax=1 --ulimit nofile=5 --shm-size 1m --stop-signal INT --stop-timeout 3 --label a=b -l c --group-add 7 --umask 0077 --add-host h:1.2.3.4 --dns 1.1.1.1 --oom-score-adj 5 --annotation k=v x'
    expect(() => request(...line.split(' '))).toThrow('--hostname: needs a uts namespace of its own')
    const fits = line.replace('--uts host ', '').split(' ')
    expect(request(...fits)).toMatchObject({
      interactive: true,
      terminal: true,
      remove: true,
      user: '5:6',
      workingDirectory: '/w',
      hostname: 'name',
      volumes: [{ kind: 'bind', source: '/a', destination: '/b', options: ['ro'] }],
      tmpfs: [{ destination: '/t', options: [] }],
      readOnly: true,
      devices: [{ source: '/dev/fuse', destination: '/dev/fuse', access: 'rwm' }],
      capAdd: ['CAP_NET_ADMIN'],
      capDrop: ['all'],
      privileged: true,
      pid: { kind: 'host' },
      ipc: { kind: 'none' },
      cgroupns: { kind: 'host' },
      network: { kind: 'none' },
      cgroupParent: '/p',
      sysctl: { 'kernel.shmmax': '1' },
      ulimits: [{ type: 'RLIMIT_NOFILE', soft: 5, hard: 5 }],
      shmSizeBytes: 1024 * 1024,
      stopSignal: 2,
      stopTimeoutSeconds: 3,
      labels: { a: 'b', c: '' },
      groupAdd: ['7'],
      umask: 0o77,
      addHost: [{ host: 'h', address: '1.2.3.4' }],
      dns: ['1.1.1.1'],
      oomScoreAdj: 5,
      annotations: { k: 'v' },
    })
  })

  it('asks for help, or for the plan', () => {
    expect(readRun('run', ['--help'], surroundings)).toEqual({ help: true })
    expect(readRun('run', ['--dry-run', 'x'], surroundings)).toMatchObject({ dryRun: true })
  })

  it.each([
    [['--memory=12x', 'x'], '--memory=12x: not a size'],
    [['--cpus=-1', 'x'], '--cpus=-1: must not be negative'],
    [['-p', '99999:80', 'x'], "--publish=99999:80: the host's port 99999 is not from 1 to 65535"],
    [[], 'the image is missing'],
    [['--memory-swap=1g', 'x'], '--memory-swap: is memory and swap together, and needs --memory beside it'],
    [['--cap-add=fly', 'x'], '--cap-add=fly: unknown capability'],
    [['--sysctl=foo', 'x'], '--sysctl=foo: the value is missing; give KEY=VALUE'],
    [['--label==x', 'x'], '--label==x: the key is missing; give KEY=VALUE'],
    [['--network=none', '--network=host', 'x'], '--network: given twice'],
    [['--security-opt', 'seccomp=/none', 'x'], '--security-opt=seccomp=/none: cannot be read: ENOENT'],
    [['--stop-timeout=-1', 'x'], '--stop-timeout=-1: must be at least 0'],
    [['--name=a/b', 'x'], '--name=a/b: a name is made of'],
  ])('%j is refused', (argv, sentence) => refusal(argv, sentence))

  it('create is the same but for what only a start needs', () => {
    expect(readRun('create', ['-it', 'x'], surroundings)).toMatchObject({ request: { detach: false, terminal: true } })
    expect(() => readRun('create', ['-d', 'x'], surroundings)).toThrow('unknown flag: -d')
  })
})

describe('exec', () => {
  it('is a container, a command and what the process has', () => {
    const argv = ['-it', '-e', 'A=1', '-u', 'web', '-w', '/srv', 'box', 'ls', '-l']
    expect(readExec(argv, surroundings)).toEqual({
      help: false,
      dryRun: false,
      request: {
        container: 'box',
        command: ['ls', '-l'],
        env: ['A=1'],
        user: 'web',
        workingDirectory: '/srv',
        privileged: false,
        detach: false,
        interactive: true,
        terminal: true,
      },
    })
  })
  it.each([
    [[], 'the container is missing'],
    [['box'], 'the command is missing'],
    [['-w', 'rel', 'box', 'ls'], '--workdir=rel: must be an absolute path'],
  ])('%j is refused', (argv, sentence) => expect(() => readExec(argv, surroundings)).toThrow(sentence))
})

describe('update', () => {
  it('changes the limits that are given', () => {
    expect(readUpdate(['--memory=1g', 'box'])).toEqual({
      help: false,
      container: 'box',
      resources: { memoryBytes: 1024 ** 3 },
    })
  })
  it.each([
    [['box'], 'nothing to update'],
    [['--memory=1g'], 'the container is missing'],
    [['--memory=1g', 'a', 'b'], 'update takes one container, not "b" too'],
    [['--memory-swappiness=1', 'a'], "--memory-swappiness is podman's"],
  ])('%j is refused', (argv, sentence) => expect(() => readUpdate(argv)).toThrow(sentence))
})
