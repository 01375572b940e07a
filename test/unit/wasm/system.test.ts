// Tools for processes, mounts, namespaces and the network, on the simulated machine: what they print, exactly, and that
// it has the form of the real tools where this machine has them.

import { execFileSync } from 'node:child_process'
import { beforeAll, describe, expect, it } from 'vitest'
import { isDenied, type Outcome } from '../../../sim/outcome.ts'
import type { Program, Step } from '../../../sim/program.ts'
import { runUntil } from '../../../sim/run.ts'
import { builtGuest, type GuestMachine, guestMachine } from '../../support/guests.ts'

const names =
  'capsh chroot curl df findmnt flock free hostname httpd ip kill lsns mount nc nice nsenter pgrep pivot_root pkill ps pstree renice setpriv setsid ss sleep stress taskset timeout top umount unshare uptime vi'.split(
    ' ',
  )

let box: Program
beforeAll(async () => {
  box = await builtGuest('box')
})

/** Runs commands one after the other; those that end in & go on in the background, for a second before the next one. */
function* script(argv: readonly string[]): Generator<Step, number, Outcome> {
  let status = 0
  for (const line of argv.slice(1)) {
    const words = line.replace(/ &$/, '').split(' ')
    const born = yield {
      name: 'fork',
      child: function* (): Generator<Step, number, Outcome> {
        yield { name: 'execve', pathname: `/bin/${words[0]}`, argv: words, envp: ['PATH=/bin', 'LANG=C.UTF-8'] }
        return 127
      },
    } as unknown as Step
    if (isDenied(born)) return 1
    if (line.endsWith(' &')) yield { name: 'nanosleep', req: 1e9, rem: 0 } as unknown as Step
    else {
      const ended = yield { name: 'wait4', pid: born.value, wstatus: 4, options: 0, rusage: 0 }
      if (!isDenied(ended) && ended.data) status = (ended.data[1] ?? 0) | (ended.data[0] ?? 0)
    }
  }
  return status
}

const machine = () => guestMachine(box, names, { programs: { script } })

/** What the commands have written, without the blanks that columns are filled up with at the ends of lines. */
function output(on: GuestMachine, ...lines: readonly string[]): string {
  return on.run(['script', ...lines]).output
}

