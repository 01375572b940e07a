// The plan of a container in a user namespace that root of the host has made: mapped owners, and what is taken before.

import { describe, expect, it } from 'vitest'
import type { LaunchFacts } from '../../../core/launch/facts.ts'
import { beyondSmallest, type Given, newNamespaces } from '../../support/planned.ts'

const userNamespace = { path: '/proc/7/ns/user', rootUid: 100000, rootGid: 200000 }

describe('namespaces', () => {
  it('of users that are there already are entered by root when it has taken all it needs of the host', () => {
    const given = (more: Partial<LaunchFacts>): Given => ({
      namespaces: newNamespaces('user', 'pid', 'mount', 'network'),
      mounts: [
        { destination: '/dev', type: 'bind', source: '/host/directory', options: ['rbind', 'rprivate', 'idmap'] },
        { destination: '/proc', type: 'proc', source: 'proc' },
        { destination: '/sys', type: 'sysfs', source: 'sysfs' },
      ],
      facts: {
        userNamespace,
        idmapNamespaces: { '/dev': '/proc/7/ns/user' },
        ...more,
      },
    })
    const overlay = {
      lowerDirectories: ['/layers/b', '/layers/a'],
      upperDirectory: '/containers/c/upper',
      workDirectory: '/containers/c/work',
      mountPoint: '/containers/c/merged',
    }
    const lines = beyondSmallest(given({ overlay })).split('\n')
    const mounted = lines.findIndex((line) => line.startsWith('move_mount(<root>'))
    expect(lines.slice(0, mounted + 1).join('\n')).toMatchInlineSnapshot(`
      "parent prctl(PR_SET_DUMPABLE, 0)  # have the child born so that no process of the container can trace it
      parent clone3({flags=CLONE_NEWNS|CLONE_NEWPID, exit_signal=SIGCHLD})  # start the container's first process
      openat(AT_FDCWD, "/proc/7/ns/user", O_RDONLY|O_CLOEXEC) = <user namespace>  # open the user namespace /proc/7/ns/user
      open_tree(AT_FDCWD, "/host/directory", OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC|AT_RECURSIVE) = <mount 0>  # take /host/directory of the host
      openat(AT_FDCWD, "/proc/7/ns/user", O_RDONLY|O_CLOEXEC) = <mount 0 map>  # open the user namespace that has the mapping
      mount_setattr(<mount 0>, "", AT_EMPTY_PATH, {attr_set=MOUNT_ATTR_IDMAP, userns_fd=<mount 0 map>})  # show its files as owned by the mapped users
      fsopen("proc", FSOPEN_CLOEXEC) = <mount 1 context>  # begin a proc
      fsconfig(<mount 1 context>, FSCONFIG_SET_STRING, "source", "proc", 0)  # name its source, as mount(8) shows it
      fsconfig(<mount 1 context>, FSCONFIG_CMD_CREATE, NULL, NULL, 0)  # make the proc while the host's, which proves the right to one, is in sight
      fsmount(<mount 1 context>, FSMOUNT_CLOEXEC, 0) = <mount 1>  # make it a mount
      mount("tmpfs", "/containers/c/merged", "tmpfs", 0, "mode=700")  # make a place for the layers as the users of the namespace will see them
      chdir("/containers/c/merged")  # stand in it
      open_tree(AT_FDCWD, "/layers/b", OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC) = <layer 0>  # take /layers/b of the host
      mount_setattr(<layer 0>, "", AT_EMPTY_PATH, {attr_set=MOUNT_ATTR_IDMAP, userns_fd=<user namespace>})  # show the files of /layers/b as owned by the users of the namespace
      mkdirat(AT_FDCWD, "0", 0700)  # make a place 0 for it
      move_mount(<layer 0>, "", AT_FDCWD, "0", MOVE_MOUNT_F_EMPTY_PATH)  # put it there
      open_tree(AT_FDCWD, "/layers/a", OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC) = <layer 1>  # take /layers/a of the host
      mount_setattr(<layer 1>, "", AT_EMPTY_PATH, {attr_set=MOUNT_ATTR_IDMAP, userns_fd=<user namespace>})  # show the files of /layers/a as owned by the users of the namespace
      mkdirat(AT_FDCWD, "1", 0700)  # make a place 1 for it
      move_mount(<layer 1>, "", AT_FDCWD, "1", MOVE_MOUNT_F_EMPTY_PATH)  # put it there
      open_tree(AT_FDCWD, "/containers/c", OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC) = <layer own>  # take /containers/c of the host
      mount_setattr(<layer own>, "", AT_EMPTY_PATH, {attr_set=MOUNT_ATTR_IDMAP, userns_fd=<user namespace>})  # show the files of /containers/c as owned by the users of the namespace
      mkdirat(AT_FDCWD, "own", 0700)  # make a place own for it
      move_mount(<layer own>, "", AT_FDCWD, "own", MOVE_MOUNT_F_EMPTY_PATH)  # put it there
      prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP)  # keep all rights over the change of owner that follows
      setfsgid(200000)  # make files as the namespace's group 0
      setfsuid(100000)  # make files as the namespace's root
      mount("overlay", ".", "overlay", 0, "lowerdir=0:1,upperdir=own/upper,workdir=own/work")  # lay the writable layer over the image
      open_tree(AT_FDCWD, "/containers/c/merged", OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC) = <root>  # take it, to mount it as the root filesystem
      setns(<user namespace>, CLONE_NEWUSER)  # join the user namespace
      unshare(CLONE_NEWNS|CLONE_NEWNET)  # make the new namespaces, owned by the user namespace that was joined
      fsopen("sysfs", FSOPEN_CLOEXEC) = <mount 2 context>  # begin a sysfs
      fsconfig(<mount 2 context>, FSCONFIG_SET_STRING, "source", "sysfs", 0)  # name its source, as mount(8) shows it
      fsconfig(<mount 2 context>, FSCONFIG_CMD_CREATE, NULL, NULL, 0)  # make the sysfs while the host's, which proves the right to one, is in sight
      fsmount(<mount 2 context>, FSMOUNT_CLOEXEC, 0) = <mount 2>  # make it a mount
      setresgid(0, 0, 0)  # become group 0 of the user namespace
      setresuid(0, 0, 0)  # become user 0 of the user namespace
      move_mount(<root>, "", AT_FDCWD, "", MOVE_MOUNT_F_EMPTY_PATH|MOVE_MOUNT_T_EMPTY_PATH)  # mount the root filesystem, because only a mount can become the root"
    `)
    expect(beyondSmallest(given({}))).toContain('chdir("/image")')
    expect(() => beyondSmallest(given({ overlay, release: '5.18.0' }))).toThrow(
      '--userns: a root filesystem with mapped owners needs Linux 5.19, and this is 5.18.0',
    )
  })

  it('of others are joined, and shown, before the one of users is entered', () => {
    const joined = (type: 'network' | 'ipc') => ({ type, path: `/proc/8/ns/${type}` })
    const lines = beyondSmallest({
      namespaces: [...newNamespaces('user', 'mount'), joined('network'), joined('ipc')],
      mounts: [
        { destination: '/sys', type: 'sysfs', source: 'sysfs' },
        { destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue' },
        { destination: '/proc', type: 'proc', source: 'proc' },
      ],
      facts: { userNamespace },
    }).split('\n')
    const at = (words: string) => lines.findIndex((line) => line.includes(words))
    const entered = at('setns(<user namespace>')
    expect(at('setns(<network namespace>')).toBeLessThan(at('fsopen("sysfs"'))
    expect(at('setns(<ipc namespace>')).toBeLessThan(at('fsopen("mqueue"'))
    for (const type of ['sysfs', 'mqueue', 'proc']) {
      expect(at(`fsopen("${type}"`)).toBeGreaterThan(0)
      expect(at(`fsopen("${type}"`)).toBeLessThan(entered)
    }
  })
})
