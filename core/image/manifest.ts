// The documents that name an image's parts: descriptors, manifests and indexes. OCI image spec 1.1, descriptor.md,
// manifest.md, image-index.md; Docker's image manifest version 2, schema 2.

/** Where content is to be found and what it must be. */
export interface Descriptor {
  readonly mediaType: string
  readonly digest: string
  readonly size: number
  readonly urls?: readonly string[]
  readonly annotations?: Readonly<Record<string, string>>
  readonly platform?: DescriptorPlatform
  readonly artifactType?: string
  readonly data?: string
}

export interface DescriptorPlatform {
  readonly os: string
  readonly architecture: string
  readonly variant?: string
  readonly 'os.version'?: string
}

export interface Manifest {
  readonly schemaVersion: number
  readonly mediaType?: string
  readonly artifactType?: string
  readonly config: Descriptor
  readonly layers: readonly Descriptor[]
  readonly subject?: Descriptor
  readonly annotations?: Readonly<Record<string, string>>
}

export interface Index {
  readonly schemaVersion: number
  readonly mediaType?: string
  readonly manifests: readonly Descriptor[]
  readonly annotations?: Readonly<Record<string, string>>
}

/** What programs in WebAssembly have for a configuration that lie in a registry by themselves; the second is wasm-to-oci's. */
const wasmConfigs: readonly (string | undefined)[] = [
  'application/vnd.wasm.config.v0+json',
  'application/vnd.wasm.config.v1+json',
]

export const isWasmArtifact = ({ config }: Pick<Manifest, 'config'>): boolean => wasmConfigs.includes(config.mediaType)

export const mediaTypes = {
  ociManifest: 'application/vnd.oci.image.manifest.v1+json',
  ociIndex: 'application/vnd.oci.image.index.v1+json',
  ociConfig: 'application/vnd.oci.image.config.v1+json',
  ociLayer: 'application/vnd.oci.image.layer.v1.tar',
  ociLayerGzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
  ociLayerZstd: 'application/vnd.oci.image.layer.v1.tar+zstd',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerList: 'application/vnd.docker.distribution.manifest.list.v2+json',
  dockerConfig: 'application/vnd.docker.container.image.v1+json',
  dockerLayer: 'application/vnd.docker.image.rootfs.diff.tar',
  dockerLayerGzip: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
} as const
