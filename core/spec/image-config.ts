// The OCI image configuration as types: what an image says about itself. OCI image spec 1.1, config.md.

/** The JSON that an image's manifest names as its config. */
export interface ImageConfig {
  readonly created?: string
  readonly author?: string
  readonly architecture: string
  readonly os: string
  readonly variant?: string
  readonly 'os.version'?: string
  readonly 'os.features'?: readonly string[]
  readonly config?: ImageExecution
  readonly rootfs: ImageRootfs
  readonly history?: readonly ImageHistory[]
}

/** How a container from the image is run when nothing else is said. */
export interface ImageExecution {
  /** Name or number, with an optional `:group`. */
  readonly User?: string
  /** Keys such as `80/tcp`. */
  readonly ExposedPorts?: Readonly<Record<string, object>> | null
  readonly Env?: readonly string[] | null
  readonly Entrypoint?: readonly string[] | null
  readonly Cmd?: readonly string[] | null
  /** Keys are paths in the container. */
  readonly Volumes?: Readonly<Record<string, object>> | null
  readonly WorkingDir?: string
  readonly Labels?: Readonly<Record<string, string>> | null
  readonly StopSignal?: string
}

export interface ImageRootfs {
  readonly type: 'layers'
  /** Digests of the uncompressed layers, lowest first. */
  readonly diff_ids: readonly string[]
}

export interface ImageHistory {
  readonly created?: string
  readonly created_by?: string
  readonly author?: string
  readonly comment?: string
  readonly empty_layer?: boolean
}
