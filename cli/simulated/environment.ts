// The environment of this computer, as far as a command on a simulated machine takes something from it: that is kept with it.

import type { LoggedCommand } from './log.ts'

type Variables = Readonly<Record<string, string | undefined>>

/** @returns the same environment, and what has been read of it so far */
export function watchEnvironment(own: Variables): {
  readonly environment: Variables
  readonly taken: () => Pick<LoggedCommand, 'environment'>
} {
  const read: Record<string, string> = {}
  const environment = new Proxy(own, {
    get: (_, name) => {
      const value = typeof name === 'string' ? own[name] : undefined
      if (value !== undefined) read[name as string] = value
      return value
    },
  })
  return { environment, taken: () => (Object.keys(read).length === 0 ? {} : { environment: read }) }
}
