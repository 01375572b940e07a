// The mounts of a container's plan: sources taken from the host, destinations found inside, options, masks, devices.

import { describe, expect, it } from 'vitest'
import { readMountOptions } from '../../../core/launch/mount-options.ts'
import { beyondSmallest, facts, newNamespaces } from '../../support/planned.ts'

const bind = (options: readonly string[], source = '/host/directory') => [{ destination: '/data', source, options }]

describe('a bind mount', () => {
  it('is taken before the host is left, and mounted where openat2 finds its place', () => {
    expect(beyondSmallest({ mounts: bind(['rbind', 'ro', 'nosuid']) })).toMatchInlineSnapshot(`
      "open_tree(AT_FDCWD, "/host/directory", OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC|AT_RECURSIVE) = <mount 0>  # take /host/directory of the host
      mount_setattr(<mount 0>, "", AT_EMPTY_PATH, {attr_set=MOUNT_ATTR_RDONLY|MOUNT_ATTR_NOSUID})  # apply its options: rbind,ro,nosuid
      openat2(<root>, "/data", {flags=O_PATH|O_DIRECTORY|O_CLOEXEC, resolve=RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS}) = <place 0>  # find /data (ENOENT is fine)
         if not: mkdirat(<root>, "data", 0755)  # make /data (EEXIST is fine)
            if not: unlinkat(<root>, "data", 0)  # remove a link that leads nowhere (ENOENT or EISDIR or EBUSY is fine)
            if not: mkdirat(<root>, "data", 0755)  # make /data (EEXIST is fine)
         if not: openat2(<root>, "/data", {flags=O_PATH|O_DIRECTORY|O_CLOEXEC, resolve=RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS}) = <place 0>  # find /data
      move_mount(<mount 0>, "", <place 0>, "", MOVE_MOUNT_F_EMPTY_PATH|MOVE_MOUNT_T_EMPTY_PATH)  # mount /host/directory on /data"
    `)
  })

  it('of a file has its place made as an empty file, below directories that are made one by one', () => {
    const mounts = [{ destination: '/etc/web/conf', source: '/host/file', options: ['bind'] }]
    expect(beyondSmallest({ mounts })).toMatchInlineSnapshot(`
      "open_tree(AT_FDCWD, "/host/file", OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC) = <mount 0>  # take /host/file of the host
      openat2(<root>, "/etc/web/conf", {flags=O_PATH|O_CLOEXEC, resolve=RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS}) = <place 0>  # find /etc/web/conf (ENOENT is fine)
         if not: openat2(<root>, "/etc", {flags=O_PATH|O_DIRECTORY|O_CLOEXEC, resolve=RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS}) = <place 0 /etc>  # find /etc (ENOENT is fine)
            if not: mkdirat(<root>, "etc", 0755)  # make /etc (EEXIST is fine)
               if not: unlinkat(<root>, "etc", 0)  # remove a link that leads nowhere (ENOENT or EISDIR or EBUSY is fine)
               if not: mkdirat(<root>, "etc", 0755)  # make /etc (EEXIST is fine)
            if not: openat2(<root>, "/etc", {flags=O_PATH|O_CLOEXEC, resolve=RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS}) = <place 0 /etc>  # find /etc
         if not: openat2(<root>, "/etc/web", {flags=O_PATH|O_DIRECTORY|O_CLOEXEC, resolve=RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS}) = <place 0 /etc/web>  # find /etc/web (ENOENT is fine)
            if not: mkdirat(<place 0 /etc>, "web", 0755)  # make /etc/web (EEXIST is fine)
               if not: unlinkat(<place 0 /etc>, "web", 0)  # remove a link that leads nowhere (ENOENT or EISDIR or EBUSY is fine)
               if not: mkdirat(<place 0 /etc>, "web", 0755)  # make /etc/web (EEXIST is fine)
            if not: openat2(<root>, "/etc/web", {flags=O_PATH|O_CLOEXEC, resolve=RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS}) = <place 0 /etc/web>  # find /etc/web
         if not: openat2(<root>, "/etc/web/conf", {flags=O_RDONLY|O_CREAT|O_NONBLOCK|O_CLOEXEC, mode=0644, resolve=RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS})  # make the empty file /etc/web/conf to mount on (ENOENT is fine)
            if not: unlinkat(<place 0 /etc/web>, "conf", 0)  # remove a link that leads nowhere (ENOENT or EISDIR or EBUSY is fine)
            if not: openat(<place 0 /etc/web>, "conf", O_RDONLY|O_CREAT|O_EXCL|O_NOFOLLOW|O_CLOEXEC, 0644)  # make the empty file /etc/web/conf to mount on
         if not: openat2(<root>, "/etc/web/conf", {flags=O_PATH|O_CLOEXEC, resolve=RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS}) = <place 0>  # find /etc/web/conf
      move_mount(<mount 0>, "", <place 0>, "", MOVE_MOUNT_F_EMPTY_PATH|MOVE_MOUNT_T_EMPTY_PATH)  # mount /host/file on /etc/web/conf"
    `)
  })

  it('has recursive options set on everything below it, the others on itself alone', () => {
    const text = beyondSmallest({ mounts: bind(['rbind', 'rro', 'noexec', 'noatime']) })
    expect(text.split('\n').filter((line) => line.includes('mount_setattr'))).toMatchInlineSnapshot(`
      [
        "mount_setattr(<mount 0>, "", AT_EMPTY_PATH, {attr_set=MOUNT_ATTR_NOEXEC|MOUNT_ATTR_NOATIME, attr_clr=MOUNT_ATTR__ATIME})  # apply its options: rbind,rro,noexec,noatime",
        "mount_setattr(<mount 0>, "", AT_EMPTY_PATH|AT_RECURSIVE, {attr_set=MOUNT_ATTR_RDONLY})  # apply its options: rbind,rro,noexec,noatime, to all below too",
      ]
    `)
  })

  it('that is to hear of the host is taken before the tie is cut', () => {
    const text = beyondSmallest({ mounts: bind(['rbind', 'rslave']) })
    expect(text.split('\n').slice(0, 2).join('\n')).toMatchInlineSnapshot(`
      "open_tree(AT_FDCWD, "/host/directory", OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC|AT_RECURSIVE) = <mount 0>  # take /host/directory of the host
      mount_setattr(<mount 0>, "", AT_EMPTY_PATH|AT_RECURSIVE, {propagation=MS_SLAVE})  # let mounts of the host appear in it"
    `)
  })

  it('with idmap is shown through a user namespace', () => {
    const text = beyondSmallest({
      mounts: bind(['bind', 'idmap']),
      facts: { idmapNamespaces: { '/data': '/proc/9/ns/user' } },
    })
    expect(text.split('\n').slice(0, 3).join('\n')).toMatchInlineSnapshot(`
      "open_tree(AT_FDCWD, "/host/directory", OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC) = <mount 0>  # take /host/directory of the host
      openat(AT_FDCWD, "/proc/9/ns/user", O_RDONLY|O_CLOEXEC) = <mount 0 map>  # open the user namespace that has the mapping
      mount_setattr(<mount 0>, "", AT_EMPTY_PATH, {attr_set=MOUNT_ATTR_IDMAP, userns_fd=<mount 0 map>})  # show its files as owned by the mapped users"
    `)
  })
})

