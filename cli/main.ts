// The program `vitrine`: what stands on the command line decides which verb's module is loaded.

/** @returns the exit code */
export async function main(argv: readonly string[]): Promise<number> {
  if (argv[0] === '--version') {
    process.stdout.write('vitrine 0.1.0\n')
    return 0
  }
  process.stderr.write(`vitrine: unknown command ${argv[0] ?? ''}\n`)
  return 125
}
