// Quantities for people: sizes, times ago, in podman's spelling.

const decimalUnits = ['B', 'kB', 'MB', 'GB', 'TB', 'PB']

/** `512MB`, `1.57GB`: powers of 1000, four significant digits at most, as docker/go-units prints sizes. */
export function humanSize(byteCount: number): string {
  let value = byteCount
  let unit = 0
  while (value >= 1000 && unit < decimalUnits.length - 1) {
    value /= 1000
    unit++
  }
  return `${Number(value.toPrecision(4))}${decimalUnits[unit]}`
}

const spans: readonly (readonly [seconds: number, name: string])[] = [
  [365 * 86400, 'year'],
  [30 * 86400, 'month'],
  [7 * 86400, 'week'],
  [86400, 'day'],
  [3600, 'hour'],
  [60, 'minute'],
  [1, 'second'],
]

/** `3 minutes`, `About an hour` is left to those who round: whole units, the largest that fits twice or once. */
export function humanDuration(milliseconds: number): string {
  const seconds = Math.floor(milliseconds / 1000)
  if (seconds < 1) return 'Less than a second'
  for (const [length, name] of spans) {
    const count = Math.floor(seconds / length)
    if (count >= 1) return `${count} ${name}${count === 1 ? '' : 's'}`
  }
  return 'Less than a second'
}

export function ago(milliseconds: number): string {
  return `${humanDuration(milliseconds)} ago`
}

/** 2026-11-24 18:26:52 +0000 UTC, as Go prints a time. */
export function humanTime(epochMs: number): string {
  return `${new Date(epochMs).toISOString().replace('T', ' ').replace(/\..*$/, '')} +0000 UTC`
}

export const shortId = (id: string): string => id.replace(/^sha256:/, '').slice(0, 12)

/** `6.98 MB`: three significant digits and a space, as podman prints the size of an image. */
export function imageSize(byteCount: number): string {
  return humanSize(Number(byteCount.toPrecision(3))).replace(/(?=[a-zA-Z])/, ' ')
}

/** Quantities of podman's `system df`: `7.04MB (77%)`. */
export function withShare(byteCount: number, ofBytes: number): string {
  const percent = ofBytes === 0 ? 0 : Math.round((byteCount / ofBytes) * 100)
  return `${humanSize(byteCount)} (${percent}%)`
}
