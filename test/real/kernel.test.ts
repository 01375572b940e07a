// The machine that the real-kernel tests run on is one that they know.

import { expect } from 'vitest'
import { cgroupVersion, isUserModeLinux, skipUnless } from '../support/needs.ts'

const { describe, it } = skipUnless({ linux: true })

describe('the real kernel', () => {
  it('has control groups', () => {
    expect(cgroupVersion()).not.toBe('none')
  })

  skipUnless({ userModeLinux: true }).it('is a pure cgroup v2 host in user-mode Linux', () => {
    expect(isUserModeLinux()).toBe(true)
    expect(cgroupVersion()).toBe('v2')
  })
})
