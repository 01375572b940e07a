// An image for benchmarks of the size of a usual one: files of this machine's /usr, about 10 000 of them with 300 MiB, in
// eight layers. The same machine gives the same image.

import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { digestOf, type RemoteLayer } from '../../test/support/remote-images.ts'

export const mostFiles = 10_000
export const mostBytes = 300 * 2 ** 20
export const layerCount = 8

interface Chosen {
  readonly path: string
  readonly bytes: number
}

const numberOf = (text: string): number => createHash('sha256').update(text).digest().readUInt32BE(0)

// In the order of a hash of their names: a sample in which every kind of file is. find(1), since Node's own recursion
// follows links, and /usr has circles.
function chosenFiles(): Chosen[] {
  const argv = ['usr/lib', 'usr/share', 'usr/bin', '-xdev', '-type', 'f', '-size', '-16M', '-printf', '%s %p\\n']
  const found = execFileSync('find', argv, { cwd: '/', encoding: 'utf8', maxBuffer: 2 ** 28 })
  const files = found
    .trimEnd()
    .split('\n')
    .map((line): Chosen => ({ bytes: Number.parseInt(line, 10), path: line.slice(line.indexOf(' ') + 1) }))
    .map((file) => ({ file, order: numberOf(file.path) }))
    .sort((a, b) => a.order - b.order)
  const chosen: Chosen[] = []
  let bytes = 0
  for (const { file } of files) {
    // With as many files as wanted, only large ones are added, up to the size.
    if (chosen.length >= mostFiles && file.bytes < 2 ** 20) continue
    chosen.push(file)
    bytes += file.bytes
    if (bytes >= mostBytes) break
  }
  return chosen
}

export interface BenchImage {
  readonly layers: readonly RemoteLayer[]
  /** The uncompressed tars, lowest first. */
  readonly tars: readonly string[]
  readonly files: number
  readonly bytes: number
}

/** Writes the layers into a directory. A static `/bin/true` is in the lowest. */
export function makeBenchImage(directory: string): BenchImage {
  const files = chosenFiles()
  // The lowest is the largest, as a distribution's is; a directory is in one layer.
  const layerOf = ({ path }: Chosen) => Math.max(0, (numberOf(dirname(path)) % (layerCount + 2)) - 2)
  const tars = Array.from({ length: layerCount }, (_, index) => join(directory, `layer-${index}.tar`))
  for (const [index, tar] of tars.entries()) {
    const list = join(directory, 'list')
    const paths = files.filter((file) => layerOf(file) === index).map(({ path }) => path)
    writeFileSync(list, `${withParents(paths).join('\n')}\n`)
    const usual = ['--sort=name', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner', '--format=posix']
    const busybox = index === 0 ? ['-C', '/', '--transform=s,^bin/busybox$,bin/true,', 'bin/busybox'] : []
    const pax = '--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime'
    execFileSync('tar', ['-cf', tar, ...usual, pax, '--no-recursion', ...busybox, '-C', '/', '-T', list])
    rmSync(list)
  }
  const layers = tars.map(compressedLayer)
  return { layers, tars, files: files.length, bytes: files.reduce((sum, { bytes }) => sum + bytes, 0) }
}

// As in layers that are made by tools: a directory before what it holds.
function withParents(paths: readonly string[]): string[] {
  const all = new Set(paths)
  for (const path of paths) for (let parent = dirname(path); parent !== '.'; parent = dirname(parent)) all.add(parent)
  return [...all].sort()
}

/** One more layer, with one file. */
export function smallLayer(directory: string): RemoteLayer {
  const file = join(directory, 'note')
  writeFileSync(file, 'another top layer\n')
  execFileSync('tar', [
    '-cf',
    join(directory, 'note.tar'),
    '--mtime=@0',
    '--owner=0',
    '--group=0',
    '-C',
    directory,
    'note',
  ])
  return compressedLayer(join(directory, 'note.tar'))
}

function compressedLayer(tar: string): RemoteLayer {
  const blob = execFileSync('gzip', ['-6', '-n', '-c', tar], { maxBuffer: 2 ** 30 })
  const diffId = digestOf(readFileSync(tar))
  return { blob, diffId, mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip' }
}
