// Room for the small results of calls. A typed array of its own costs more than all else that stat(2) does.

const slabBytes = 65_536

export class Slab {
  #buffer = new ArrayBuffer(slabBytes)
  #used = 0
  /** Over the room that was taken last, at `base`. */
  view = new DataView(this.#buffer)
  base = 0

  /** Zeros, at most a few kilobytes of them; they are the caller's for good. */
  take(lengthBytes: number): Uint8Array {
    if (this.#used + lengthBytes > slabBytes) {
      this.#buffer = new ArrayBuffer(slabBytes)
      this.view = new DataView(this.#buffer)
      this.#used = 0
    }
    this.base = this.#used
    this.#used += (lengthBytes + 7) & ~7
    return new Uint8Array(this.#buffer, this.base, lengthBytes)
  }
}
