// Patterns for names, as Go's path.Match reads them: `*` and `?` stop at a slash, `[a-z]`, `[^a-z]`, `\` takes the next as it is.

const literal = (character: string): string => character.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&')

/** @returns undefined when a `[` or a `\` has no end */
export function globPattern(glob: string): RegExp | undefined {
  let source = ''
  for (let at = 0; at < glob.length; at++) {
    const character = glob[at]!
    if (character === '*') source += '[^/]*'
    else if (character === '?') source += '[^/]'
    else if (character === '\\') {
      const next = glob[++at]
      if (next === undefined) return undefined
      source += literal(next)
    } else if (character === '[') {
      const [whole, negation, inner] = /^\[(\^?)((?:\\.|[^\]\\])+)\]/.exec(glob.slice(at)) ?? []
      if (whole === undefined) return undefined
      source += `[${negation}${inner!.replace(/[[^]/g, '\\$&')}]`
      at += whole.length - 1
    } else source += literal(character)
  }
  try {
    return new RegExp(`^${source}$`, 's')
  } catch {
    // A range that runs backwards.
    return undefined
  }
}
