// How what a test run leaves behind is named.

import { describe, expect, it } from 'vitest'
import { changes, type HostState } from '../../support/host.ts'

const empty: HostState = {
  cgroup: [],
  mount: [],
  'network interface': [],
  nftables: [],
  iptables: [],
  process: [],
  file: [],
}

describe('the comparison of a machine before and after', () => {
  it('finds nothing when all is as it was, in whatever order it is listed', () => {
    expect(changes({ ...empty, mount: ['a', 'b'] }, { ...empty, mount: ['b', 'a'] })).toEqual([])
  })

  it('names what was left behind and what is gone, by kind', () => {
    const before = { ...empty, cgroup: ['/sys/fs/cgroup/user'] }
    const after = { ...empty, 'network interface': ['vitrine0'] }
    expect(changes(before, after)).toEqual([
      'cgroup gone: /sys/fs/cgroup/user',
      'network interface left behind: vitrine0',
    ])
  })

  it('counts, so that a rule that is there twice is not taken for one', () => {
    expect(changes({ ...empty, nftables: ['accept'] }, { ...empty, nftables: ['accept', 'accept'] })).toEqual([
      'nftables left behind: accept',
    ])
  })
})
