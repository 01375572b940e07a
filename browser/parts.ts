// The program and the images of simulated machines, as the build has made them, read from wherever they are served.

import type { MachineParts } from '../backends/sim/machine.ts'
import { prepare } from '../backends/sim/wasm/prepare.ts'
import { guest } from '../backends/sim/wasm/process.ts'
import { load } from '../backends/sim/wasm/program.ts'

/** @param path - below `prebuilds` */
export type Read = (path: string) => Promise<Uint8Array>

interface Index {
  readonly tools: readonly string[]
}

interface Described {
  readonly digest: string
}

/** By HTTP. @param base - the URL of `prebuilds/` */
export function reading(base: string | URL): Read {
  return async (path) => {
    const answer = await fetch(new URL(path, base))
    if (!answer.ok) throw new Error(`get ${answer.url}: ${answer.status}`)
    return new Uint8Array(await answer.arrayBuffer())
  }
}

/** @param liveMost - how many processes have an instance of the engine at a time */
export async function readParts(read: Read, liveMost: number): Promise<Omit<MachineParts, 'seed'>> {
  const place = 'guests/box/'
  const { tools } = jsonOf<Index>(await read(`${place}index.json`))
  const content = await read(`${place}component.wasm`)
  // As a component it is a third of what it is when it can be executed.
  const program = guest(load(prepare(content)), { liveMost })
  return { box: { content, program, tools }, images: await imagesIn(read) }
}

/** The files of an OCI layout: what its index names, and what that names. */
async function imagesIn(read: Read): Promise<Map<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>()
  const get = async (path: string) => {
    const bytes = files.get(path) ?? (await read(`images/${path}`))
    files.set(path, bytes)
    return bytes
  }
  const blob = async ({ digest }: Described) => await get(`blobs/${digest.replace(':', '/')}`)
  await get('oci-layout')
  const index = jsonOf<{ manifests: Described[] }>(await get('index.json'))
  for (const described of index.manifests) {
    const { config, layers } = jsonOf<{ config: Described; layers: Described[] }>(await blob(described))
    for (const one of [config, ...layers]) await blob(one)
  }
  // In one order, however they came.
  return new Map([...files].sort(([a], [b]) => (a < b ? -1 : 1)))
}

const jsonOf = <T>(bytes: Uint8Array) => JSON.parse(new TextDecoder().decode(bytes)) as T