describe('a fresh mount', () => {
  it('is made where the working directory is, which openat2 has found', () => {
    const mounts = [
      { destination: '/tmp', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'noexec', 'mode=1777', 'size=64k'] },
    ]
    expect(beyondSmallest({ mounts })).toMatchInlineSnapshot(`
      "openat2(<root>, "/tmp", {flags=O_PATH|O_DIRECTORY|O_CLOEXEC, resolve=RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS}) = <place 0>  # find /tmp (ENOENT is fine)
         if not: mkdirat(<root>, "tmp", 0755)  # make /tmp (EEXIST is fine)
            if not: unlinkat(<root>, "tmp", 0)  # remove a link that leads nowhere (ENOENT or EISDIR or EBUSY is fine)
            if not: mkdirat(<root>, "tmp", 0755)  # make /tmp (EEXIST is fine)
         if not: openat2(<root>, "/tmp", {flags=O_PATH|O_DIRECTORY|O_CLOEXEC, resolve=RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS}) = <place 0>  # find /tmp
      fchdir(<place 0>)  # stand in /tmp
      mount("tmpfs", ".", "tmpfs", MS_NOSUID|MS_NOEXEC, "mode=1777,size=64k")  # mount tmpfs on /tmp"
    `)
  })

  it('of tmpfs becomes read-only when everything that belongs in it is there', () => {
    const mounts = [
      { destination: '/place', type: 'tmpfs', options: ['ro'] },
      { destination: '/place/within', type: 'tmpfs', options: [] },
    ]
    expect(beyondSmallest({ mounts })).toMatchInlineSnapshot(`
      "openat2(<root>, "/place", {flags=O_PATH|O_DIRECTORY|O_CLOEXEC, resolve=RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS}) = <place 0>  # find /place (ENOENT is fine)
         if not: mkdirat(<root>, "place", 0755)  # make /place (EEXIST is fine)
            if not: unlinkat(<root>, "place", 0)  # remove a link that leads nowhere (ENOENT or EISDIR or EBUSY is fine)
            if not: mkdirat(<root>, "place", 0755)  # make /place (EEXIST is fine)
         if not: openat2(<root>, "/place", {flags=O_PATH|O_DIRECTORY|O_CLOEXEC, resolve=RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS}) = <place 0>  # find /place
      fchdir(<place 0>)  # stand in /place
      mount("tmpfs", ".", "tmpfs", 0, NULL)  # mount tmpfs on /place
      openat2(<root>, "/place", {flags=O_PATH|O_DIRECTORY|O_CLOEXEC, resolve=RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS}) = </place>  # open /place
      mkdirat(</place>, "within", 0755)  # make /place/within
      openat2(<root>, "/place/within", {flags=O_PATH|O_DIRECTORY|O_CLOEXEC, resolve=RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS}) = <place 1>  # find /place/within
      fchdir(<place 1>)  # stand in /place/within
      mount("tmpfs", ".", "tmpfs", 0, NULL)  # mount tmpfs on /place/within
      openat2(<root>, "/place", {flags=O_PATH|O_CLOEXEC, resolve=RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS}) = <place 0 whole>  # open what is mounted on /place
      mount_setattr(<place 0 whole>, "", AT_EMPTY_PATH, {attr_set=MOUNT_ATTR_RDONLY})  # make /place read-only, now that it is complete"
    `)
  })

  it('of proc never follows a link of the image', () => {
    const mounts = [{ destination: '/proc', type: 'proc', source: 'proc' }]
    expect(beyondSmallest({ mounts, namespaces: newNamespaces('mount', 'pid') })).toMatch(
      /openat2\(<root>, "\/proc", .*RESOLVE_NO_SYMLINKS/,
    )
  })
})

