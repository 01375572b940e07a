// Structs of calls as strace writes them: addresses, messages, netlink, timers, queues, filters; as bytes and compared.

import { describe, expect, it } from 'vitest'
import { messageData } from '../../../core/message.ts'
import type { Syscall } from '../../../core/syscall.ts'
import { addressBytes, addressValue } from '../../../sim/scenario/addresses.ts'
import { agrees, sameTime } from '../../../sim/scenario/compare.ts'
import { translate } from '../../../sim/scenario/data.ts'
import { sameMessage } from '../../../sim/scenario/messages.ts'
import { firstNames, type Names } from '../../../sim/scenario/names.ts'
import { isNetlink, netlinkBytes, sameNetlink } from '../../../sim/scenario/netlink.ts'
import { print, printValue } from '../../../sim/scenario/print.ts'
import { type CallLine, parseScenario } from '../../../sim/scenario/scenario.ts'
import { parseValue } from '../../../sim/scenario/value.ts'

function dataOf(text: string, names: Names = firstNames()): Syscall {
  const line = parseScenario(`${text} = 0`).lines[0] as CallLine
  const translated = translate(line.name, line.args, names)
  if ('unknown' in translated) throw new Error(translated.unknown)
  return translated.call
}

const numbers = (bytes: Uint8Array): number[] => [...new BigInt64Array(bytes.slice().buffer)].map(Number)

describe('addresses', () => {
  it.each([
    '{sa_family=AF_UNIX, sun_path="/tmp/sock"}',
    '{sa_family=AF_UNIX, sun_path=@"name"}',
    '{sa_family=AF_INET, sin_port=htons(8080), sin_addr=inet_addr("10.0.0.1")}',
    '{sa_family=AF_INET6, sin6_port=htons(80), inet_pton(AF_INET6, "fd00::1:0:2", sin6_addr)}',
    '{sa_family=AF_INET6, sin6_port=htons(80), inet_pton(AF_INET6, "::1", sin6_addr)}',
    '{sa_family=AF_NETLINK, nl_pid=7, nl_groups=0}',
  ])('%s is the same as bytes and back', (text) => {
    expect(printValue(addressValue(addressBytes(parseValue(text), firstNames())!)!)).toBe(text)
  })

  it('have ports that stand for those that the kernel has chosen, and others that are themselves', () => {
    const names = firstNames()
    const written = parseValue('{sa_family=AF_INET, sin_port=htons(45678), sin_addr=inet_addr("127.0.0.1")}')
    const actual = parseValue('{sa_family=AF_INET, sin_port=htons(32768), sin_addr=inet_addr("127.0.0.1")}')
    expect(agrees(written, actual, names)).toBe(true)
    expect([...addressBytes(written, names)!.subarray(2, 4)]).toEqual([0x80, 0])
    const fixed = parseValue('{sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("127.0.0.1")}')
    addressBytes(fixed, names)
    expect(agrees(fixed, actual, names)).toBe(false)
  })
})

describe('messages', () => {
  const room =
    'recvmsg(4, {msg_name=NULL, msg_namelen=0, msg_iov=[{iov_base="ab", iov_len=10}], msg_iovlen=1, ' +
    'msg_control=[{cmsg_len=20, cmsg_level=SOL_SOCKET, cmsg_type=SCM_RIGHTS, cmsg_data=[9]}], msg_controllen=24, msg_flags=0}, 0)'

  it('carry descriptors by their numbers in the kernel, and bind those that come', () => {
    const names = firstNames()
    names.files.numbers.bind(5n, 3n)
    const control = '[{cmsg_len=20, cmsg_level=SOL_SOCKET, cmsg_type=SCM_RIGHTS, cmsg_data=[5]}]'
    const sent = dataOf(`sendmsg(3, {msg_iov=[{iov_base="x", iov_len=1}], msg_control=${control}}, 0)`, names)
    expect(sent.name === 'sendmsg' && [...sent.msg.control!]).toEqual([
      ...[20, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0],
    ])
    const call = dataOf(room, names) as Extract<Syscall, { name: 'recvmsg' }>
    const made = Uint8Array.of(20, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 6, 0, 0, 0)
    const came = { name: new Uint8Array(0), control: made, bytes: Uint8Array.of(97, 98), flags: 0 }
    const line = parseScenario(`${room} = 2`).lines[0] as CallLine
    expect(sameMessage(line.args[1]!, call, 2, messageData(call.msg, came), names)).toBe(true)
    expect(names.files.numbers.actual(9n)).toBe(6n)
    const cut = { ...came, control: new Uint8Array(0), flags: 8 }
    expect(sameMessage(line.args[1]!, call, 2, messageData(call.msg, cut), names)).toBe(false)
    const other = { ...came, bytes: Uint8Array.of(97, 99) }
    expect(sameMessage(line.args[1]!, call, 2, messageData(call.msg, other), names)).toBe(false)
  })

  it('have as much room for what goes along as was used where it was too little', () => {
    expect(dataOf('recvmsg(4, {msg_namelen=16, msg_controllen=20, msg_flags=MSG_CTRUNC}, 0)')).toMatchObject({
      msg: { nameBytes: 16, controlBytes: 20 },
    })
    expect(dataOf(room)).toMatchObject({ msg: { nameBytes: 0, iov: [10], controlBytes: 2048 } })
    expect(dataOf('recvfrom(4, "hi", 100, 0, {sa_family=AF_UNIX}, [110 => 2])')).toMatchObject({
      name: 'recvmsg',
      msg: { nameBytes: 110, iov: [100] },
    })
  })
})

