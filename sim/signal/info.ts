// A signal on its way: number, cause and sender. sigaction(2) siginfo_t

/** si_code. asm-generic/siginfo.h */
export const SI = { USER: 0, KERNEL: 0x80, QUEUE: -1, TKILL: -6 } as const
/** si_code of SIGCHLD. */
export const CLD = { EXITED: 1, KILLED: 2, DUMPED: 3, STOPPED: 5, CONTINUED: 6 } as const

export interface SignalInfo {
  readonly signal: number
  readonly code: number
  /** Of the sender, or of the child that the signal tells of, as the receiver's namespaces see them; 0 is outside or the kernel. */
  readonly pid: number
  readonly uid: number
  /** Of SIGCHLD: exit status or signal. */
  readonly status?: number
  /** Of sigqueue(3): whatever was sent with it. */
  readonly value?: number
}

export const fromKernel = (signal: number): SignalInfo => ({ signal, code: SI.KERNEL, pid: 0, uid: 0 })

/** The 128 bytes of siginfo_t on 64 bits. */
export function encodeInfo({ signal, code, pid, uid, status = 0, value }: SignalInfo): Uint8Array {
  const bytes = new Uint8Array(128)
  const view = new DataView(bytes.buffer)
  view.setInt32(0, signal, true)
  view.setInt32(8, code, true)
  view.setInt32(16, pid, true)
  view.setUint32(20, uid, true)
  if (value === undefined) view.setInt32(24, status, true)
  else view.setInt32(24, value, true)
  return bytes
}
