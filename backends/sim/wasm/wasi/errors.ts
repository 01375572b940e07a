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

const networkCodes: Readonly<Record<string, number>> = {
  ...{ EACCES: 1, EPERM: 1, EAFNOSUPPORT: 2, EOPNOTSUPP: 2, ENOSYS: 2, EINVAL: 3, ENOMEM: 4, ENOBUFS: 4, ETIMEDOUT: 5 },
  ...{ EALREADY: 6, EAGAIN: 8, EINPROGRESS: 8, EISCONN: 9, ENOTCONN: 9, EMFILE: 10, ENFILE: 10, EADDRNOTAVAIL: 11 },
  ...{ EADDRINUSE: 12, EHOSTUNREACH: 13, ENETUNREACH: 13, ECONNREFUSED: 14, ECONNRESET: 15, EPIPE: 15 },
  ...{ ECONNABORTED: 16, EMSGSIZE: 17 },
}

/** error-code of wasi:sockets/network, as a refusal. */
export const networkError = ({ errno }: { readonly errno: string }): { readonly refused: number } => ({
  refused: networkCodes[errno] ?? 0,
})