describe('netlink', () => {
  const request =
    '[{nlmsg_len=40, nlmsg_type=RTM_NEWLINK, nlmsg_flags=NLM_F_REQUEST|NLM_F_ACK, nlmsg_seq=7, nlmsg_pid=0}, ' +
    '{ifi_family=AF_UNSPEC, ifi_type=ARPHRD_NETROM, ifi_index=if_nametoindex("v1"), ifi_flags=IFF_UP, ifi_change=0x1}, ' +
    '[{nla_len=8, nla_type=IFLA_NET_NS_PID}, 5]]'

  it('is bytes again, with devices and processes by the numbers that the kernel has for them', () => {
    const names = firstNames()
    names.links.set('v1', 9)
    names.pids.bind(5n, 77n)
    expect(isNetlink(parseValue(request))).toBe(true)
    expect([...netlinkBytes(parseValue(request), names)]).toEqual([
      ...[40, 0, 0, 0, 16, 0, 5, 0, 7, 0, 0, 0, 0, 0, 0, 0],
      ...[0, 0, 0, 0, 9, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0],
      ...[8, 0, 19, 0, 77, 0, 0, 0],
    ])
  })

  it('differs when an error does', () => {
    const answer = (error: string) =>
      parseValue(`[{nlmsg_len=36, nlmsg_type=NLMSG_ERROR, nlmsg_flags=0, nlmsg_seq=7, nlmsg_pid=3}, {error=${error}}]`)
    const bytes = new Uint8Array(36)
    const view = new DataView(bytes.buffer)
    for (const [at, word] of [36, 2, 7, 3, 0xffff_ffea].entries()) view.setUint32(4 * at, word, true)
    expect(sameNetlink(answer('-EINVAL'), bytes, firstNames())).toBe(true)
    expect(sameNetlink(answer('-EPERM'), bytes, firstNames())).toBe(false)
    expect(sameNetlink(answer('0'), bytes, firstNames())).toBe(false)
  })
})

describe('other structs', () => {
  it('are bytes as the kernel reads them', () => {
    const timer = '{it_interval={tv_sec=1, tv_nsec=2}, it_value={tv_sec=3, tv_nsec=4}}'
    const set = dataOf(`timerfd_settime(4, 0, ${timer}, NULL)`)
    expect(set.name === 'timerfd_settime' && numbers(set.new_value)).toEqual([1, 2, 3, 4])
    expect(dataOf('msgsnd(0, {3, "hi"}, 2, 0)')).toMatchObject({
      msgp: Uint8Array.of(3, 0, 0, 0, 0, 0, 0, 0, 104, 105),
    })
    expect(dataOf('semop(0, [{1, -1, IPC_NOWAIT}], 1)')).toMatchObject({ sops: Uint8Array.of(1, 0, 255, 255, 0, 8) })
    const filter = '{len=1, filter=[BPF_STMT(BPF_RET|BPF_K, SECCOMP_RET_ERRNO|0x1)]}'
    expect(dataOf(`prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ${filter})`)).toEqual({
      ...{ name: 'seccomp', operation: 1, flags: 0, args: Uint8Array.of(6, 0, 0, 0, 1, 0, 5, 0) },
    })
    expect(dataOf('setsockopt(3, SOL_SOCKET, SO_REUSEPORT, [1], 4)')).toMatchObject({
      optval: Uint8Array.of(1, 0, 0, 0),
    })
    expect(dataOf('capset({version=_LINUX_CAPABILITY_VERSION_3, pid=7}, {effective=0, permitted=0})')).toMatchObject({
      sets: { pid: 7 },
    })
  })

  it('are printed as they were written', () => {
    const text =
      'sendmsg(3, {msg_name={sa_family=AF_UNIX, sun_path=@"a"}, msg_namelen=4, msg_iov=[{iov_base="x", iov_len=1}], ' +
      'msg_iovlen=1, msg_control=[{cmsg_len=28, cmsg_level=SOL_SOCKET, cmsg_type=SCM_CREDENTIALS, ' +
      'cmsg_data={pid=7, uid=0, gid=5}}], msg_controllen=32, msg_flags=0}, MSG_DONTWAIT)'
    expect(print(dataOf(text), { value: 1 })).toBe(`${text} = 1`)
  })
})

describe('clocks', () => {
  it('may differ from what is written, but always by as much', () => {
    const names = firstNames()
    const time = (seconds: number) => parseValue(`{tv_sec=${seconds}, tv_nsec=0}`)
    expect(sameTime(time(1000), time(5), 1, names)).toBe(true)
    expect(sameTime(time(87_401), time(86_405), 4, names)).toBe(true)
    expect(sameTime(time(1000), time(86_405), 1, names)).toBe(false)
    expect(sameTime(time(50), time(9), 7, names)).toBe(true)
  })
})
