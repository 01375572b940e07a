// The plan of a container, line by line: what is done, in which order, and why.

import { describe, expect, it } from 'vitest'
import { planContainer } from '../../../core/launch/container.ts'
import { printPlan } from '../../../core/launch/print.ts'
import { beyondSmallest, facts, newNamespaces, specOf } from '../../support/planned.ts'

describe('the smallest container', () => {
  it('takes its root, enters it, leaves the host, and becomes its program', () => {
    expect(printPlan(planContainer(specOf(), facts))).toMatchInlineSnapshot(`
      " 1 parent clone3({flags=CLONE_NEWNS, exit_signal=SIGCHLD})  # start the container's first process
       2 child  setsid()  # begin a session of its own
       3 child  keyctl(KEYCTL_JOIN_SESSION_KEYRING, NULL)  # leave the keys of the caller's session (ENOSYS or EPERM is fine)
       4 child  mount(NULL, "/", NULL, MS_REC|MS_PRIVATE, NULL)  # keep every mount from here on to the container
       5 child  open_tree(AT_FDCWD, "/image", OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC|AT_RECURSIVE) = <root>  # take the root filesystem /image
       6 child  move_mount(<root>, "", AT_FDCWD, "/image", MOVE_MOUNT_F_EMPTY_PATH)  # mount it on itself, because only a mount can become the root
       7 child  fchdir(<root>)  # stand in the root filesystem
       8 child  pivot_root(".", ".")  # make it the root, with the host's root on top of it
       9 child  umount2(".", MNT_DETACH)  # leave the host's files for good
      10 child  umask(0)  # make files with exactly the rights asked for
      11 child  openat2(<root>, "/dev", {flags=O_PATH|O_DIRECTORY|O_CLOEXEC, resolve=RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS}) = </dev>  # find /dev (ENOENT is fine)
                   if not: mkdirat(<root>, "dev", 0755)  # make /dev (EEXIST is fine)
                      if not: unlinkat(<root>, "dev", 0)  # remove a link that leads nowhere (ENOENT or EISDIR or EBUSY is fine)
                      if not: mkdirat(<root>, "dev", 0755)  # make /dev (EEXIST is fine)
                   if not: openat2(<root>, "/dev", {flags=O_PATH|O_DIRECTORY|O_CLOEXEC, resolve=RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS}) = </dev>  # find /dev
      12 child  unlinkat(</dev>, "null", 0)  # remove what the image has for /dev/null: it might be anything (ENOENT is fine)
      13 child  mknodat(</dev>, "null", S_IFCHR|0666, makedev(1, 3))  # make /dev/null
      14 child  unlinkat(</dev>, "zero", 0)  # remove what the image has for /dev/zero: it might be anything (ENOENT is fine)
      15 child  mknodat(</dev>, "zero", S_IFCHR|0666, makedev(1, 5))  # make /dev/zero
      16 child  unlinkat(</dev>, "full", 0)  # remove what the image has for /dev/full: it might be anything (ENOENT is fine)
      17 child  mknodat(</dev>, "full", S_IFCHR|0666, makedev(1, 7))  # make /dev/full
      18 child  unlinkat(</dev>, "random", 0)  # remove what the image has for /dev/random: it might be anything (ENOENT is fine)
      19 child  mknodat(</dev>, "random", S_IFCHR|0666, makedev(1, 8))  # make /dev/random
      20 child  unlinkat(</dev>, "urandom", 0)  # remove what the image has for /dev/urandom: it might be anything (ENOENT is fine)
      21 child  mknodat(</dev>, "urandom", S_IFCHR|0666, makedev(1, 9))  # make /dev/urandom
      22 child  unlinkat(</dev>, "tty", 0)  # remove what the image has for /dev/tty: it might be anything (ENOENT is fine)
      23 child  mknodat(</dev>, "tty", S_IFCHR|0666, makedev(5, 0))  # make /dev/tty
      24 child  symlinkat("/proc/self/fd", </dev>, "fd")  # link /dev/fd to /proc/self/fd (EEXIST is fine)
      25 child  symlinkat("/proc/self/fd/0", </dev>, "stdin")  # link /dev/stdin to /proc/self/fd/0 (EEXIST is fine)
      26 child  symlinkat("/proc/self/fd/1", </dev>, "stdout")  # link /dev/stdout to /proc/self/fd/1 (EEXIST is fine)
      27 child  symlinkat("/proc/self/fd/2", </dev>, "stderr")  # link /dev/stderr to /proc/self/fd/2 (EEXIST is fine)
      28 child  symlinkat("/proc/kcore", </dev>, "core")  # link /dev/core to /proc/kcore (EEXIST is fine)
      29 child  symlinkat("pts/ptmx", </dev>, "ptmx")  # link /dev/ptmx to pts/ptmx (EEXIST is fine)
      30 child  openat(</dev>, "null", O_PATH|O_NOFOLLOW|O_CLOEXEC) = </dev/null>  # open the null device, which will cover files
      31 child  fchdir(<root>)  # stand in the working directory /
      32 child  rt_sigaction(SIGPIPE, SIG_DFL)  # stop ignoring SIGPIPE, as the caller does
      33 child  rt_sigaction(SIGXFSZ, SIG_DFL)  # stop ignoring SIGXFSZ, as the caller does
      34 child  rt_sigprocmask(SIG_SETMASK, [])  # block no signal
      35 child  fcntl(0, F_SETFD, 0)  # keep descriptor 0 for the program
      36 child  fcntl(1, F_SETFD, 0)  # keep descriptor 1 for the program
      37 child  fcntl(2, F_SETFD, 0)  # keep descriptor 2 for the program
      38 child  close_range(3, 999, 0)  # close every descriptor that leads out of the container
      39 child  close_range(1000, ~0U, CLOSE_RANGE_CLOEXEC)  # have the runtime's own descriptors closed when the program starts
      40 child  setgroups([])  # have no groups but those of the container
      41 child  setresgid(0, 0, 0)  # become group 0
      42 child  setresuid(0, 0, 0)  # become user 0
      43 child  umask(022)  # make files with umask 0022
      44 child  capset({effective=0x1ffffffffff, permitted=0x1ffffffffff, inheritable=0})  # keep only the capabilities of the container
      45 child  execve("/bin/sh", ["/bin/sh"], /* 0 variables */)  # become /bin/sh
      "
    `)
  })
})

