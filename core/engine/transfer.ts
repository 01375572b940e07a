// What pull and push tell of their progress while they are at work.

/** One blob that goes over the wire: a layer, or the configuration. */
export interface BlobProgress {
  /** Digits of its digest. */
  readonly hex: string
  /** present: the other side has it already. waiting: another process is at work on it. */
  readonly state: 'pending' | 'present' | 'waiting' | 'moving' | 'done'
  readonly doneBytes: number
  readonly totalBytes?: number
}

export type TransferEvent =
  /** How a short name was understood. */
  | { readonly kind: 'note'; readonly sentence: string }
  /** A name is tried; several may be, for a short name or mirrors. */
  | { readonly kind: 'trying'; readonly action: 'pull' | 'push'; readonly name: string }
  /** What there is to do, lowest layer first. */
  | { readonly kind: 'blobs'; readonly blobs: readonly { readonly hex: string; readonly totalBytes?: number }[] }
  | { readonly kind: 'blob'; readonly blob: BlobProgress }
  /** All blobs are there; the manifest is next. */
  | { readonly kind: 'manifest' }

export type OnTransfer = (event: TransferEvent) => void
