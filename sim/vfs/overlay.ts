// overlayfs: an upper layer, where all changes go, over lower ones, which stay as they are. filesystems/overlayfs.rst

import type { Kernel } from '../kernel.ts'
import { Dentry } from './dentry.ts'
import type { Inode } from './inode.ts'
import { endMount } from './mounting.ts'
import { originOf } from './overlay-copy.ts'
import { OverlayInode } from './overlay-inode.ts'
import type { Layer, Prefix, Real } from './overlay-layers.ts'
import type { Statfs, Superblock } from './superblock.ts'
import type { NewSuperblock } from './types.ts'

const magic = 0x794c7630

export interface Layers {
  readonly upper: Layer | undefined
  /** Inside of the work directory; kept for as long as the overlay is mounted. */
  readonly work: Layer | undefined
  /** Not so either where who mounted could not make a work directory. */
  readonly isWritable: boolean
  /** From the top. */
  readonly lower: readonly Layer[]
  readonly prefix: Prefix
  /** All on one file system: numbers of files are those of the layers, the device is the overlay's. */
  readonly oneFileSystem: boolean
  readonly shown: string
  /** index=on: names of one file of a lower layer stay names of one file when it is copied up (OVL-101). */
  readonly index: boolean
  /** redirect_dir=on: directories of lower layers are renamed (OVL-007). */
  readonly redirect: boolean
}

export class Overlay implements Superblock {
  readonly type = 'overlay'
  readonly kernel: Kernel
  readonly device: readonly [number, number]
  readonly source: string
  readonly owner: NewSuperblock['owner']
  readonly root: Dentry
  readonly xattrPrefixes: readonly string[] = ['user.', 'trusted.', 'security.']
  readonly stackDepth: number
  flags: number
  writers = 0
  mounts = 0
  readonly upper: Layer | undefined
  readonly prefix: Prefix
  readonly #layers: Layers
  readonly #devices: readonly number[]
  /** Files of the upper layer with several names, which are one file here, too. */
  readonly #linked = new Map<Inode, OverlayInode>()
  /** With index=on, the same of lower layers, also when they were copied up. */
  readonly #indexed = new Map<Inode, OverlayInode>()

  constructor(kernel: Kernel, wish: NewSuperblock, layers: Layers, device: number, devices: readonly number[]) {
    this.kernel = kernel
    this.device = [0, device]
    this.#devices = [device, ...devices]
    this.source = wish.source ?? 'none'
    this.owner = wish.owner
    this.flags = wish.flags
    this.#layers = layers
    this.upper = layers.upper
    this.prefix = layers.prefix
    const all = layers.upper ? [layers.upper, ...layers.lower] : layers.lower
    this.stackDepth = 1 + Math.max(...all.map(({ root }) => root.superblock.stackDepth ?? 0))
    const stack = all.map((layer): Real => ({ layer, dentry: layer.root }))
    this.root = new Dentry(this, new OverlayInode(this, stack, undefined, '/'), '/', undefined)
  }

  /** st_ino: that of the lowest file which it was copied up from, when layers can be told apart by it (OVL-003). */
  inoOf(stack: readonly Real[]): number {
    const { inode } = stack[0]!.dentry
    if (inode.kind !== 'directory') return originOf(inode, this.#layers.prefix) ?? inode.ino
    if (!this.#layers.oneFileSystem) return this.kernel.counters.nextInode()
    return (stack.find(({ layer }) => layer !== this.#layers.upper)?.dentry.inode ?? inode).ino
  }

  inodeFor(found: readonly Real[], parent: OverlayInode, name: string): OverlayInode {
    const { layer, dentry } = found[0]!
    const indexed =
      this.#layers.index && layer !== this.upper && dentry.inode.kind === 'file' && dentry.inode.linkCount > 1
    const shared = (layer === this.upper ? this.#linked : this.#indexed).get(dentry.inode)
    const inode = shared ?? new OverlayInode(this, found, parent, name)
    if (indexed) this.#indexed.set(dentry.inode, inode)
    inode.reached(parent, name)
    parent.known.set(name, inode)
    if (inode !== shared && layer === this.upper && inode.kind !== 'directory' && dentry.inode.linkCount > 1)
      this.linked(inode)
    return inode
  }

  get isWritable(): boolean {
    return this.#layers.isWritable
  }

  get index(): boolean {
    return this.#layers.index
  }

  get redirect(): boolean {
    return this.#layers.redirect
  }

  get lower(): readonly Layer[] {
    return this.#layers.lower
  }

  linked(inode: OverlayInode): void {
    this.#linked.set(inode.real, inode)
  }

  readonly options = (): string => this.#layers.shown

  readonly statfs = (): Statfs => {
    const top = this.upper ?? this.#layers.lower[0]!
    return { ...top.mount.superblock.statfs(), type: magic }
  }

  readonly end = (): void => {
    const { upper, work, lower } = this.#layers
    for (const layer of [upper, work]) if (layer) layer.root.inode.overlays = (layer.root.inode.overlays ?? 1) - 1
    for (const layer of [upper, work, ...lower]) if (layer) endMount(layer.mount)
    for (const device of this.#devices) this.kernel.counters.devices.giveBack(device)
  }

  /** For the digest. */
  hidden(): object {
    return { layers: this.#layers, linked: this.#linked, indexed: this.#indexed }
  }
}
