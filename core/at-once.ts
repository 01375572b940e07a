// Many of a kind, so many at a time.

/**
 * Runs an action on each, in order. The first failure keeps the rest from being begun, and is thrown when all that were
 * at work have ended.
 *
 * @param onFailure - may make those that are at work end sooner
 */
export async function atOnce<T>(
  all: readonly T[],
  parallel: number,
  act: (one: T) => Promise<void>,
  onFailure: (error: unknown) => void = () => {},
): Promise<void> {
  const waiting = [...all]
  const failures: unknown[] = []
  const worker = async () => {
    for (let one = waiting.shift(); one !== undefined && failures.length === 0; one = waiting.shift()) {
      try {
        await act(one)
      } catch (error) {
        failures.push(error)
        onFailure(error)
      }
    }
  }
  await Promise.all(Array.from({ length: parallel }, worker))
  if (failures.length > 0) throw failures[0]
}
