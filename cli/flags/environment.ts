// The environment variables of -e and --env-file.

import { UserError } from '../../core/errors.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/**
 * `NAME=value` is itself; `NAME` takes the caller's value, or is left out when the caller has none; `NAME*` takes all of
 * the caller's that begin so. podman-run(1), "--env".
 */
export function envEntries(flag: string, entry: string, own: Environment): readonly string[] {
  const equals = entry.indexOf('=')
  if (entry === '' || equals === 0) throw new UserError(`${flag}=${entry}: the name of the variable is missing`)
  if (equals > 0) return [entry]
  // A variable may be called `constructor`, which every object has without its being one.
  const names = entry.endsWith('*')
    ? Object.keys(own).filter((name) => name.startsWith(entry.slice(0, -1)))
    : Object.hasOwn(own, entry)
      ? [entry]
      : []
  return names.flatMap((name) => (own[name] === undefined ? [] : [`${name}=${own[name]}`]))
}

/** Lines of `NAME=value` or `NAME`; empty lines and those that begin with # are comments. Quotes are part of the value. */
export function envFileEntries(path: string, content: string, own: Environment): readonly string[] {
  return content.split('\n').flatMap((raw, index) => {
    const line = raw.replace(/\r$/, '').trimStart()
    if (line === '' || line.startsWith('#')) return []
    const name = line.split('=', 1)[0]!
    if (name === '' || /\s/.test(name.trimEnd()))
      throw new UserError(`--env-file=${path}: line ${index + 1}: "${name}" is no name of a variable`)
    return envEntries(`--env-file=${path}`, line.includes('=') ? line : line.trimEnd(), own)
  })
}