describe('mount options', () => {
  it('count in their order: the later of two that contradict each other', () => {
    expect(readMountOptions(['ro', 'rw', 'nosuid']).own).toEqual({ set: 2, clear: 1 })
    expect(readMountOptions(['rw', 'ro']).own).toEqual({ set: 1, clear: 0 })
  })

  it("that are not Linux's go to the file system as they are", () => {
    expect(readMountOptions(['ro', 'mode=755', 'rsize=8', 'size=1m']).data).toBe('mode=755,rsize=8,size=1m')
  })
})

describe('/dev', () => {
  const mounts = [{ destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'mode=755'] }]

  it('gets the default devices, those of the spec, and the usual links', () => {
    const devices = [
      { path: '/dev/fuse', type: 'c', major: 10, minor: 229, fileMode: 0o600, uid: 3, gid: 4 },
      { path: '/dev/net/tun', type: 'c', major: 10, minor: 200 },
    ] as const
    expect(beyondSmallest({ mounts, linux: { devices } })).toMatchInlineSnapshot(`
      "openat2(<root>, "/dev", {flags=O_PATH|O_DIRECTORY|O_CLOEXEC, resolve=RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS}) = <place 0>  # find /dev (ENOENT is fine)
         if not: openat2(<root>, "/dev", {flags=O_PATH|O_DIRECTORY|O_CLOEXEC, resolve=RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS}) = <place 0>  # find /dev
      fchdir(<place 0>)  # stand in /dev
      mount("tmpfs", ".", "tmpfs", MS_NOSUID, "mode=755")  # mount tmpfs on /dev
      openat2(<root>, "/dev", {flags=O_PATH|O_DIRECTORY|O_CLOEXEC, resolve=RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS}) = </dev>  # open /dev
      mknodat(</dev>, "fuse", S_IFCHR|0600, makedev(10, 229))  # make /dev/fuse
      fchownat(</dev>, "fuse", 3, 4, AT_SYMLINK_NOFOLLOW)  # give /dev/fuse to 3:4
      mkdirat(</dev>, "net", 0755)  # make /dev/net
      openat2(<root>, "/dev/net", {flags=O_PATH|O_DIRECTORY|O_CLOEXEC, resolve=RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS}) = <above /dev/net/tun>  # find /dev/net
      unlinkat(<above /dev/net/tun>, "tun", 0)  # remove what the image has for /dev/net/tun: it might be anything (ENOENT is fine)
      mknodat(<above /dev/net/tun>, "tun", S_IFCHR|0666, makedev(10, 200))  # make /dev/net/tun
      symlinkat("/proc/self/fd", </dev>, "fd")  # link /dev/fd to /proc/self/fd
      symlinkat("/proc/self/fd/0", </dev>, "stdin")  # link /dev/stdin to /proc/self/fd/0
      symlinkat("/proc/self/fd/1", </dev>, "stdout")  # link /dev/stdout to /proc/self/fd/1
      symlinkat("/proc/self/fd/2", </dev>, "stderr")  # link /dev/stderr to /proc/self/fd/2
      symlinkat("/proc/kcore", </dev>, "core")  # link /dev/core to /proc/kcore
      symlinkat("pts/ptmx", </dev>, "ptmx")  # link /dev/ptmx to pts/ptmx"
    `)
  })

  it('has the devices of the host mounted where no nodes can be made', () => {
    const permitted = facts.capabilities.permitted - (1n << 27n)
    const text = beyondSmallest({
      mounts,
      facts: { capabilities: { permitted, bounding: facts.capabilities.bounding } },
    })
    expect(text.split('\n').filter((line) => line.includes('null'))).toMatchInlineSnapshot(`
      [
        "open_tree(AT_FDCWD, "/dev/null", OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC) = <device /dev/null>  # take /dev/null of the host",
        "openat(</dev>, "null", O_RDONLY|O_CREAT|O_EXCL|O_NOFOLLOW|O_CLOEXEC, 0644)  # make the empty file /dev/null to mount on",
        "move_mount(<device /dev/null>, "", </dev>, "null", MOVE_MOUNT_F_EMPTY_PATH)  # mount the host's /dev/null",
      ]
    `)
  })

  it('is left as it is when it is mounted from somewhere', () => {
    const volume = [{ destination: '/dev', source: '/host/directory', options: ['rbind'] }]
    expect(beyondSmallest({ mounts: volume })).not.toContain('mknodat')
  })
})

