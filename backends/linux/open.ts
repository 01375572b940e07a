// Opens the Linux backend: the one name that the rest of the program imports.

export { openLinux } from './kernel.ts'
