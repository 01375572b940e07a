// In a browser's bundle, in place of the files of cli/ that speak to a terminal by Node: scripts/browser.mjs says which.

import { UserError } from '../core/errors.ts'
import { harmless } from '../core/printable.ts'

type Write = (fd: 1 | 2, bytes: Uint8Array) => void

let claimed: Write | undefined
const write: Write = (fd, bytes) => claimed?.(fd, bytes)
const encoder = new TextEncoder()

/** Where what a command prints goes; undefined: it has ended. @errors UserError while another prints */
export function claimPrinting(to: Write | undefined): void {
  if (to && claimed) throw new UserError('another command is running in this page')
  claimed = to
}

export const print = (text: string): void => write(1, encoder.encode(harmless(text)))
export const printLine = (text: string): void => print(`${text}\n`)
export const printBytes: Write = (fd, bytes) => write(fd, bytes)
export const printError = (sentence: string): void => write(2, encoder.encode(`vitrine: ${harmless(sentence)}\n`))
export const clearScreen = (): void => write(1, encoder.encode('\x1b[H\x1b[2J'))

/** Nobody can be asked on the way. */
export const mayAsk = (): boolean => false
export const isatty = (): boolean => false
export const confirm = (): boolean => true
export const chooser = (): undefined => undefined
/** Of the machine's files. */
export const workingDirectory = (): string => '/root'

const refused = (what: string) => (): never => {
  throw new UserError(`${what} is not there in a browser`)
}
export const showHelp = refused('help')
export const programHelp = showHelp
export const showGroup = showHelp
export const groupWords = (): ReadonlyMap<string, string> => new Map()
export const showProgress = refused('the network')
export const login = showProgress
export const logout = showProgress
export const search = showProgress
export const askLine = refused('a prompt')
export const askSecret = askLine
export const playVerb = refused('a file of scenarios')
export const features = refused('the table of system calls')
export const attach = refused('this terminal')
export const simulated = attach
export const splitGlobal = attach
export const makeContext = attach
