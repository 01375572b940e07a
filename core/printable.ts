// Text of others, of registries and images, made fit to be shown: a terminal obeys some characters.

/** Controls but line feed and tab, and what turns the direction of text around. ECMA-48; Unicode, UAX #9 */
const obeyed = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g

/** The same text with what a terminal would obey written as JSON writes it: JSON stays the same JSON. */
export function harmless(text: string): string {
  return text.replace(obeyed, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

const printableMax = 300

/** Text for the middle of a sentence: one line, not endless, without what a terminal would obey. */
export function printable(text: string): string {
  const line = text
    .slice(0, 4 * printableMax)
    .replace(obeyed, ' ')
    .replace(/\s+/g, ' ')
    .trim()
  return line.length > printableMax ? `${line.slice(0, printableMax)}…` : line
}
