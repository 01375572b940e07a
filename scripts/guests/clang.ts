// The C compiler that npm delivers, as a function: sources in, a WebAssembly module out, the same bytes on every machine.

type Tree = { [name: string]: Tree | string | Uint8Array }

const always = [
  '--target=wasm32-unknown-unknown',
  '-ffreestanding',
  '-nostdlib',
  '-mbulk-memory',
  '-mmutable-globals',
  '-mnontrapping-fptoint',
  '-msign-ext',
  '-Wall',
  '-Wextra',
  '-Werror',
  '-Wl,--no-entry',
  '-Wl,-s',
]

/**
 * @param sources - by path; those that end in .c are compiled
 * @errors Error with what the compiler says
 */
export async function compile(
  sources: Readonly<Record<string, string>>,
  flags: readonly string[] = [],
): Promise<Uint8Array> {
  return await clang(sources, [...always, ...flags])
}

/** The same for programs that use the C library of WASI. */
export async function compileForWasi(
  sources: Readonly<Record<string, string>>,
  flags: readonly string[] = [],
): Promise<Uint8Array> {
  return await clang(sources, ['--target=wasm32-wasip1', '-O2', '-Wl,-s', ...flags])
}

async function clang(sources: Readonly<Record<string, string>>, flags: readonly string[]): Promise<Uint8Array> {
  const { commands, runLLVM } = await import('@yowasp/clang')
  // Without a command it only makes itself ready; later it would print its progress, whatever is asked of it.
  await runLLVM(undefined, {}, { fetchProgress: () => {} })
  const messages: Uint8Array[] = []
  const listen = (bytes: Uint8Array | null) => {
    if (bytes) messages.push(bytes)
  }
  const names = Object.keys(sources).filter((name) => name.endsWith('.c'))
  // Libraries stand behind what uses them.
  const libraries = flags.filter((flag) => flag.startsWith('-l'))
  const others = flags.filter((flag) => !flag.startsWith('-l'))
  try {
    const files = await commands.clang([...others, ...names, ...libraries, '-o', 'out.wasm'], treeOf(sources), {
      stdout: listen,
      stderr: listen,
    })
    return (files as Tree)['out.wasm'] as Uint8Array
  } catch (error) {
    throw new Error(`compile ${names.join(', ')}: ${Buffer.concat(messages).toString() || String(error)}`)
  }
}

/** Files by path, as the compiler's file system wants them: folders within folders. */
function treeOf(sources: Readonly<Record<string, string>>): Tree {
  const root: Tree = {}
  for (const [path, text] of Object.entries(sources)) {
    const parts = path.split('/')
    let folder = root
    for (const part of parts.slice(0, -1)) {
      folder[part] ??= {}
      folder = folder[part] as Tree
    }
    folder[parts.at(-1)!] = text
  }
  return root
}