function native(program: string, ...options: readonly string[]): string {
  return execFileSync(program, options, { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C.UTF-8' } })
}
const head = (text: string): string => text.split('\n')[0]!.trim().replace(/ +/g, ' ')

function withScript(): GuestMachine {
  const on = machine()
  const fd = on.call({ name: 'openat', dirfd: -100, pathname: '/bin/script', flags: 0o1101, mode: 0o755 }).value
  on.call({ name: 'write', fd, buf: '#!sim script\n' })
  on.call({ name: 'close', fd })
  const passwd = on.call({ name: 'openat', dirfd: -100, pathname: '/etc/passwd', flags: 0o1101, mode: 0o644 }).value
  on.call({ name: 'write', fd: passwd, buf: 'root:x:0:0:root:/root:/bin/sh\nweb:x:1000:1000::/:/bin/sh\n' })
  on.call({ name: 'close', fd: passwd })
  return on
}

describe('processes', () => {
  it('are listed as procps lists them', () => {
    expect(output(withScript(), 'sleep 60 &', 'ps -eo pid,ppid,stat,comm')).toBe(
      '    PID    PPID STAT COMMAND\n      1       0 Ss   init\n      2       1 S    script\n      3       2 S    sleep\n      4       2 R    ps\n',
    )
    expect(output(withScript(), 'ps aux').split('\n').slice(0, 2)).toEqual([
      'USER         PID %CPU %MEM    VSZ   RSS TTY      STAT START   TIME COMMAND',
      'root           1  0.0  0.0      0     0 ?        Ss   22:13   0:00 init',
    ])
    expect(output(withScript(), 'ps -ef').split('\n').slice(0, 2)).toEqual([
      'UID          PID    PPID  C STIME TTY          TIME CMD',
      'root           1       0  0 22:13 ?        00:00:00 init',
    ])
  })

  it('have the columns of the real ps', () => {
    const on = withScript()
    for (const options of [['aux'], ['-ef'], ['-o', 'pid,ppid,comm'], ['-o', 'pid,pcpu,pmem,rss,etime,nlwp,args']])
      expect(head(on.run(['ps', ...options]).output)).toBe(head(native('ps', ...options)))
  })

  it('are a tree, and hear signals by name', () => {
    expect(
      output(
        withScript(),
        'sleep 60 &',
        'sleep 61 &',
        'pstree',
        'pgrep -f ^sleep.61',
        'pkill -x sleep',
        'ps -C sleep -o stat=',
      ),
    ).toBe('init───script─┬─pstree\n              └─2*[sleep]\n4\nZ\nZ\n')
    expect(withScript().run(['kill', '-l'])).toMatchObject({ output: native('/usr/bin/kill', '-l') })
    expect(output(withScript(), 'kill -TERM 99')).toBe('kill: (99): No such process\n')
  })

  it('that compute are seen by top, and by ps', () => {
    const shown = output(withScript(), 'stress --cpu 1 --timeout 9 -q &', 'top -b -n 1', 'ps -C stress -o stat,time')
    expect(shown).toMatch(/ 0 R 100\.0 {3}0\.0 {3}0:01\.00 stress\n/)
    expect(shown).toMatch(/STAT {5}TIME\nS {4}00:00:00\nR {4}00:00:01\n$/)
  })

  it('tell of memory as free(1) does', () => {
    expect(head(withScript().run(['free', '-w']).output)).toBe(head(native('free', '-w')))
    expect(withScript().run(['free', '-h']).output).toMatch(/^Mem: {11}2\.0Gi {7}\d+Ki {7}2\.0Gi/m)
  })

  it('run with less: nice, timeout, taskset, setpriv, capsh', () => {
    const on = withScript()
    expect(output(on, 'nice -n 5 ps -C ps -o ni=')).toBe('  5\n')
    expect(on.run(['timeout', '1', 'sleep', '5'])).toMatchObject({ output: '', code: 124 })
    expect(output(on, 'taskset -c 1,2 taskset -pc 1', 'setpriv --reuid 1000 ps -C ps -o user=')).toBe(
      "pid 1's current affinity list: 0-3\nweb\n",
    )
    expect(output(on, 'capsh --drop=cap_sys_admin,cap_net_raw --has-p=cap_chown --print')).not.toMatch(
      /set =.*cap_net_raw/,
    )
  })
})

describe('mounts', () => {
  it('are made, listed as a list and as a tree, and taken away', () => {
    const lines = [
      'mount -t tmpfs -o size=1m,ro,noexec none /tmp',
      'mount -t tmpfs',
      'findmnt /tmp',
      'findmnt -n -o TARGET',
      'umount /tmp',
      'umount /tmp',
    ]
    expect(output(withScript(), ...lines)).toBe(
      `/dev/root on / type tmpfs (rw,relatime)
tmpfs on /dev/shm type tmpfs (rw,nosuid,nodev,relatime)
none on /tmp type tmpfs (ro,noexec,relatime,size=1024k)
TARGET SOURCE FSTYPE OPTIONS
/tmp   none   tmpfs  ro,noexec,relatime,size=1024k
/
├─/proc
├─/sys
│ └─/sys/fs/cgroup
├─/dev
│ ├─/dev/pts
│ ├─/dev/shm
│ └─/dev/mqueue
└─/tmp
umount: /tmp: not mounted.
`,
    )
  })

  it('have the form that the real mount and findmnt give them', () => {
    const on = withScript()
    const line = /^.+ on \/.* type [a-z0-9_.]+ \(r[wo],.+\)$/
    for (const text of [on.run(['mount']).output, native('mount')])
      for (const each of text.trim().split('\n')) expect(each).toMatch(line)
    expect(head(on.run(['findmnt']).output)).toBe(head(native('findmnt')))
    expect(head(on.run(['findmnt', '-o', '+PROPAGATION']).output)).toBe(head(native('findmnt', '-o', '+PROPAGATION')))
  })

  it('are refused in the words of util-linux', () => {
    const on = withScript()
    const more = '       dmesg(1) may have more information after failed mount system call.\n'
    for (const [argv, words] of [
      [['-t', 'nofs', 'none', '/tmp'], "/tmp: unknown filesystem type 'nofs'."],
      [['-t', 'tmpfs', 'none', '/nodir'], '/nodir: mount point does not exist.'],
      [['-t', 'tmpfs', 'none', '/bin/box'], '/bin/box: mount point is not a directory.'],
      [['--bind', '/nosrc', '/tmp'], '/tmp: special device /nosrc does not exist.'],
      [['--make-shared', '/tmp'], '/tmp: not mount point or bad option.'],
      [['-o', 'remount,ro', '/tmp'], '/tmp: mount point not mounted or bad option.'],
    ] as const)
      expect(on.run(['mount', ...argv])).toMatchObject({ output: `mount: ${words}\n${more}`, code: 32 })
  })

  it('of another namespace are entered by nsenter', () => {
    const lines = [
      'unshare -m sleep 9 &',
      'nsenter -t 3 -m mount -t tmpfs own /tmp',
      'findmnt -n -o SOURCE /tmp',
      'nsenter -m -t 3 findmnt -n -o SOURCE,PROPAGATION /tmp',
    ]
    expect(output(withScript(), ...lines)).toBe('own private\n')
  })
})

describe('namespaces', () => {
  it('are made with a process 1, a name and a root of their own', () => {
    const on = withScript()
    expect(on.run(['unshare', '-r', '-m', '-p', '-f', '--mount-proc', 'ps', '-ef']).output.split('\n')[1]).toMatch(
      /^root {11}1 {7}0 {2}0 22:13 \? {8}00:00:00 ps -ef$/,
    )
    expect(output(on, 'unshare -u hostname web', 'hostname', 'unshare -u nosuch')).toBe(
      'machine\nunshare: failed to execute nosuch: No such file or directory\n',
    )
    expect(on.run(['unshare', '-p', '-f', 'sleep', '1'])).toMatchObject({ code: 0 })
  })

  it('are listed by lsns, below the process that their first one came from', () => {
    const on = withScript()
    const lines = output(
      on,
      'unshare -m unshare -p -f sleep 9 &',
      'lsns',
      'lsns -n -t pid -o TYPE,NPROCS,COMMAND',
    ).split('\n')
    expect(head(lines[0]!)).toBe(head(native('lsns')))
    expect(lines.slice(9)).toEqual([
      expect.stringMatching(/^40265\d+ mnt {9}2 {3}3 root unshare -p -f sleep 9$/),
      expect.stringMatching(/^40265\d+ pid {9}1 {3}4 root └─sleep 9$/),
      'pid 4 init',
      'pid 1 sleep 9',
      '',
    ])
  })
})

describe('the network', () => {
  it('is shown and made by ip', () => {
    const lines = [
      'ip -br a',
      'ip link add v0 type veth peer name v1',
      'ip addr add 10.0.0.1/24 brd + dev v0',
      'ip link set v1 up',
      'ip link set v0 up',
      'ip addr show dev v0',
      'ip route add default via 10.0.0.9',
      'ip route',
      'ip link del v0',
      'ip link set v0 up',
    ]
    expect(output(withScript(), ...lines).replace(/ether \S+/, 'ether MAC')).toBe(
      `lo               UNKNOWN        127.0.0.1/8 ::1/128 
3: v0@v1: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP group default qlen 1000
    link/ether MAC brd ff:ff:ff:ff:ff:ff
    inet 10.0.0.1/24 brd 10.0.0.255 scope global v0
       valid_lft forever preferred_lft forever
default via 10.0.0.9 dev v0 
10.0.0.0/24 dev v0 proto kernel scope link src 10.0.0.1 
Cannot find device "v0"
`,
    )
  })

  it('carries HTTP, which is logged', () => {
    const on = withScript()
    const shown = output(
      on,
      'httpd -p 8080 -h / &',
      'ss -tlnp',
      'curl -s http://localhost:8080/proc/sys/kernel/ostype',
      'curl -sf http://localhost:8080/nosuch',
      'curl -s -o /dev/null -w %{http_code}\\n http://127.0.0.1:8080/tmp',
    )
    const log = (path: string, rest: string) =>
      `127.0.0.1 - - [14/Nov/2023:22:13:21 +0000] "GET ${path} HTTP/1.1" ${rest}\n`
    expect(shown).toBe(
      `State  Recv-Q Send-Q Local Address:Port Peer Address:PortProcess                     
LISTEN 0      0            0.0.0.0:8080      0.0.0.0:*   users:(("httpd",pid=3,fd=3))
${log('/proc/sys/kernel/ostype', '200 6')}Linux
${log('/nosuch', '404 86')}${log('/tmp', '200 100')}200
`,
    )
    expect(on.run(['curl', '-s', '-f', 'http://localhost:8080/nosuch'])).toMatchObject({ code: 22 })
  })

  it('refuses in the words of curl and nc', () => {
    const on = withScript()
    expect(on.run(['curl', 'http://127.0.0.1:1/'])).toMatchObject({
      output: "curl: (7) Failed to connect to 127.0.0.1 port 1 after 0 ms: Couldn't connect to server\n",
      code: 7,
    })
    expect(on.run(['curl', 'http://nosuch/'])).toMatchObject({
      output: 'curl: (6) Could not resolve host: nosuch\n',
      code: 6,
    })
    expect(on.run(['nc', '-zv', '127.0.0.1', '81']).output).toBe(
      'nc: connect to 127.0.0.1 port 81 (tcp) failed: Connection refused\n',
    )
    expect(output(on, 'nc -l 81 &', 'curl -m 2 http://127.0.0.1:81/')).toContain('curl: (28) ')
  })
})

describe('vi', () => {
  it('changes a file that is typed at on a terminal', () => {
    const on = withScript()
    const { kernel, call } = on
    const master = call({ name: 'openat', dirfd: -100, pathname: '/dev/pts/ptmx', flags: 2, mode: 0 }).value
    call({ name: 'ioctl', fd: master, request: 0x40045431, arg: new Uint8Array(4) })
    // Typed before vi has made the terminal raw: a line of input.
    call({ name: 'write', fd: master, buf: 'ione two\u001b:nothing\rothree\u001bggdwx0Pjddp:wq /tmp/out\n' })
    call({ name: 'fork' })
    const task = kernel.lastBorn!
    const fd = kernel.call(task, { name: 'openat', dirfd: -100, pathname: '/dev/pts/0', flags: 2, mode: 0 })
    expect(fd).toMatchObject({ value: expect.any(Number) })
    for (const newfd of [0, 1, 2]) kernel.call(task, { name: 'dup2', oldfd: (fd as { value: number }).value, newfd })
    kernel.call(task, { name: 'execve', pathname: '/bin/vi', argv: ['vi', '/tmp/text'], envp: [] })
    expect(runUntil(kernel, () => !task.alive)).toBe(true)
    const out = call({ name: 'openat', dirfd: -100, pathname: '/tmp/out', flags: 0, mode: 0 }).value
    expect(new TextDecoder().decode(call({ name: 'read', fd: out, buf: 4096 }).data)).toBe('two\nthree\n')
  })
})

describe('limits of a cgroup', () => {
  it('kill a worker of stress, which says so', () => {
    const on = withScript()
    on.call({ name: 'mkdirat', dirfd: -100, pathname: '/sys/fs/cgroup/small', mode: 0o755 })
    const write = (path: string, text: string) => {
      const fd = on.call({ name: 'openat', dirfd: -100, pathname: path, flags: 1, mode: 0 }).value
      on.call({ name: 'write', fd, buf: text })
      on.call({ name: 'close', fd })
    }
    write('/sys/fs/cgroup/cgroup.subtree_control', '+memory')
    write('/sys/fs/cgroup/small/memory.max', String(4 << 20))
    const fd = on.call({
      name: 'openat',
      dirfd: -100,
      pathname: '/sys/fs/cgroup/small/cgroup.procs',
      flags: 1,
      mode: 0,
    }).value
    on.call({ name: 'write', fd, buf: '1' })
    const { output, code } = on.run(['stress', '--vm', '1', '--vm-bytes', '8M', '--timeout', '1'])
    expect(output).toMatch(/FAIL: \[\d+\] \(415\) <-- worker \d+ got signal 9\n/)
    expect(code).toBe(1)
  })
})
