// A user's home of a test, with configuration files, and a host whose environment points there.

import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { openHost, readEnvironment } from '../../cli/host.ts'
import type { Host } from '../../core/engine/host.ts'
import { withTemporaryDirectory } from './directory.ts'

export interface Home {
  readonly directory: string
  readonly host: Host
  /** What the user was told. */
  readonly warnings: string[]
  /** Writes a file below the home, and answers its path. */
  readonly write: (path: string, content: string, mode?: number) => string
  /** The same home with other variables. */
  readonly where: (variables: Readonly<Record<string, string>>) => Host
}

/** No file of the machine is looked at: the home has a registries.conf of its own, and a runtime directory. */
export async function withHome<T>(use: (home: Home) => Promise<T>): Promise<T> {
  return await withTemporaryDirectory(async (directory) => {
    const warnings: string[] = []
    const write: Home['write'] = (path, content, mode = 0o600) => {
      const whole = join(directory, path)
      mkdirSync(dirname(whole), { recursive: true })
      writeFileSync(whole, content, { mode })
      return whole
    }
    write('.config/containers/registries.conf', '')
    write('bin/.keep', '')
    write('run/.keep', '')
    const machine = openHost(readEnvironment())
    const where: Home['where'] = (variables) => ({
      ...machine,
      environment: {
        ...machine.environment,
        uid: 1000,
        home: directory,
        variables: {
          HOME: directory,
          XDG_RUNTIME_DIR: join(directory, 'run'),
          PATH: `${join(directory, 'bin')}:/usr/bin:/bin`,
          ...variables,
        },
      },
      warn: (sentence) => warnings.push(sentence),
    })
    return await use({ directory, host: where({}), warnings, write, where })
  })
}
