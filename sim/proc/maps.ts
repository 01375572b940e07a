// /proc/PID/maps: the regions of an address space. proc_pid_maps(5)

import type { Task } from '../task.ts'
import { shownPath } from '../vfs/path-name.ts'

const hex = (value: number): string => value.toString(16).padStart(8, '0')

export function mapsText(of: Task, reader: Task): string {
  if (!of.alive) return ''
  let text = ''
  for (const { start, end, prot, shared, file, offset, heap } of of.process.image.space?.regions ?? []) {
    const rights = `${prot & 1 ? 'r' : '-'}${prot & 2 ? 'w' : '-'}${prot & 4 ? 'x' : '-'}${shared ? 's' : 'p'}`
    const [major, minor] = file ? file.inode.superblock.device : [0, 0]
    const device = [major, minor].map((number) => number.toString(16).padStart(2, '0')).join(':')
    const where = `${hex(start * 4096)}-${hex(end * 4096)} ${rights} ${hex(file ? offset * 4096 : 0)} ${device} ${file?.inode.ino ?? 0} `
    const title = file ? shownPath(reader.fs.root, file.path) : heap ? '[heap]' : shared ? '/dev/zero (deleted)' : ''
    text += title === '' ? `${where}\n` : `${where.padEnd(73)}${title}\n`
  }
  return text
}
