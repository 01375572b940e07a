// Finds the word that a mistyped one was meant to be.

/** How many letters must be put in, taken out, changed or swapped with their neighbour. */
export function distance(from: string, to: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: to.length + 1 }, (_, column) => column)
  for (let row = 1; row <= from.length; row++) {
    const line = [row]
    for (let column = 1; column <= to.length; column++) {
      const changed = last[column - 1]! + (from[row - 1] === to[column - 1] ? 0 : 1)
      let best = Math.min(changed, last[column]! + 1, line[column - 1]! + 1)
      const swapped = row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1]
      if (swapped) best = Math.min(best, beforeLast[column - 2]! + 1)
      line.push(best)
    }
    beforeLast = last
    last = line
  }
  return last[to.length]!
}

/** The nearest of some words, if any is near: at most a third of the letters wrong. */
export function nearest(word: string, words: readonly string[]): string | undefined {
  let best: { readonly word: string; readonly distance: number } | undefined
  for (const candidate of words) {
    const found = distance(word, candidate)
    if (found <= Math.max(1, Math.floor(word.length / 3)) && (best === undefined || found < best.distance))
      best = { word: candidate, distance: found }
  }
  return best?.word
}