describe('namespaces', () => {
  it('are made by clone3 in one go, but that of cgroups, whose root is the cgroup that the child is in', () => {
    const namespaces = newNamespaces('pid', 'mount', 'uts', 'ipc', 'network', 'cgroup')
    expect(beyondSmallest({ namespaces })).toMatchInlineSnapshot(`
      "parent clone3({flags=CLONE_NEWNS|CLONE_NEWUTS|CLONE_NEWIPC|CLONE_NEWPID|CLONE_NEWNET, exit_signal=SIGCHLD})  # start the container's first process
      unshare(CLONE_NEWCGROUP)  # make the cgroup that the child is in the root of what it sees of cgroups
      socket(AF_INET, SOCK_DGRAM|SOCK_CLOEXEC, 0) = <interfaces>  # open a socket to speak to the network interfaces
      ioctl(<interfaces>, SIOCSIFFLAGS, /* 40 bytes */)  # switch on the loopback interface"
    `)
  })

  it('of users make the child wait for its maps, and become root there before it makes anything', () => {
    const namespaces = newNamespaces('user', 'pid', 'mount')
    const mounts = [{ destination: '/proc', type: 'proc', source: 'proc', options: ['nosuid'] }]
    expect(beyondSmallest({ namespaces, mounts })).toMatchInlineSnapshot(`
      "parent clone3({flags=CLONE_NEWNS|CLONE_NEWUSER|CLONE_NEWPID, exit_signal=SIGCHLD})  # start the container's first process
      read(1000, 1)  # wait until the users of the new user namespace are mapped to users of the host
      open_tree(AT_FDCWD, "/dev/null", OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC) = <device /dev/null>  # take /dev/null of the host
      open_tree(AT_FDCWD, "/dev/zero", OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC) = <device /dev/zero>  # take /dev/zero of the host
      open_tree(AT_FDCWD, "/dev/full", OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC) = <device /dev/full>  # take /dev/full of the host
      open_tree(AT_FDCWD, "/dev/random", OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC) = <device /dev/random>  # take /dev/random of the host
      open_tree(AT_FDCWD, "/dev/urandom", OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC) = <device /dev/urandom>  # take /dev/urandom of the host
      open_tree(AT_FDCWD, "/dev/tty", OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC) = <device /dev/tty>  # take /dev/tty of the host
      fsopen("proc", FSOPEN_CLOEXEC) = <mount 0 context>  # begin a proc
      fsconfig(<mount 0 context>, FSCONFIG_SET_STRING, "source", "proc", 0)  # name its source, as mount(8) shows it
      fsconfig(<mount 0 context>, FSCONFIG_CMD_CREATE, NULL, NULL, 0)  # make the proc while the host's, which proves the right to one, is in sight
      fsmount(<mount 0 context>, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID) = <mount 0>  # make it a mount
      setresgid(0, 0, 0)  # become group 0 of the user namespace
      setresuid(0, 0, 0)  # become user 0 of the user namespace
      prctl(PR_SET_DUMPABLE, 1)  # stay visible to the runtime: the change of user hid /proc/PID from it
      openat2(<root>, "/proc", {flags=O_PATH|O_DIRECTORY|O_CLOEXEC, resolve=RESOLVE_IN_ROOT|RESOLVE_NO_SYMLINKS}) = <place 0>  # find /proc (ENOENT is fine)
         if not: mkdirat(<root>, "proc", 0755)  # make /proc (EEXIST is fine)
            if not: unlinkat(<root>, "proc", 0)  # remove a link that leads nowhere (ENOENT or EISDIR or EBUSY is fine)
            if not: mkdirat(<root>, "proc", 0755)  # make /proc (EEXIST is fine)
         if not: openat2(<root>, "/proc", {flags=O_PATH|O_DIRECTORY|O_CLOEXEC, resolve=RESOLVE_IN_ROOT|RESOLVE_NO_SYMLINKS}) = <place 0>  # find /proc
      move_mount(<mount 0>, "", <place 0>, "", MOVE_MOUNT_F_EMPTY_PATH|MOVE_MOUNT_T_EMPTY_PATH)  # mount proc on /proc
      openat(</dev>, "null", O_RDONLY|O_CREAT|O_EXCL|O_NOFOLLOW|O_CLOEXEC, 0644)  # make the empty file /dev/null to mount on
      move_mount(<device /dev/null>, "", </dev>, "null", MOVE_MOUNT_F_EMPTY_PATH)  # mount the host's /dev/null
      openat(</dev>, "zero", O_RDONLY|O_CREAT|O_EXCL|O_NOFOLLOW|O_CLOEXEC, 0644)  # make the empty file /dev/zero to mount on
      move_mount(<device /dev/zero>, "", </dev>, "zero", MOVE_MOUNT_F_EMPTY_PATH)  # mount the host's /dev/zero
      openat(</dev>, "full", O_RDONLY|O_CREAT|O_EXCL|O_NOFOLLOW|O_CLOEXEC, 0644)  # make the empty file /dev/full to mount on
      move_mount(<device /dev/full>, "", </dev>, "full", MOVE_MOUNT_F_EMPTY_PATH)  # mount the host's /dev/full
      openat(</dev>, "random", O_RDONLY|O_CREAT|O_EXCL|O_NOFOLLOW|O_CLOEXEC, 0644)  # make the empty file /dev/random to mount on
      move_mount(<device /dev/random>, "", </dev>, "random", MOVE_MOUNT_F_EMPTY_PATH)  # mount the host's /dev/random
      openat(</dev>, "urandom", O_RDONLY|O_CREAT|O_EXCL|O_NOFOLLOW|O_CLOEXEC, 0644)  # make the empty file /dev/urandom to mount on
      move_mount(<device /dev/urandom>, "", </dev>, "urandom", MOVE_MOUNT_F_EMPTY_PATH)  # mount the host's /dev/urandom
      openat(</dev>, "tty", O_RDONLY|O_CREAT|O_EXCL|O_NOFOLLOW|O_CLOEXEC, 0644)  # make the empty file /dev/tty to mount on
      move_mount(<device /dev/tty>, "", </dev>, "tty", MOVE_MOUNT_F_EMPTY_PATH)  # mount the host's /dev/tty"
    `)
  })

  it('of time are made by the parent, which sets their clocks before anybody lives by them', () => {
    const timeOffsets = { monotonic: { secs: 10, nanosecs: 5 }, boottime: { secs: -3 } }
    expect(
      beyondSmallest({ namespaces: newNamespaces('mount', 'time'), linux: { timeOffsets } }),
    ).toMatchInlineSnapshot(`
      "parent unshare(CLONE_NEWTIME)  # make a time namespace that the child will be born in
      parent openat(AT_FDCWD, "/proc/self/timens_offsets", O_WRONLY|O_CLOEXEC) = <clock offsets>  # open the clock offsets
      parent write(<clock offsets>, "monotonic 10 5\\nboottime -3 0\\n")  # set the clocks before anybody lives by them"
    `)
  })

  it('are joined by their paths: that of processes by the parent for its child, the others by the child', () => {
    const namespaces = [
      { type: 'mount' },
      { type: 'pid', path: '/proc/7/ns/pid' },
      { type: 'uts', path: '/proc/7/ns/uts' },
      { type: 'network', path: '/run/netns/web' },
    ] as const
    expect(beyondSmallest({ namespaces })).toMatchInlineSnapshot(`
      "parent openat(AT_FDCWD, "/proc/7/ns/pid", O_RDONLY|O_CLOEXEC) = <pid namespace>  # open the pid namespace /proc/7/ns/pid
      parent setns(<pid namespace>, CLONE_NEWPID)  # have the child born in that pid namespace
      parent prctl(PR_SET_DUMPABLE, 0)  # have the child born so that no process of the container can trace it
      openat(AT_FDCWD, "/proc/7/ns/uts", O_RDONLY|O_CLOEXEC) = <uts namespace>  # open the uts namespace /proc/7/ns/uts
      openat(AT_FDCWD, "/run/netns/web", O_RDONLY|O_CLOEXEC) = <network namespace>  # open the network namespace /run/netns/web
      setns(<uts namespace>, CLONE_NEWUTS)  # join the uts namespace
      setns(<network namespace>, CLONE_NEWNET)  # join the network namespace
      prctl(PR_SET_DUMPABLE, 1)  # be visible again to the runtime, now that nothing of the host is open"
    `)
  })

  it('that are new belong to the user namespace that is joined', () => {
    const namespaces = [{ type: 'user', path: '/proc/7/ns/user' }, ...newNamespaces('mount', 'uts', 'pid')] as const
    expect(beyondSmallest({ namespaces })).toMatchInlineSnapshot(`
      "parent prctl(PR_SET_DUMPABLE, 0)  # have the child born so that no process of the container can trace it
      parent clone3({flags=CLONE_NEWPID, exit_signal=SIGCHLD})  # start the container's first process
      openat(AT_FDCWD, "/proc/7/ns/user", O_RDONLY|O_CLOEXEC) = <user namespace>  # open the user namespace /proc/7/ns/user
      setns(<user namespace>, CLONE_NEWUSER)  # join the user namespace
      unshare(CLONE_NEWNS|CLONE_NEWUTS)  # make the new namespaces, owned by the user namespace that was joined
      open_tree(AT_FDCWD, "/dev/null", OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC) = <device /dev/null>  # take /dev/null of the host
      open_tree(AT_FDCWD, "/dev/zero", OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC) = <device /dev/zero>  # take /dev/zero of the host
      open_tree(AT_FDCWD, "/dev/full", OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC) = <device /dev/full>  # take /dev/full of the host
      open_tree(AT_FDCWD, "/dev/random", OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC) = <device /dev/random>  # take /dev/random of the host
      open_tree(AT_FDCWD, "/dev/urandom", OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC) = <device /dev/urandom>  # take /dev/urandom of the host
      open_tree(AT_FDCWD, "/dev/tty", OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC) = <device /dev/tty>  # take /dev/tty of the host
      setresgid(0, 0, 0)  # become group 0 of the user namespace
      setresuid(0, 0, 0)  # become user 0 of the user namespace
      openat(</dev>, "null", O_RDONLY|O_CREAT|O_EXCL|O_NOFOLLOW|O_CLOEXEC, 0644)  # make the empty file /dev/null to mount on
      move_mount(<device /dev/null>, "", </dev>, "null", MOVE_MOUNT_F_EMPTY_PATH)  # mount the host's /dev/null
      openat(</dev>, "zero", O_RDONLY|O_CREAT|O_EXCL|O_NOFOLLOW|O_CLOEXEC, 0644)  # make the empty file /dev/zero to mount on
      move_mount(<device /dev/zero>, "", </dev>, "zero", MOVE_MOUNT_F_EMPTY_PATH)  # mount the host's /dev/zero
      openat(</dev>, "full", O_RDONLY|O_CREAT|O_EXCL|O_NOFOLLOW|O_CLOEXEC, 0644)  # make the empty file /dev/full to mount on
      move_mount(<device /dev/full>, "", </dev>, "full", MOVE_MOUNT_F_EMPTY_PATH)  # mount the host's /dev/full
      openat(</dev>, "random", O_RDONLY|O_CREAT|O_EXCL|O_NOFOLLOW|O_CLOEXEC, 0644)  # make the empty file /dev/random to mount on
      move_mount(<device /dev/random>, "", </dev>, "random", MOVE_MOUNT_F_EMPTY_PATH)  # mount the host's /dev/random
      openat(</dev>, "urandom", O_RDONLY|O_CREAT|O_EXCL|O_NOFOLLOW|O_CLOEXEC, 0644)  # make the empty file /dev/urandom to mount on
      move_mount(<device /dev/urandom>, "", </dev>, "urandom", MOVE_MOUNT_F_EMPTY_PATH)  # mount the host's /dev/urandom
      openat(</dev>, "tty", O_RDONLY|O_CREAT|O_EXCL|O_NOFOLLOW|O_CLOEXEC, 0644)  # make the empty file /dev/tty to mount on
      move_mount(<device /dev/tty>, "", </dev>, "tty", MOVE_MOUNT_F_EMPTY_PATH)  # mount the host's /dev/tty
      prctl(PR_SET_DUMPABLE, 1)  # be visible again to the runtime, now that nothing of the host is open"
    `)
  })
})

