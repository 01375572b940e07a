// Securebits: what root and changes of ids mean for capabilities. capabilities(7), linux/securebits.h

export const SECBIT = {
  NOROOT: 0x01,
  NO_SETUID_FIXUP: 0x04,
  KEEP_CAPS: 0x10,
  NO_CAP_AMBIENT_RAISE: 0x40,
} as const

/** Each bit has a lock, the bit to its left. */
export const secureAllBits = 0x55
export const secureAllLocks = 0xaa
