// The C compiler that npm delivers, as a function: sources in, a WebAssembly module out, the same bytes on every machine.

/**
 * @param {Record<string, string>} sources - by name; those that end in .c are compiled
 * @param {string[]} [flags]
 * @returns {Promise<Uint8Array>}
 */
export async function compile(sources, flags = []) {
  const { runClang } = await import('@yowasp/clang')
  const messages = []
  const names = Object.keys(sources).filter((name) => name.endsWith('.c'))
  try {
    const files = await runClang(
      [
        'clang',
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
        ...flags,
        ...names,
        '-o',
        'out.wasm',
      ],
      treeOf(sources),
      { stdout: (bytes) => bytes && messages.push(bytes), stderr: (bytes) => bytes && messages.push(bytes) },
    )
    return files['out.wasm']
  } catch (error) {
    const text = Buffer.concat(messages).toString()
    throw new Error(`compile ${names.join(', ')}: ${text || error}`)
  }
}

/** Files by path, as the compiler's file system wants them: folders within folders. */
function treeOf(sources) {
  const root = {}
  for (const [path, text] of Object.entries(sources)) {
    const parts = path.split('/')
    let folder = root
    for (const part of parts.slice(0, -1)) folder = folder[part] ??= {}
    folder[parts.at(-1)] = text
  }
  return root
}
