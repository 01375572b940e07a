// What the failure test has found in the runtime, each by the case that found it: a call that was refused, or after which
// the runtime was killed.

import { expect, it } from 'vitest'
import type { Errno } from '../../../core/errno.ts'
import { callLike, play, tell } from '../../support/fault-case.ts'
import { faultVerbs } from '../../support/fault-verbs.ts'

type Found = readonly [sentence: string, verb: string, call: RegExp, errno: Errno | 'crash']

const openDirectory = /^openat\(AT_FDCWD, "ROOT\/containers\/ID", O_RDONLY\|O_DIRECTORY\|O_CLOEXEC\)/
const writeNewState = /^openat\(AT_FDCWD, "ROOT\/containers\/ID\/state\.json\.tmp", O_WRONLY/

// biome-ignore format: one case, one line
const found: readonly Found[] = [
  ['a new directory that cannot be opened does not stay', 'create', openDirectory, 'EMFILE'],
  ['a new directory that cannot be locked does not stay', 'create', /^flock\(/, 'ENOLCK'],
  ['a new directory that cannot be looked at does not stay locked', 'create', /^statx\(\d+, ""/, 'EIO'],
  ['a new directory that somebody has removed is made again', 'create', /^statx\(\d+, ""/, 'ENOENT'],
  ['a volume that cannot be written down leaves no draft', 'volume create', /^write\(\d+, "\{/, 'ENOSPC'],
  ['a volume that cannot take its name leaves no draft', 'volume create', /^renameat2\(/, 'EIO'],
  ['a container that cannot be seen to stand still goes on', 'pause', /^openat\(AT_FDCWD, "\S+\/cgroup\.events"/, 'EMFILE'],
  ['a container of which cannot be written that it is paused goes on', 'pause', writeNewState, 'ENOSPC'],
  ['a container of which cannot be written that it goes on stands still', 'unpause', writeNewState, 'ENOSPC'],
  ['a signal that cannot be addressed is no success', 'kill', /^pidfd_open\(/, 'EMFILE'],
  ['a signal that is forbidden is no success', 'kill', /^pidfd_send_signal\(/, 'EPERM'],
  ['limits are taken back when a later one cannot be read', 'update', /^openat\(AT_FDCWD, "\S+\/pids\.max", O_RDONLY/, 'EMFILE'],
  ['limits are taken back when they cannot be written down', 'update', writeNewState, 'ENOSPC'],
  ['a log that cannot be looked at does not stay open', 'logs', /^statx\(\d+, ""/, 'EIO'],
  ['a container whose cgroup tells no processes is not an empty one', 'top', /^openat\(AT_FDCWD, "\S+\/cgroup\.procs"/, 'EOPNOTSUPP'],
  ['whether there is swap is not guessed: the limit would be left out', 'run -d', /^faccessat2\(AT_FDCWD, "\/proc\/swaps"/, 'ENOSYS'],
  ['a child that cannot have its standard input was not executed', 'run -d', /^dup3\(\d+, 0, 0\)/, 'EINTR'],
  ['a child is released although a signal comes in between', 'run -d', /^write\(\d+, "s", 1\)/, 'EINTR'],
  ['an exec that runs is told of, although no signals can be passed on', 'exec', /^openat\(AT_FDCWD, "\/proc\/\d+\/stat"/, 'EMFILE'],
  ['what its caller cannot clean up the monitor has cleaned up', 'run', /^flock\(/, 'ENOLCK'],
  ['half of a container that is being removed the monitor has removed', 'run --rm', /^unlinkat\(\d+, "config\.json"/, 'EIO'],
  ['a container that cannot be removed at its end is told of', 'stop, --rm', /^unlinkat\(\d+, "hostname"/, 'EIO'],
  ['pausing that was not written down is known by the cgroup', 'pause', /^openat\(AT_FDCWD, "\S+\/cgroup\.events"/, 'crash'],
  ['going on that was not written down is known by the cgroup', 'unpause', /^write\(\d+, "0"/, 'crash'],
  ['stopping a paused one that was cut short is known by the cgroup', 'stop, paused', /^write\(\d+, "0"/, 'crash'],
  ['a half-written filter does not stay', 'create', /^openat\(AT_FDCWD, "ROOT\/filters\/\S+\.tmp"/, 'crash'],
]

it.each(found)('%s', async (_, name, pattern, errno) => {
  const verb = faultVerbs.find((each) => each.name === name)!
  const usual = await play(verb)
  const at = callLike(usual, pattern)
  const fault = errno === 'crash' ? ({ at, crash: true } as const) : { at, errno }
  const course = await play(verb, fault, usual)
  expect(course.complaints, tell(verb, fault, course)).toEqual([])
})
