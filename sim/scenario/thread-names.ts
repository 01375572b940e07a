// Names of what threads tell the kernel of themselves: asm/prctl.h, linux/futex.h, linux/mempolicy.h, linux/membarrier.h

const FUTEX_PRIVATE = 128
const FUTEX_CLOCK_REALTIME = 256

const futex = {
  ...{ WAIT: 0, WAKE: 1, FD: 2, REQUEUE: 3, CMP_REQUEUE: 4, WAKE_OP: 5, LOCK_PI: 6, UNLOCK_PI: 7, TRYLOCK_PI: 8 },
  ...{ WAIT_BITSET: 9, WAKE_BITSET: 10, WAIT_REQUEUE_PI: 11, CMP_REQUEUE_PI: 12, LOCK_PI2: 13 },
}
const mempolicy = {
  DEFAULT: 0,
  PREFERRED: 1,
  BIND: 2,
  INTERLEAVE: 3,
  LOCAL: 4,
  PREFERRED_MANY: 5,
  WEIGHTED_INTERLEAVE: 6,
  F_NODE: 1,
  F_ADDR: 2,
  F_MEMS_ALLOWED: 4,
  F_NUMA_BALANCING: 0x2000,
  F_RELATIVE_NODES: 0x4000,
  F_STATIC_NODES: 0x8000,
}
const arch = {
  ...{ SET_GS: 0x1001, SET_FS: 0x1002, GET_FS: 0x1003, GET_GS: 0x1004, GET_CPUID: 0x1011, SET_CPUID: 0x1012 },
  ...{
    GET_XCOMP_SUPP: 0x1021,
    GET_XCOMP_PERM: 0x1022,
    REQ_XCOMP_PERM: 0x1023,
    CET_STATUS: 0x3001,
    SHSTK_STATUS: 0x5005,
  },
}
const membarrier = {
  ...{ QUERY: 0, GLOBAL: 1, GLOBAL_EXPEDITED: 2, REGISTER_GLOBAL_EXPEDITED: 4, PRIVATE_EXPEDITED: 8 },
  ...{ REGISTER_PRIVATE_EXPEDITED: 16, PRIVATE_EXPEDITED_SYNC_CORE: 32, REGISTER_PRIVATE_EXPEDITED_SYNC_CORE: 64 },
}

const named = (prefix: string, numbers: Readonly<Record<string, number>>) =>
  Object.entries(numbers).map(([name, value]) => [`${prefix}${name}`, value] as const)

/** By name. */
export const threadNumbers: Readonly<Record<string, number>> = Object.fromEntries([
  ...named('FUTEX_', futex).flatMap(([name, value]) => [
    [name, value] as const,
    [`${name}_PRIVATE`, value | FUTEX_PRIVATE] as const,
  ]),
  ['FUTEX_PRIVATE_FLAG', FUTEX_PRIVATE],
  ['FUTEX_CLOCK_REALTIME', FUTEX_CLOCK_REALTIME],
  ['FUTEX_BITSET_MATCH_ANY', 0xffffffff],
  ...named('MPOL_', mempolicy),
  ...named('ARCH_', arch),
  ...named('MEMBARRIER_CMD_', membarrier),
  ['RSEQ_FLAG_UNREGISTER', 1],
  ['PROT_NONE', 0],
  ...named('SUID_DUMP_', { DISABLE: 0, USER: 1, ROOT: 2 }),
  ...named('MADV_', {
    HUGEPAGE: 14,
    NOHUGEPAGE: 15,
    DONTDUMP: 16,
    DODUMP: 17,
    WIPEONFORK: 18,
    KEEPONFORK: 19,
    COLD: 20,
    PAGEOUT: 21,
    COLLAPSE: 25,
  }),
  ...named('KEYCTL_', {
    GET_KEYRING_ID: 0,
    UPDATE: 2,
    REVOKE: 3,
    CHOWN: 4,
    SETPERM: 5,
    DESCRIBE: 6,
    CLEAR: 7,
    LINK: 8,
    UNLINK: 9,
    SEARCH: 10,
    READ: 11,
  }),
  ...named('KEY_SPEC_', {
    THREAD_KEYRING: -1,
    PROCESS_KEYRING: -2,
    SESSION_KEYRING: -3,
    USER_KEYRING: -4,
    USER_SESSION_KEYRING: -5,
  }),
  ...named('SECCOMP_FILTER_FLAG_', {
    TSYNC: 1,
    LOG: 2,
    SPEC_ALLOW: 4,
    NEW_LISTENER: 8,
    TSYNC_ESRCH: 16,
    WAIT_KILLABLE_RECV: 32,
  }),
  ...Object.entries({
    EXT2_SUPER_MAGIC: 0xef53,
    EXT4_SUPER_MAGIC: 0xef53,
    XFS_SUPER_MAGIC: 0x58465342,
    BTRFS_SUPER_MAGIC: 0x9123683e,
  }),
  ...Object.entries({
    NFS_SUPER_MAGIC: 0x6969,
    SQUASHFS_MAGIC: 0x73717368,
    V9FS_MAGIC: 0x01021997,
    FUSE_SUPER_MAGIC: 0x65735546,
  }),
  ...Object.entries({
    ZFS_SUPER_MAGIC: 0x2fc12fc1,
    F2FS_SUPER_MAGIC: 0xf2f52010,
    ECRYPTFS_SUPER_MAGIC: 0xf15f,
    HOSTFS_SUPER_MAGIC: 0x00c0ffee,
  }),
])
