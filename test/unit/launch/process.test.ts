// The last stretch of a plan: user, rights, limits, terminal and program; and the way of an exec.

import { describe, expect, it } from 'vitest'
import { ungrantableCapabilities } from '../../../core/launch/capabilities.ts'
import { planContainer } from '../../../core/launch/container.ts'
import { planExec } from '../../../core/launch/exec.ts'
import { exitCodeOfFailure } from '../../../core/launch/exit-code.ts'
import { beyondSmallest, facts, linesOf, specOf } from '../../support/planned.ts'

describe('a process', () => {
  it("leaves the caller's keys, unless it is to keep them", () => {
    const calls = (more: object) =>
      linesOf(planContainer(specOf(), { ...facts, ...more })).filter((line) => line.includes('keyctl'))
    expect(calls({})).toHaveLength(1)
    expect(calls({ keepsKeyring: true })).toEqual([])
  })

  it('of another user keeps its capabilities over the change, and none besides', () => {
    const few = ['CAP_NET_BIND_SERVICE']
    const capabilities = { bounding: few, permitted: few, effective: few, inheritable: few, ambient: few }
    const user = { uid: 1000, gid: 1001, additionalGids: [7, 8], umask: 0o027 }
    const text = beyondSmallest({ process: { user, capabilities, noNewPrivileges: true } })
    const dropped = text.split('\n').filter((line) => line.includes('PR_CAPBSET_DROP'))
    expect(dropped).toHaveLength(40)
    expect(dropped[0]).toBe('prctl(PR_CAPBSET_DROP, CAP_CHOWN)  # put CAP_CHOWN out of reach')
    const others = text.split('\n').filter((line) => !line.includes('PR_CAPBSET_DROP'))
    expect(others.join('\n')).toMatchInlineSnapshot(`
      "setgroups([7, 8])  # have no groups but those of the container
      prctl(PR_SET_KEEPCAPS, 1)  # keep the permitted capabilities over the change of user
      setresgid(1001, 1001, 1001)  # become group 1001
      setresuid(1000, 1000, 1000)  # become user 1000
      umask(027)  # make files with umask 0027
      capset({effective=CAP_NET_BIND_SERVICE, permitted=CAP_NET_BIND_SERVICE, inheritable=CAP_NET_BIND_SERVICE})  # keep only the capabilities of the container
      prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_BIND_SERVICE)  # let programs without privilege have CAP_NET_BIND_SERVICE
      prctl(PR_SET_NO_NEW_PRIVS, 1)  # let no program gain privileges"
    `)
  })

  it('drops from the bounding set only what is in it', () => {
    const capabilities = { permitted: 0b11n, bounding: 0b111n }
    const text = beyondSmallest({ process: { capabilities: { bounding: ['CAP_CHOWN'] } }, facts: { capabilities } })
    expect(text.split('\n').filter((line) => line.includes('PR_CAPBSET_DROP'))).toMatchInlineSnapshot(`
      [
        "prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE)  # put CAP_DAC_OVERRIDE out of reach",
        "prctl(PR_CAPBSET_DROP, CAP_DAC_READ_SEARCH)  # put CAP_DAC_READ_SEARCH out of reach",
      ]
    `)
  })

  it('has its seccomp filter installed last when it can gain no privileges, and else while it still may', () => {
    const seccomp = { program: new Uint8Array(16), flags: 0 }
    const order = (noNewPrivileges: boolean) =>
      beyondSmallest({ process: { noNewPrivileges, capabilities: {} }, facts: { seccomp } })
        .split('\n')
        .filter((line) => !line.includes('PR_CAPBSET_DROP'))
        .map((line) => line.slice(0, line.indexOf('(')))
    expect(order(true)).toEqual(['capset', 'prctl', 'seccomp'])
    expect(order(false)).toEqual(['seccomp', 'capset'])
  })

  it('has its limits and its score set while it has the right to', () => {
    const rlimits = [{ type: 'RLIMIT_NOFILE', soft: 1024, hard: 2 ** 64 }]
    expect(beyondSmallest({ process: { rlimits, oomScoreAdj: 100 } })).toMatchInlineSnapshot(`
      "openat(AT_FDCWD, "/proc/self/oom_score_adj", O_WRONLY|O_CLOEXEC) = <oom score>  # open the score for the out-of-memory killer
      write(<oom score>, "100")  # set oom_score_adj to 100 (to lower it needs CAP_SYS_RESOURCE)
      prlimit64(0, RLIMIT_NOFILE, {rlim_cur=1024, rlim_max=RLIM_INFINITY})  # set RLIMIT_NOFILE (to raise its hard limit needs CAP_SYS_RESOURCE)"
    `)
  })

  it('has a score that is so already left alone', () => {
    expect(beyondSmallest({ process: { oomScoreAdj: 100 }, facts: { oomScoreAdj: 100 } })).toBe('')
  })

  it('stands in a working directory that is opened without magic links, and made when it is missing', () => {
    expect(beyondSmallest({ process: { cwd: '/srv/web/' } })).toMatchInlineSnapshot(`
      "openat2(<root>, "/srv/web", {flags=O_PATH|O_DIRECTORY|O_CLOEXEC, resolve=RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS}) = <working directory>  # find /srv/web (ENOENT is fine)
         if not: openat2(<root>, "/srv", {flags=O_PATH|O_DIRECTORY|O_CLOEXEC, resolve=RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS}) = <working directory /srv>  # find /srv (ENOENT is fine)
            if not: mkdirat(<root>, "srv", 0755)  # make /srv (EEXIST is fine)
               if not: unlinkat(<root>, "srv", 0)  # remove a link that leads nowhere (ENOENT or EISDIR or EBUSY is fine)
               if not: mkdirat(<root>, "srv", 0755)  # make /srv (EEXIST is fine)
            if not: openat2(<root>, "/srv", {flags=O_PATH|O_CLOEXEC, resolve=RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS}) = <working directory /srv>  # find /srv
         if not: mkdirat(<working directory /srv>, "web", 0755)  # make /srv/web (EEXIST is fine)
            if not: unlinkat(<working directory /srv>, "web", 0)  # remove a link that leads nowhere (ENOENT or EISDIR or EBUSY is fine)
            if not: mkdirat(<working directory /srv>, "web", 0755)  # make /srv/web (EEXIST is fine)
         if not: openat2(<root>, "/srv/web", {flags=O_PATH|O_DIRECTORY|O_CLOEXEC, resolve=RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS}) = <working directory>  # find /srv/web
      fchdir(<working directory>)  # stand in the working directory /srv/web"
    `)
  })

  it('is looked for along PATH, and at the end it is said why none was executed', () => {
    const process = { args: ['web', '-v'], env: ['PATH=/usr/bin:/bin', 'HOME=/'] }
    expect(beyondSmallest({ process })).toMatchInlineSnapshot(`
      "execve("/usr/bin/web", ["web", "-v"], /* 2 variables */)  # become /usr/bin/web, if it is there (ENOENT or ENOTDIR or EACCES or ENODEV is fine)
      execve("/bin/web", ["web", "-v"], /* 2 variables */)  # become /bin/web, if it is there (ENOENT or ENOTDIR or EACCES or ENODEV is fine)
      execve("/usr/bin/web", ["web", "-v"], /* 2 variables */)  # say why web cannot be executed (ENOENT or ENOTDIR or ENODEV is fine)
      execve("/bin/web", ["web", "-v"], /* 2 variables */)  # say why web cannot be executed"
    `)
  })

  it('is confined by AppArmor from its first instruction, when it has a profile', () => {
    expect(beyondSmallest({ process: { apparmorProfile: 'web' } })).toMatchInlineSnapshot(`
      "openat(AT_FDCWD, "/proc/self/attr/apparmor/exec", O_WRONLY|O_CLOEXEC) = <profile>  # open what AppArmor will confine the program to (ENOENT is fine)
         if not: openat(AT_FDCWD, "/proc/self/attr/exec", O_WRONLY|O_CLOEXEC) = <profile>  # open what AppArmor will confine the program to
      write(<profile>, "exec web")  # confine the program by the AppArmor profile web"
    `)
    expect(beyondSmallest({ process: { apparmorProfile: 'unconfined' } })).toBe('')
  })

  it('waits behind its filter until the listener of its system calls has been handed over', () => {
    const seccomp = { program: new Uint8Array(16), flags: 8, notifies: true } as const
    const steps = planContainer(specOf(), { ...facts, seccomp }).steps
    const at = steps.findIndex(({ call }) => call.name === 'seccomp')
    expect(steps[at + 1]).toMatchObject({ call: { name: 'read' }, waits: true, as: 'listener' })
  })

  it("is labelled by SELinux, and what is mounted for it too, through the host's files", () => {
    const mounts = [
      { destination: '/proc', type: 'proc' },
      { destination: '/run', type: 'tmpfs', options: ['mode=755'] },
      { destination: '/data', source: '/host/directory', options: ['bind'] },
    ]
    const label = 'system_u:object_r:container_file_t:s0:c1,c2'
    const given = {
      mounts,
      process: { selinuxLabel: 'web' },
      linux: { mountLabel: label, maskedPaths: ['/etc'] },
      facts: { selinux: true },
    }
    const lines = linesOf(planContainer(specOf(given), { ...facts, ...given.facts }))
    const of = (word: string) => lines.filter((line) => line.includes(word)).map((line) => line.replace(/ {2}#.*/, ''))
    expect(of('/attr/exec')).toEqual([
      expect.stringContaining('openat(AT_FDCWD, "/proc/self/attr/exec", O_WRONLY|O_CLOEXEC)'),
    ])
    expect(of('"web"')).toEqual([expect.stringContaining('write(<label>, "web")')])
    expect(lines.findIndex((line) => line.includes('/attr/exec'))).toBeLessThan(
      lines.findIndex((line) => line.includes('pivot_root')),
    )
    const labelledMounts = of('context=')
    expect(labelledMounts).toHaveLength(2)
    expect(labelledMounts[0]).toContain(`mode=755,context=\\"${label}\\"`)
    expect(labelledMounts[1]).toContain(`nr_blocks=1,nr_inodes=1,context=\\"${label}\\"`)
  })

  it('stops ignoring what the caller ignores', () => {
    expect(beyondSmallest({ facts: { ignoredSignals: [1] } })).toMatchInlineSnapshot(
      `"rt_sigaction(SIGHUP, SIG_DFL)  # stop ignoring SIGHUP, as the caller does"`,
    )
  })

  it('has a terminal of the container, with its size and its owner', () => {
    const consoleSize = { height: 24, width: 80 }
    const process = { terminal: true, consoleSize, user: { uid: 5, gid: 5 } }
    const mounts = [{ destination: '/dev', source: '/host/directory', options: ['bind'] }]
    const text = beyondSmallest({ process, mounts })
    expect(text.slice(text.indexOf('openat2(<root>, "/dev/pts/ptmx"'))).toMatchInlineSnapshot(`
      "openat2(<root>, "/dev/pts/ptmx", {flags=O_RDWR|O_NOCTTY|O_CLOEXEC, resolve=RESOLVE_IN_ROOT|RESOLVE_NO_SYMLINKS}) = <master>  # open a new terminal of the container's own
      ioctl(<master>, TIOCSPTLCK, /* 4 bytes */)  # unlock its other side
      ioctl(<master>, TIOCGPTPEER, O_RDWR|O_NOCTTY|O_CLOEXEC) = <terminal>  # open its other side, without a path that could lead elsewhere
      ioctl(<terminal>, TIOCSWINSZ, /* 8 bytes */)  # make it 80 columns by 24 rows
      fchown(<terminal>, 5, -1)  # give the terminal to the user who works at it
      ioctl(<terminal>, TIOCSCTTY, 0)  # make it the controlling terminal of the session
      dup3(<terminal>, 0, 0)  # make it standard input
      dup3(<terminal>, 1, 0)  # make it standard output
      dup3(<terminal>, 2, 0)  # make it standard error
      dup3(<master>, 1001, O_CLOEXEC)  # leave the master where the runtime takes it
      prctl(PR_SET_KEEPCAPS, 1)  # keep the permitted capabilities over the change of user
      setresgid(5, 5, 5)  # become group 5
      setresuid(5, 5, 5)  # become user 5"
    `)
  })
})

describe('a refusal', () => {
  it('means 127 when there is no such program, 126 when it cannot be executed, else 125', () => {
    const plan = planContainer(specOf(), facts)
    const last = plan.steps.length - 1
    expect(exitCodeOfFailure(plan, { step: last, errno: 'ENOENT' })).toBe(127)
    expect(exitCodeOfFailure(plan, { step: last, errno: 'EACCES' })).toBe(126)
    expect(exitCodeOfFailure(plan, { step: 3, errno: 'ENOENT' })).toBe(125)
  })
})

describe('what cannot be granted', () => {
  it('is named for a warning, and left out of the plan', () => {
    const capabilities = { permitted: 1n, bounding: 1n }
    const spec = specOf({ process: { capabilities: { bounding: ['CAP_CHOWN', 'CAP_SYS_ADMIN'] } } })
    expect(ungrantableCapabilities(spec, { ...facts, capabilities })).toEqual(['CAP_SYS_ADMIN'])
  })
})

describe('an exec', () => {
  it('is born in the pid namespace and the cgroup, and joins the others at once', () => {
    const open = { name: 'openat', dirfd: -100, pathname: '/cg/web', flags: 0o10200000, mode: 0 } as const
    const create = [{ in: 'parent', call: open, why: 'open its cgroup', as: 'cgroup' }] as const
    const plan = planExec(
      specOf().process!,
      { pid: 77, namespaces: ['pid', 'mount', 'uts', 'network', 'cgroup'] },
      { ...facts, cgroup: { create, join: [], into: 'cgroup' } },
    )
    expect(linesOf(plan).join('\n')).toMatchInlineSnapshot(`
      "parent pidfd_open(77, 0) = <container>  # take hold of the container by its first process
      parent setns(<container>, CLONE_NEWPID)  # have the child born in the container's pid namespace
      parent openat(AT_FDCWD, "/cg/web", O_PATH|O_DIRECTORY) = <cgroup>  # open its cgroup
      parent prctl(PR_SET_DUMPABLE, 0)  # have the child born so that no process of the container can trace it
      parent clone3({flags=CLONE_INTO_CGROUP, exit_signal=SIGCHLD, cgroup=<cgroup>})  # start a process for the program
      setsid()  # begin a session of its own
      keyctl(KEYCTL_JOIN_SESSION_KEYRING, NULL)  # leave the keys of the caller's session (ENOSYS or EPERM is fine)
      setns(<container>, CLONE_NEWNS|CLONE_NEWCGROUP|CLONE_NEWUTS|CLONE_NEWNET)  # join the container's other namespaces at once
      close_range(3, 999, 0)  # close every descriptor that leads out of the container
      close_range(1000, ~0U, CLOSE_RANGE_CLOEXEC)  # have the runtime's own descriptors closed when the program starts
      prctl(PR_SET_DUMPABLE, 1)  # be visible again to the runtime, now that nothing of the host is open
      openat(AT_FDCWD, "/", O_PATH|O_DIRECTORY|O_CLOEXEC) = <root>  # open the container's root
      openat2(<root>, "/", {flags=O_PATH|O_DIRECTORY|O_CLOEXEC, resolve=RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS}) = <working directory>  # find /
      fchdir(<working directory>)  # stand in the working directory /
      rt_sigaction(SIGPIPE, SIG_DFL)  # stop ignoring SIGPIPE, as the caller does
      rt_sigaction(SIGXFSZ, SIG_DFL)  # stop ignoring SIGXFSZ, as the caller does
      rt_sigprocmask(SIG_SETMASK, [])  # block no signal
      fcntl(0, F_SETFD, 0)  # keep descriptor 0 for the program
      fcntl(1, F_SETFD, 0)  # keep descriptor 1 for the program
      fcntl(2, F_SETFD, 0)  # keep descriptor 2 for the program
      close_range(3, 999, 0)  # close every descriptor that leads out of the container
      close_range(1000, ~0U, CLOSE_RANGE_CLOEXEC)  # have the runtime's own descriptors closed when the program starts
      setgroups([])  # have no groups but those of the container
      setresgid(0, 0, 0)  # become group 0
      setresuid(0, 0, 0)  # become user 0
      umask(022)  # make files with umask 0022
      capset({effective=0x1ffffffffff, permitted=0x1ffffffffff, inheritable=0})  # keep only the capabilities of the container
      execve("/bin/sh", ["/bin/sh"], /* 0 variables */)  # become /bin/sh"
    `)
  })

  it('of a user who is not root enters the user namespace before the child is born', () => {
    const process = specOf().process!
    const lines = linesOf(
      planExec(process, { pid: 77, namespaces: ['user', 'pid', 'mount'] }, { ...facts, euid: 1000 }),
    )
    expect(lines.filter((line) => /setns|DUMPABLE/.test(line))).toMatchInlineSnapshot(`
      [
        "parent setns(<container>, CLONE_NEWUSER|CLONE_NEWPID)  # enter the user namespace, which gives the right to have the child born in the container's pid namespace",
        "parent prctl(PR_SET_DUMPABLE, 1)  # stay visible to the runtime: the change of user hid /proc/PID from it",
        "parent prctl(PR_SET_DUMPABLE, 0)  # have the child born so that no process of the container can trace it",
        "setns(<container>, CLONE_NEWNS)  # join the container's other namespaces at once",
        "prctl(PR_SET_DUMPABLE, 1)  # be visible again to the runtime, now that nothing of the host is open",
      ]
    `)
  })

  it('in a user namespace becomes root there first', () => {
    const lines = linesOf(
      planExec(specOf().process!, { pid: 77, namespaces: ['user', 'mount'], setgroupsDenied: true }, facts),
    )
    expect(lines.filter((line) => /^set/.test(line))).toMatchInlineSnapshot(`
      [
        "setsid()  # begin a session of its own",
        "setns(<container>, CLONE_NEWNS|CLONE_NEWUSER)  # join the container's other namespaces at once",
        "setresgid(0, 0, 0)  # become group 0 of the user namespace",
        "setresuid(0, 0, 0)  # become user 0 of the user namespace",
        "setresgid(0, 0, 0)  # become group 0",
        "setresuid(0, 0, 0)  # become user 0",
      ]
    `)
  })
})
