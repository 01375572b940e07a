// The numbers that a kernel hands out. They belong to the kernel object, so that two machines of one seed count alike.

/** Small numbers that are used again once they are free: peer groups, mount ids, anonymous devices. */
export class SmallNumbers {
  /** A heap: each number is lower than the two below it. */
  readonly #free: number[] = []
  #next: number

  constructor(first: number) {
    this.#next = first
  }

  /** The lowest that is free. */
  take(): number {
    const free = this.#free
    const lowest = free[0]
    if (lowest === undefined) return this.#next++
    const last = free.pop()!
    if (free.length === 0) return lowest
    let at = 0
    for (;;) {
      let least = 2 * at + 1
      if (least + 1 < free.length && free[least + 1]! < free[least]!) least += 1
      if (least >= free.length || free[least]! >= last) break
      free[at] = free[least]!
      at = least
    }
    free[at] = last
    return lowest
  }

  giveBack(number: number): void {
    const free = this.#free
    let at = free.length
    for (let parent = (at - 1) >> 1; at > 0 && free[parent]! > number; parent = (at - 1) >> 1) {
      free[at] = free[parent]!
      at = parent
    }
    free[at] = number
  }

  /** For the digest: which are taken, however it came to that. */
  hidden(): object {
    const free = [...this.#free].sort((a, b) => a - b)
    let next = this.#next
    while (free.at(-1) === next - 1) next = free.pop()!
    return { free, next }
  }
}

export class Counters {
  #namespace = 4026532000
  #inode = 1
  #task = 1
  #unique = 0
  readonly mounts = new SmallNumbers(20)
  readonly peerGroups = new SmallNumbers(1)
  /** Minor numbers of file systems without a device. */
  readonly devices = new SmallNumbers(30)

  /** Initial namespaces have fixed numbers (CLN-047); others count from here. */
  nextNamespace(): number {
    return this.#namespace++
  }

  nextInode(): number {
    return this.#inode++
  }

  nextTask(): number {
    return this.#task++
  }

  /** For everything that is only to be told apart. */
  nextUnique(): number {
    return ++this.#unique
  }
}