describe('the root', () => {
  it('can be an overlay, mounted where only the container sees it', () => {
    const overlay = {
      lowerDirectories: ['/layers/b', '/layers/a:1'],
      upperDirectory: '/web/upper',
      workDirectory: '/web/work',
      mountPoint: '/web/merged',
    }
    expect(beyondSmallest({ facts: { overlay } })).toMatchInlineSnapshot(`
      "mount("overlay", "/web/merged", "overlay", 0, "lowerdir=/layers/b:/layers/a\\\\:1,upperdir=/web/upper,workdir=/web/work")  # lay the writable layer over the image
      openat(AT_FDCWD, "/web/merged", O_PATH|O_DIRECTORY|O_CLOEXEC) = <root>  # open the root filesystem"
    `)
  })

  it('of so many layers that a page does not hold them is made layer by layer', () => {
    const lowerDirectories = Array.from({ length: 100 }, (_, i) => `/layers/${String(i).padStart(60, '0')}`)
    const overlay = { lowerDirectories, mountPoint: '/web/merged' }
    const steps = beyondSmallest({ facts: { overlay } }).split('\n')
    expect(steps.filter((line) => line.includes('lowerdir+'))).toHaveLength(100)
    expect([steps[0], steps.at(-3), steps.at(-2), steps.at(-1)].join('\n')).toMatchInlineSnapshot(`
      "fsopen("overlay", FSOPEN_CLOEXEC) = <overlay>  # begin an overlay
      fsconfig(<overlay>, FSCONFIG_CMD_CREATE, NULL, NULL, 0)  # lay the writable layer over the image
      fsmount(<overlay>, FSMOUNT_CLOEXEC, 0) = <root>  # make it a mount
      move_mount(<root>, "", AT_FDCWD, "/web/merged", MOVE_MOUNT_F_EMPTY_PATH)  # mount it, because only a mount can become the root"
    `)
  })

  it('becomes read-only and shared when all is in its place', () => {
    const spec = { root: { path: '/image', readonly: true } }
    expect(beyondSmallest({ spec, linux: { rootfsPropagation: 'rshared' } })).toMatchInlineSnapshot(`
      "mount_setattr(<root>, "", AT_EMPTY_PATH, {attr_set=MOUNT_ATTR_RDONLY})  # make the root filesystem read-only
      mount_setattr(<root>, "", AT_EMPTY_PATH|AT_RECURSIVE, {propagation=MS_SHARED})  # make the root mount rshared"
    `)
  })
})

