// What the engine is handed in: a kernel, and the few capabilities that are no kernel's business (clocks, entropy, archives).

import { UserError } from '../errors.ts'
import { AT_FDCWD, must, S_IFDIR, S_IFMT, stat } from '../files.ts'
import type { Archive } from '../image/archive.ts'
import type { Http } from '../image/registry/http.ts'
import { type Kernel, refused } from '../kernel.ts'

/** Facts about the caller that no system call tells. */
export interface Environment {
  readonly uid: number
  readonly gid: number
  /** The login name, for subuid(5); undefined when there is none. */
  readonly userName?: string
  readonly home?: string
  /** `HOME`, `PATH`, `XDG_*`; what the cleanup command gets too. */
  readonly variables: Readonly<Record<string, string | undefined>>
  /** amd64 or arm64, in the words of images (GOARCH). */
  readonly architecture: string
  /** GOOS of the programs that can be executed; absent: linux. */
  readonly os?: string
}

/** Whose files are meant: root of a user namespace that was made for a caller (`asLentRoot`) stands for that caller. */
export function callerUid({ uid, variables }: Pick<Environment, 'uid' | 'variables'>): number {
  const caller = variables.VITRINE_CALLER_UID
  return uid === 0 && caller ? Number(caller) : uid
}

export interface Host {
  readonly kernel: Kernel
  readonly environment: Environment
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** Nanoseconds of a clock that never goes back. */
  readonly monotonicNs: () => bigint
  readonly randomBytes: (count: number) => Uint8Array
  readonly sleep: (milliseconds: number) => Promise<void>
  /** Loads decompression and hashing, at their first use. */
  readonly archive: () => Promise<Archive>
  /** Loads HTTP, at its first use. */
  readonly http: () => Promise<Http>
  /** Where the host's program for `--init` is; absent or undefined when there is none. */
  readonly initPath?: () => string | undefined
  /** Tells the user something that went otherwise than asked: one sentence. */
  readonly warn: (sentence: string) => void
}

/** Where things are and what this program is; the same for every verb of one invocation. */
export interface Settings {
  /** The persistent directory: `/var/lib/vitrine`, rootless `$XDG_DATA_HOME/vitrine`. */
  readonly root: string
  /** The directory that a reboot empties: `/run/vitrine`, rootless `$XDG_RUNTIME_DIR/vitrine`. */
  readonly runroot: string
  /** The cgroup below which containers are put when they name no other. */
  readonly cgroupParent: string
  /** systemd makes the cgroups: since it was asked for, or since it is the host's init; absent: they are made here. */
  readonly systemdCgroups?: 'asked' | 'usual'
  /**
   * How this program is called again with the same settings: absolute program, script, `--root`, ... The engine adds
   * `cleanup ID`. The monitor runs it after the container's exit.
   */
  readonly selfArgv: readonly string[]
  /** The largest size of a container's log; absent means no limit. */
  readonly logMaxBytes?: number
}

/** Where state is kept when nothing else is said, as by the XDG base directory specification for users. */
export function defaultSettings(environment: Environment, selfArgv: readonly string[]): Settings {
  const { uid, variables } = environment
  if (uid === 0) return { root: '/var/lib/vitrine', runroot: '/run/vitrine', cgroupParent: '/vitrine', selfArgv }
  const home = environment.home ?? variables.HOME ?? '/'
  return {
    root: `${variables.XDG_DATA_HOME || `${home}/.local/share`}/vitrine`,
    runroot: `${variables.XDG_RUNTIME_DIR || sharedDirectory(uid)}/vitrine`,
    cgroupParent: '/vitrine',
    selfArgv,
  }
}

/** Where the system gives a user no directory of his own: in /tmp, where everybody makes what he likes. */
const sharedDirectory = (uid: number): string => `/tmp/vitrine-${uid}`

/**
 * Makes the directory in /tmp that the run root is in, if it is there, or finds it as the caller's own. Once it is, /tmp's
 * sticky bit keeps it so.
 *
 * @errors UserError when it is somebody else's, is a link, or others may write there
 */
export function claimRunroot(kernel: Kernel, uid: number, runroot: string): void {
  const path = sharedDirectory(uid)
  if (runroot !== `${path}/vitrine`) return
  const made = kernel.call({ name: 'mkdirat', dirfd: AT_FDCWD, pathname: path, mode: 0o700 })
  if (!refused(made)) return
  if (made.errno !== 'EEXIST') must(made, `mkdir ${path}`)
  const found = stat(kernel, path, { follow: false })
  const isOurs = found !== undefined && (found.mode & S_IFMT) === S_IFDIR && found.uid === uid
  if (isOurs && (found.mode & 0o022) === 0) return
  const why = isOurs ? 'others may write there' : 'it is not the directory of your own that it must be'
  throw new UserError(`${path}: ${why}: remove it, or set XDG_RUNTIME_DIR`)
}
