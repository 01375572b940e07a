// The user's terminal in other modes: raw, so that every key goes to the program inside; without echo, for passwords. termios(3)

import { type Kernel, refused } from '../core/kernel.ts'

const TCGETS = 0x5401
const TCSETSW = 0x5403
/** struct termios of the kernel: four flag words, the line discipline, 19 control characters. */
const termiosBytes = 36
const [IGNBRK, BRKINT, PARMRK, ISTRIP, INLCR, IGNCR, ICRNL, IXON] = [1, 2, 8, 0x20, 0x40, 0x80, 0x100, 0x400]
const OPOST = 1
const [ISIG, ICANON, ECHO, ECHONL, IEXTEN] = [1, 2, 8, 0x40, 0x8000]
const [CSIZE, PARENB, CS8] = [0x30, 0x100, 0x30]
const controlCharacters = 17
const [VTIME, VMIN] = [5, 6]

/**
 * As cfmakeraw(3) does it. Node's own raw mode goes on turning line feeds into two characters, and the container's
 * terminal has done so already.
 *
 * @returns what gives the terminal its settings back; also done when the process exits
 */
export function makeRaw(kernel: Kernel, fd: number): () => void {
  return change(kernel, fd, (words, settings) => {
    words[0]! &= ~(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON)
    words[1]! &= ~OPOST
    words[2] = (words[2]! & ~(CSIZE | PARENB)) | CS8
    words[3]! &= ~(ISIG | ICANON | ECHO | ECHONL | IEXTEN)
    settings[controlCharacters + VMIN] = 1
    settings[controlCharacters + VTIME] = 0
  })
}

/**
 * What is typed is not shown, for a password; lines and signals stay as they are.
 *
 * @returns what gives the terminal its settings back
 */
export function hideTyping(kernel: Kernel, fd: number): () => void {
  return change(kernel, fd, (words) => {
    words[3]! &= ~(ECHO | ECHONL)
  })
}

/** @param edit - of the four flag words, and of the whole struct termios that they start */
function change(kernel: Kernel, fd: number, edit: (words: Uint32Array, settings: Uint8Array) => void): () => void {
  const found = kernel.call({ name: 'ioctl', fd, request: TCGETS, arg: new Uint8Array(termiosBytes) })
  if (refused(found)) return () => {}
  const before = found.data!.slice()
  const settings = before.slice()
  edit(new Uint32Array(settings.buffer, 0, 4), settings)
  const set = (arg: Uint8Array) => kernel.call({ name: 'ioctl', fd, request: TCSETSW, arg })
  set(settings)
  let restored = false
  const restore = () => {
    if (!restored) set(before)
    restored = true
    process.off('exit', restore)
  }
  process.on('exit', restore)
  return restore
}