describe('masked and read-only paths', () => {
  it('are covered by descriptor: a directory by an empty tmpfs, a file by the null device', () => {
    expect(beyondSmallest({ linux: { maskedPaths: ['/proc/kcore'] } })).toMatchInlineSnapshot(`
      "open_tree(AT_FDCWD, "/dev/null", OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC) = <cover /proc/kcore>  # take the host's null device to cover /proc/kcore
      openat2(<root>, "/proc/kcore", {flags=O_PATH|O_DIRECTORY|O_CLOEXEC, resolve=RESOLVE_IN_ROOT|RESOLVE_NO_SYMLINKS}) = <masked /proc/kcore>  # look for a directory /proc/kcore to mask (ENOENT or ENOTDIR is fine)
         if so: fchdir(<masked /proc/kcore>)  # stand in /proc/kcore
         if so: mount("tmpfs", ".", "tmpfs", MS_RDONLY, "nr_blocks=1,nr_inodes=1")  # hide the directory /proc/kcore
         if not: openat2(<root>, "/proc/kcore", {flags=O_PATH|O_CLOEXEC, resolve=RESOLVE_IN_ROOT|RESOLVE_NO_SYMLINKS}) = <masked file /proc/kcore>  # look for a file /proc/kcore to mask (ENOENT or ENOTDIR is fine)
            if so: move_mount(<cover /proc/kcore>, "", <masked file /proc/kcore>, "", MOVE_MOUNT_F_EMPTY_PATH|MOVE_MOUNT_T_EMPTY_PATH)  # cover the file /proc/kcore"
    `)
  })

  it('have links followed inside the container only, and in proc not at all', () => {
    const text = beyondSmallest({ linux: { readonlyPaths: ['/proc/sys', '/var/run/x'] } })
    expect(text).toMatchInlineSnapshot(`
      "openat2(<root>, "/proc/sys", {flags=O_PATH|O_CLOEXEC, resolve=RESOLVE_IN_ROOT|RESOLVE_NO_SYMLINKS}) = <readonly /proc/sys>  # look for /proc/sys to make it read-only (ENOENT or ENOTDIR is fine)
         if so: open_tree(<readonly /proc/sys>, "", OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC|AT_EMPTY_PATH|AT_RECURSIVE) = <view of /proc/sys>  # take a view of /proc/sys
         if so: mount_setattr(<view of /proc/sys>, "", AT_EMPTY_PATH|AT_RECURSIVE, {attr_set=MOUNT_ATTR_RDONLY})  # make the view read-only
         if so: move_mount(<view of /proc/sys>, "", <readonly /proc/sys>, "", MOVE_MOUNT_F_EMPTY_PATH|MOVE_MOUNT_T_EMPTY_PATH)  # mount it over /proc/sys
      openat2(<root>, "/var/run/x", {flags=O_PATH|O_CLOEXEC, resolve=RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS}) = <readonly /var/run/x>  # look for /var/run/x to make it read-only (ENOENT or ENOTDIR is fine)
         if so: open_tree(<readonly /var/run/x>, "", OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC|AT_EMPTY_PATH|AT_RECURSIVE) = <view of /var/run/x>  # take a view of /var/run/x
         if so: mount_setattr(<view of /var/run/x>, "", AT_EMPTY_PATH|AT_RECURSIVE, {attr_set=MOUNT_ATTR_RDONLY})  # make the view read-only
         if so: move_mount(<view of /var/run/x>, "", <readonly /var/run/x>, "", MOVE_MOUNT_F_EMPTY_PATH|MOVE_MOUNT_T_EMPTY_PATH)  # mount it over /var/run/x"
    `)
  })
})
