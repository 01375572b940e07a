// From words to Spec: whatever flags are put together, there is a valid Spec or a sentence, and the same words mean the same.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readRun } from '../../../cli/flags/run.ts'
import { UserError } from '../../../core/errors.ts'
import { specFromRequest } from '../../../core/spec/from-request.ts'
import type { Spec } from '../../../core/spec/types.ts'
import { validateSpec } from '../../../core/spec/validate.ts'
import { facts } from '../spec/facts-for-tests.ts'

const device = { path: '/dev/fuse', type: 'c', major: 10, minor: 229 } as const
const known = {
  ...facts,
  deviceNodes: { '/dev/fuse': [device] },
  hostDevices: [device],
  initPath: '/init',
  volumePaths: { db: '/v/db', '/d': '/v/d' },
}

function specOf(argv: readonly string[]): Spec {
  const words = readRun('run', argv, { environment: {}, directory: '/', readFile: () => '' })
  if (words.help) throw new Error('help')
  return specFromRequest(words.request, undefined, known)
}

const flag = fc.constantFrom(
  ...['-it', '-d', '--rm', '--read-only', '--privileged', '--init', '--replace', '--name=a', '-hname', '-w/x', '-u1:2'],
  ...['-e=A=1', '-v/a:/b', '-vdb:/c:ro', '-v/d', '--tmpfs=/t:size=1m', '--device=/dev/fuse:rw', '--memory=64m'],
  ...['--memory-swap=64m', '--memory-swap=-1', '--memory-reservation=32m', '--cpus=1.5', '--cpu-quota=5000'],
  ...[
    '--cpu-period=10000',
    '--cpu-shares=512',
    '--cpuset-cpus=0',
    '--pids-limit=-1',
    '--pids-limit=5',
    '--blkio-weight=500',
  ],
  ...['--cap-add=all', '--cap-add=NET_ADMIN', '--cap-drop=all', '--cap-drop=KILL,CHOWN', '--security-opt=mask=/x'],
  ...['--security-opt=unmask=ALL', '--security-opt=no-new-privileges', '--pid=host', '--ipc=none', '--ipc=host'],
  ...['--uts=host', '--cgroupns=host', '--network=none', '--network=host', '--network=ns:/n', '-p8081:80'],
  ...[
    '--sysctl=net.core.somaxconn=5',
    '--sysctl=kernel.shmmax=1',
    '--ulimit=nofile=5:-1',
    '--shm-size=1m',
    '--label=a=b',
  ],
  ...['--stop-signal=INT', '--umask=077', '--oom-score-adj=5', '--annotation=a=b', '--add-host=a:1.1.1.1'],
)

describe('any flags together', () => {
  it('make a valid spec, or a sentence of why not', () => {
    let valid = 0
    fc.assert(
      fc.property(fc.array(flag, { maxLength: 12 }), (flags) => {
        try {
          const spec = specOf([...flags, 'image', 'true'])
          expect(validateSpec(spec)).toBe(spec)
          valid++
        } catch (error) {
          if (!(error instanceof UserError)) throw error
        }
      }),
      { numRuns: 1500 },
    )
    expect(valid).toBeGreaterThan(100)
  })

  it('mean the same when they are written with = and apart', () => {
    const together = ['--memory=64m', '--cpus=1.5', '--network=none', '--user=1', '--cap-add=NET_ADMIN']
    const apart = together.flatMap((word) => word.split('='))
    expect(specOf([...apart, 'image', 'true'])).toEqual(specOf([...together, 'image', 'true']))
  })

  it('survive being written to config.json and read again', () => {
    const spec = specOf(['--ulimit=nofile=5:-1', '-v/a:/b', '--memory=64m', 'image', 'true'])
    expect(validateSpec(JSON.parse(JSON.stringify(spec)))).toEqual(spec)
  })
})
