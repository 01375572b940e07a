// The numbers that a kernel hands out. They belong to the kernel object, so that two machines of one seed count alike.

/** Small numbers that are used again once they are free: peer groups, mount ids, anonymous devices. */
export class SmallNumbers {
  readonly #free: number[] = []
  #next: number

  constructor(first: number) {
    this.#next = first
  }

  take(): number {
    return this.#free.shift() ?? this.#next++
  }

  giveBack(number: number): void {
    const at = this.#free.findIndex((other) => other > number)
    this.#free.splice(at < 0 ? this.#free.length : at, 0, number)
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
