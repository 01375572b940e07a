// Names of files as text. Linux takes any bytes but NUL and `/`, and not all of them are UTF-8: a byte that is none becomes
// the lone surrogate U+DC80..U+DCFF, as in Python (PEP 383), and is that byte again where a call is encoded.

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const encoder = new TextEncoder()

/** The text of a name of any bytes. */
export function nameOfBytes(bytes: Uint8Array): string {
  try {
    return strict.decode(bytes)
  } catch {
    return escaped(bytes)
  }
}

function escaped(bytes: Uint8Array): string {
  let text = ''
  for (let at = 0; at < bytes.length; ) {
    const first = bytes[at]!
    const length = first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2
    try {
      text += strict.decode(bytes.subarray(at, at + length))
      at += length
    } catch {
      text += String.fromCharCode(0xdc00 + first)
      at += 1
    }
  }
  return text
}

/** The bytes of a name; the inverse of `nameOfBytes`. */
export function bytesOfName(text: string): Uint8Array {
  if (text.isWellFormed()) return encoder.encode(text)
  const parts = text.match(/[\ud800-\udbff][\udc00-\udfff]|[\udc80-\udcff]|[^\udc80-\udcff]/g) ?? []
  return Uint8Array.from(
    parts.flatMap((part) => {
      const code = part.charCodeAt(0)
      return part.length === 1 && code >= 0xdc80 && code <= 0xdcff ? [code - 0xdc00] : [...encoder.encode(part)]
    }),
  )
}
