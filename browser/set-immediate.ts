// Node's setImmediate where there is none: one turn of the event loop, which a timer of a browser would put off.

const there = (globalThis as { setImmediate?: (then: () => void) => unknown }).setImmediate

const waiting: (() => void)[] = []
let channel: MessageChannel | undefined

function byChannel(then: () => void): void {
  if (!channel) {
    channel = new MessageChannel()
    channel.port1.onmessage = () => waiting.shift()?.()
  }
  waiting.push(then)
  channel.port2.postMessage(0)
}

export const setImmediate = there ?? byChannel
