// Which Linux it is, as uname(2) tells.

/** @param release - `6.12.48+deb13-amd64` */
export function isSince(release: string, major: number, minor: number): boolean {
  const [, first = '0', second = '0'] = /^(\d+)\.(\d+)/.exec(release) ?? []
  return Number(first) > major || (Number(first) === major && Number(second) >= minor)
}
