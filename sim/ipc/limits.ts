// Limits of an IPC namespace: /proc/sys/kernel/{shm*,sem,msg*} and /proc/sys/fs/mqueue. Each namespace begins with the
// defaults (IPC-003). proc_sys_kernel(5), sysvipc(7)

export interface IpcLimits {
  /** kernel.shmmax in bytes and kernel.shmall in pages: beyond any memory when nobody set them, and shown as the text. */
  shmmax: bigint
  shmall: bigint
  shmmni: number
  shmRmidForced: boolean
  /** kernel.sem: semaphores of a set, of all sets, operations of a call, sets. */
  semmsl: number
  semmns: number
  semopm: number
  semmni: number
  /** Bytes of a message, bytes of a queue, queues. */
  msgmax: number
  msgmnb: number
  msgmni: number
  /** fs.mqueue */
  queuesMax: number
  mqueueMsgMax: number
  mqueueMsgsizeMax: number
  mqueueMsgDefault: number
  mqueueMsgsizeDefault: number
}

/** ULONG_MAX - (1 << 24) */
const unlimited = 18446744073692774399n

export const defaultLimits = (): IpcLimits => ({
  shmmax: unlimited,
  shmall: unlimited,
  shmmni: 4096,
  shmRmidForced: false,
  semmsl: 32_000,
  semmns: 1_024_000_000,
  semopm: 500,
  semmni: 32_000,
  msgmax: 8192,
  msgmnb: 16_384,
  msgmni: 32_000,
  queuesMax: 256,
  mqueueMsgMax: 10,
  mqueueMsgsizeMax: 8192,
  mqueueMsgDefault: 10,
  mqueueMsgsizeDefault: 8192,
})
