// Errnos as standard interfaces call them.

const fileCodes: Readonly<Record<string, number>> = {
  ...{ EACCES: 0, EAGAIN: 1, EALREADY: 2, EBADF: 3, EBUSY: 4, EDEADLK: 5, EDQUOT: 6, EEXIST: 7, EFBIG: 8, EILSEQ: 9 },
  ...{ EINPROGRESS: 10, EINTR: 11, EINVAL: 12, EIO: 13, EISDIR: 14, ELOOP: 15, EMLINK: 16, EMSGSIZE: 17 },
  ...{ ENAMETOOLONG: 18, ENODEV: 19, ENOENT: 20, ENOLCK: 21, ENOMEM: 22, ENOSPC: 23, ENOTDIR: 24, ENOTEMPTY: 25 },
  ...{ ENOTRECOVERABLE: 26, ENOSYS: 27, ENOTSUP: 27, EOPNOTSUPP: 27, ENOTTY: 28, ENXIO: 29, EOVERFLOW: 30, EPERM: 31 },
  ...{ EPIPE: 32, EROFS: 33, ESPIPE: 34, ETXTBSY: 35, EXDEV: 36 },
}
const io = 13

/** error-code of wasi:filesystem/types, as a refusal. */
export const codes = ({ errno }: { readonly errno: string }): { readonly refused: number } => ({
  refused: fileCodes[errno] ?? io,
})

/** error-code of wasi:sockets/network, in the order of their numbers. */
const networkNames = [
  ...(['unknown', 'access-denied', 'not-supported', 'invalid-argument', 'out-of-memory', 'timeout'] as const),
  ...(['concurrency-conflict', 'not-in-progress', 'would-block', 'invalid-state', 'new-socket-limit'] as const),
  ...(['address-not-bindable', 'address-in-use', 'remote-unreachable', 'connection-refused'] as const),
  ...(['connection-reset', 'connection-aborted', 'datagram-too-large', 'name-unresolvable'] as const),
  ...(['temporary-resolver-failure', 'permanent-resolver-failure'] as const),
]
export type NetworkError = (typeof networkNames)[number]

/** What each stands for in POSIX, as the interface says it. */
const networkErrnos: Readonly<Partial<Record<NetworkError, string>>> = {
  ...{ 'access-denied': 'EACCES EPERM', 'not-supported': 'EOPNOTSUPP EAFNOSUPPORT ENOSYS ENOPROTOOPT' },
  ...{ 'invalid-argument': 'EINVAL EDESTADDRREQ', 'out-of-memory': 'ENOMEM ENOBUFS', timeout: 'ETIMEDOUT' },
  ...{ 'concurrency-conflict': 'EALREADY', 'would-block': 'EAGAIN EINPROGRESS', 'invalid-state': 'EISCONN ENOTCONN' },
  ...{ 'new-socket-limit': 'EMFILE ENFILE', 'address-not-bindable': 'EADDRNOTAVAIL', 'address-in-use': 'EADDRINUSE' },
  ...{ 'remote-unreachable': 'EHOSTUNREACH EHOSTDOWN ENETUNREACH ENETDOWN ENONET ENETRESET' },
  ...{ 'connection-refused': 'ECONNREFUSED', 'connection-reset': 'ECONNRESET EPIPE' },
  ...{ 'connection-aborted': 'ECONNABORTED', 'datagram-too-large': 'EMSGSIZE' },
}
const networkCodes = new Map(
  Object.entries(networkErrnos).flatMap(([name, errnos]) => errnos.split(' ').map((errno) => [errno, name] as const)),
)

/** error-code of wasi:sockets/network, as a refusal. */
export const refuse = (name: NetworkError): { readonly refused: number } => ({ refused: networkNames.indexOf(name) })

/** @param here - what an errno stands for in one call, where that is something else */
export const networkError = (
  { errno }: { readonly errno: string },
  here: Readonly<Record<string, NetworkError>> = {},
): { readonly refused: number } => refuse(here[errno] ?? (networkCodes.get(errno) as NetworkError) ?? 'unknown')
