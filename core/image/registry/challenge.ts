// What a server wants to see before it answers: the WWW-Authenticate header. RFC 9110 section 11.6.1.

export interface Challenge {
  /** Lower case: `basic`, `bearer`. */
  readonly scheme: string
  /** By their names in lower case: realm, service, scope, error. */
  readonly parameters: Readonly<Record<string, string>>
}

const token = "[!#$%&'*+.^_`|~\\w-]+"

/** All challenges of the header, best effort: what cannot be understood ends the reading. */
export function parseChallenges(header: string): Challenge[] {
  const found: { scheme: string; parameters: Record<string, string> }[] = []
  // Fresh for each call, as they keep a position.
  const gap = /[\s,]*/y
  const parameter = new RegExp(`(${token})\\s*=\\s*(?:"((?:[^"\\\\]|\\\\.)*)"|([^\\s,"]+))`, 'y')
  const scheme = new RegExp(`(${token})(?=[\\s,]|$)`, 'y')
  for (let at = 0; at < header.length; ) {
    const match = (pattern: RegExp) => {
      pattern.lastIndex = at
      const taken = pattern.exec(header)
      if (taken) at = pattern.lastIndex
      return taken
    }
    match(gap)
    const [, name, quoted, bare] = match(parameter) ?? []
    if (name !== undefined) {
      const value = bare ?? quoted!.replace(/\\(.)/g, '$1')
      if (found.length > 0) found.at(-1)!.parameters[name.toLowerCase()] ??= value
      continue
    }
    const start = match(scheme)?.[1]
    if (start === undefined) break
    found.push({ scheme: start.toLowerCase(), parameters: {} })
  }
  return found
}
