// What poll(2) asks for and answers. poll.h

export const POLLIN = 0x1
export const POLLPRI = 0x2
export const POLLOUT = 0x4
export const POLLERR = 0x8
export const POLLHUP = 0x10
export const POLLNVAL = 0x20
export const POLLRDNORM = 0x40
export const POLLWRNORM = 0x100
export const POLLRDHUP = 0x2000

export const readable = POLLIN | POLLRDNORM
export const writable = POLLOUT | POLLWRNORM