describe('cgroups', () => {
  const create = [
    {
      in: 'parent',
      call: { name: 'mkdirat', dirfd: -100, pathname: '/cg/web', mode: 0o755 },
      why: 'make its cgroup',
      as: 'cgroup',
    },
  ] as const
  const mounts = [{ destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup', options: ['ro', 'nosuid'] }]

  it("of version 2 take the child in at its birth; without a namespace of its own it sees the host's", () => {
    const cgroup = { create, join: [], into: 'cgroup', view: { version: 2, mountPoint: '/sys/fs/cgroup' } } as const
    expect(beyondSmallest({ mounts, facts: { cgroup } })).toMatchInlineSnapshot(`
      "parent mkdirat(AT_FDCWD, "/cg/web", 0755) = <cgroup>  # make its cgroup
      parent clone3({flags=CLONE_NEWNS|CLONE_INTO_CGROUP, exit_signal=SIGCHLD, cgroup=<cgroup>})  # start the container's first process, born in its cgroup
      open_tree(AT_FDCWD, "/sys/fs/cgroup", OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC) = <cgroup cgroup2>  # take the host's cgroups
      openat2(<root>, "/sys/fs/cgroup", {flags=O_PATH|O_DIRECTORY|O_CLOEXEC, resolve=RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS}) = <place 0>  # find /sys/fs/cgroup (ENOENT is fine)
         if not: openat2(<root>, "/sys", {flags=O_PATH|O_DIRECTORY|O_CLOEXEC, resolve=RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS}) = <place 0 /sys>  # find /sys (ENOENT is fine)
            if not: mkdirat(<root>, "sys", 0755)  # make /sys (EEXIST is fine)
               if not: unlinkat(<root>, "sys", 0)  # remove a link that leads nowhere (ENOENT or EISDIR or EBUSY is fine)
               if not: mkdirat(<root>, "sys", 0755)  # make /sys (EEXIST is fine)
            if not: openat2(<root>, "/sys", {flags=O_PATH|O_CLOEXEC, resolve=RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS}) = <place 0 /sys>  # find /sys
         if not: openat2(<root>, "/sys/fs", {flags=O_PATH|O_DIRECTORY|O_CLOEXEC, resolve=RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS}) = <place 0 /sys/fs>  # find /sys/fs (ENOENT is fine)
            if not: mkdirat(<place 0 /sys>, "fs", 0755)  # make /sys/fs (EEXIST is fine)
               if not: unlinkat(<place 0 /sys>, "fs", 0)  # remove a link that leads nowhere (ENOENT or EISDIR or EBUSY is fine)
               if not: mkdirat(<place 0 /sys>, "fs", 0755)  # make /sys/fs (EEXIST is fine)
            if not: openat2(<root>, "/sys/fs", {flags=O_PATH|O_CLOEXEC, resolve=RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS}) = <place 0 /sys/fs>  # find /sys/fs
         if not: mkdirat(<place 0 /sys/fs>, "cgroup", 0755)  # make /sys/fs/cgroup (EEXIST is fine)
            if not: unlinkat(<place 0 /sys/fs>, "cgroup", 0)  # remove a link that leads nowhere (ENOENT or EISDIR or EBUSY is fine)
            if not: mkdirat(<place 0 /sys/fs>, "cgroup", 0755)  # make /sys/fs/cgroup (EEXIST is fine)
         if not: openat2(<root>, "/sys/fs/cgroup", {flags=O_PATH|O_DIRECTORY|O_CLOEXEC, resolve=RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS}) = <place 0>  # find /sys/fs/cgroup
      mount_setattr(<cgroup cgroup2>, "", AT_EMPTY_PATH, {attr_set=MOUNT_ATTR_RDONLY|MOUNT_ATTR_NOSUID|MOUNT_ATTR_NODEV|MOUNT_ATTR_NOEXEC})  # make them read-only
      move_mount(<cgroup cgroup2>, "", <place 0>, "", MOVE_MOUNT_F_EMPTY_PATH|MOVE_MOUNT_T_EMPTY_PATH)  # show the container the host's cgroups on /sys/fs/cgroup"
    `)
  })

  it('of version 1 are entered by the child itself, and shown as one directory for each hierarchy', () => {
    const join = [
      {
        in: 'child',
        call: { name: 'openat', dirfd: -100, pathname: '/cg/tasks', flags: 1, mode: 0 },
        why: 'enter the cgroup',
      },
    ] as const
    const hierarchies = [
      { name: 'cpu,cpuacct', data: 'cpu,cpuacct', directory: '/cg/cpu,cpuacct/web' },
      { name: 'systemd', data: 'name=systemd', directory: '/cg/systemd/web' },
      { name: 'unified', directory: '/cg/unified/web' },
    ]
    const cgroup = { create: [], join, view: { version: 1, hierarchies } } as const
    expect(beyondSmallest({ mounts, facts: { cgroup } })).toMatchInlineSnapshot(`
      "openat(AT_FDCWD, "/cg/tasks", O_WRONLY)  # enter the cgroup
      open_tree(AT_FDCWD, "/cg/cpu,cpuacct/web", OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC) = <cgroup cpu,cpuacct>  # take the container's cpu,cpuacct cgroup
      open_tree(AT_FDCWD, "/cg/systemd/web", OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC) = <cgroup systemd>  # take the container's systemd cgroup
      open_tree(AT_FDCWD, "/cg/unified/web", OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC) = <cgroup unified>  # take the container's unified cgroup
      openat2(<root>, "/sys/fs/cgroup", {flags=O_PATH|O_DIRECTORY|O_CLOEXEC, resolve=RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS}) = </sys/fs/cgroup cgroups>  # find /sys/fs/cgroup (ENOENT is fine)
         if not: openat2(<root>, "/sys", {flags=O_PATH|O_DIRECTORY|O_CLOEXEC, resolve=RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS}) = </sys/fs/cgroup cgroups /sys>  # find /sys (ENOENT is fine)
            if not: mkdirat(<root>, "sys", 0755)  # make /sys (EEXIST is fine)
               if not: unlinkat(<root>, "sys", 0)  # remove a link that leads nowhere (ENOENT or EISDIR or EBUSY is fine)
               if not: mkdirat(<root>, "sys", 0755)  # make /sys (EEXIST is fine)
            if not: openat2(<root>, "/sys", {flags=O_PATH|O_CLOEXEC, resolve=RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS}) = </sys/fs/cgroup cgroups /sys>  # find /sys
         if not: openat2(<root>, "/sys/fs", {flags=O_PATH|O_DIRECTORY|O_CLOEXEC, resolve=RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS}) = </sys/fs/cgroup cgroups /sys/fs>  # find /sys/fs (ENOENT is fine)
            if not: mkdirat(</sys/fs/cgroup cgroups /sys>, "fs", 0755)  # make /sys/fs (EEXIST is fine)
               if not: unlinkat(</sys/fs/cgroup cgroups /sys>, "fs", 0)  # remove a link that leads nowhere (ENOENT or EISDIR or EBUSY is fine)
               if not: mkdirat(</sys/fs/cgroup cgroups /sys>, "fs", 0755)  # make /sys/fs (EEXIST is fine)
            if not: openat2(<root>, "/sys/fs", {flags=O_PATH|O_CLOEXEC, resolve=RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS}) = </sys/fs/cgroup cgroups /sys/fs>  # find /sys/fs
         if not: mkdirat(</sys/fs/cgroup cgroups /sys/fs>, "cgroup", 0755)  # make /sys/fs/cgroup (EEXIST is fine)
            if not: unlinkat(</sys/fs/cgroup cgroups /sys/fs>, "cgroup", 0)  # remove a link that leads nowhere (ENOENT or EISDIR or EBUSY is fine)
            if not: mkdirat(</sys/fs/cgroup cgroups /sys/fs>, "cgroup", 0755)  # make /sys/fs/cgroup (EEXIST is fine)
         if not: openat2(<root>, "/sys/fs/cgroup", {flags=O_PATH|O_DIRECTORY|O_CLOEXEC, resolve=RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS}) = </sys/fs/cgroup cgroups>  # find /sys/fs/cgroup
      fchdir(</sys/fs/cgroup cgroups>)  # stand in /sys/fs/cgroup
      mount("tmpfs", ".", "tmpfs", MS_NOSUID, "mode=755")  # make a place for the cgroup hierarchies
      openat2(<root>, "/sys/fs/cgroup", {flags=O_PATH|O_DIRECTORY|O_CLOEXEC, resolve=RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS}) = </sys/fs/cgroup>  # open /sys/fs/cgroup
      mkdirat(</sys/fs/cgroup>, "cpu,cpuacct", 0755)  # make /sys/fs/cgroup/cpu,cpuacct
      mount_setattr(<cgroup cpu,cpuacct>, "", AT_EMPTY_PATH, {attr_set=MOUNT_ATTR_RDONLY|MOUNT_ATTR_NOSUID|MOUNT_ATTR_NODEV|MOUNT_ATTR_NOEXEC})  # make it read-only
      move_mount(<cgroup cpu,cpuacct>, "", </sys/fs/cgroup>, "cpu,cpuacct", MOVE_MOUNT_F_EMPTY_PATH)  # show the container its cpu,cpuacct cgroup
      mkdirat(</sys/fs/cgroup>, "systemd", 0755)  # make /sys/fs/cgroup/systemd
      mount_setattr(<cgroup systemd>, "", AT_EMPTY_PATH, {attr_set=MOUNT_ATTR_RDONLY|MOUNT_ATTR_NOSUID|MOUNT_ATTR_NODEV|MOUNT_ATTR_NOEXEC})  # make it read-only
      move_mount(<cgroup systemd>, "", </sys/fs/cgroup>, "systemd", MOVE_MOUNT_F_EMPTY_PATH)  # show the container its systemd cgroup
      mkdirat(</sys/fs/cgroup>, "unified", 0755)  # make /sys/fs/cgroup/unified
      mount_setattr(<cgroup unified>, "", AT_EMPTY_PATH, {attr_set=MOUNT_ATTR_RDONLY|MOUNT_ATTR_NOSUID|MOUNT_ATTR_NODEV|MOUNT_ATTR_NOEXEC})  # make it read-only
      move_mount(<cgroup unified>, "", </sys/fs/cgroup>, "unified", MOVE_MOUNT_F_EMPTY_PATH)  # show the container its unified cgroup
      symlinkat("cpu,cpuacct", </sys/fs/cgroup>, "cpu")  # find cpu in cpu,cpuacct
      symlinkat("cpu,cpuacct", </sys/fs/cgroup>, "cpuacct")  # find cpuacct in cpu,cpuacct
      mount_setattr(</sys/fs/cgroup>, "", AT_EMPTY_PATH, {attr_set=MOUNT_ATTR_RDONLY})  # let nobody change the list of hierarchies"
    `)
    const own = beyondSmallest({ mounts, facts: { cgroup }, namespaces: newNamespaces('mount', 'cgroup') })
    expect(own.split('\n').filter((line) => line.startsWith('mount('))).toMatchInlineSnapshot(`
      [
        "mount("tmpfs", ".", "tmpfs", MS_NOSUID, "mode=755")  # make a place for the cgroup hierarchies",
        "mount("cgroup", ".", "cgroup", MS_RDONLY|MS_NOSUID, "cpu,cpuacct")  # show the container its cpu,cpuacct cgroup",
        "mount("cgroup", ".", "cgroup", MS_RDONLY|MS_NOSUID, "name=systemd")  # show the container its systemd cgroup",
        "mount("cgroup", ".", "cgroup2", MS_RDONLY|MS_NOSUID, NULL)  # show the container its unified cgroup",
      ]
    `)
  })
})

describe('what the container is called', () => {
  it('is set in its own namespaces', () => {
    const spec = { hostname: 'web', domainname: 'example.org' }
    const sysctl = { 'net.ipv4.ip_forward': '1', 'kernel.shmmax': '4096' }
    const namespaces = newNamespaces('mount', 'uts', 'network', 'ipc')
    expect(beyondSmallest({ namespaces, spec: { ...spec, linux: { namespaces, sysctl } } })).toMatchInlineSnapshot(`
      "parent clone3({flags=CLONE_NEWNS|CLONE_NEWUTS|CLONE_NEWIPC|CLONE_NEWNET, exit_signal=SIGCHLD})  # start the container's first process
      openat(AT_FDCWD, "/proc/sys", O_PATH|O_DIRECTORY|O_CLOEXEC) = <sysctl>  # open the kernel parameters
      sethostname("web")  # give the container its host name
      setdomainname("example.org")  # give the container its domain name
      openat(<sysctl>, "net/ipv4/ip_forward", O_WRONLY|O_CLOEXEC) = <sysctl net.ipv4.ip_forward>  # open the kernel parameter net.ipv4.ip_forward
      write(<sysctl net.ipv4.ip_forward>, "1")  # set net.ipv4.ip_forward to 1
      openat(<sysctl>, "kernel/shmmax", O_WRONLY|O_CLOEXEC) = <sysctl kernel.shmmax>  # open the kernel parameter kernel.shmmax
      write(<sysctl kernel.shmmax>, "4096")  # set kernel.shmmax to 4096
      socket(AF_INET, SOCK_DGRAM|SOCK_CLOEXEC, 0) = <interfaces>  # open a socket to speak to the network interfaces
      ioctl(<interfaces>, SIOCSIFFLAGS, /* 40 bytes */)  # switch on the loopback interface"
    `)
  })
})

describe('a container that is created and started later', () => {
  it('waits when all is done but its program, before it gives up any right', () => {
    const text = printPlan(planContainer(specOf(), { ...facts, waitsForStart: true }))
    const steps = text.split('\n').map((line) => line.replace(/^ *\d+ child {2}/, '').split('(')[0])
    const waits = steps.indexOf('read')
    expect([steps[waits - 1], steps[waits], steps[waits + 1]]).toEqual(['close_range', 'read', 'rt_sigaction'])
  })
})
