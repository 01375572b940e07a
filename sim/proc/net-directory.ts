// /proc/PID/net: devices, sockets and routes of the network namespace of a process. proc_pid_net(5)

import { AF, firstOf, hexWords, isAny } from '../net/address.ts'
import type { InetSocket } from '../net/inet.ts'
import { routesOf } from '../net/route.ts'
import type { NetNamespace } from '../ns/net.ts'
import type { Task } from '../task.ts'
import type { DirectoryEntry, Inode } from '../vfs/inode.ts'
import { entryOf, PseudoDirectory, PseudoFile } from '../vfs/pseudo.ts'
import { noProcess, nothingThere, type ProcessDirectory } from './process-directory.ts'

const deviceHead =
  'Inter-|   Receive                                                |  Transmit\n' +
  ' face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n'

function devices({ links }: NetNamespace): string {
  let text = deviceHead
  for (const { name, receivedBytes, receivedPackets, sentBytes, sentPackets } of links.values()) {
    const received = `${String(receivedBytes).padStart(7)} ${String(receivedPackets).padStart(7)}    0    0    0     0          0         0`
    const sent = `${String(sentBytes).padStart(8)} ${String(sentPackets).padStart(7)}    0    0    0     0       0          0`
    text += `${name.padStart(6)}: ${received} ${sent}\n`
  }
  return text
}

const port = (number: number): string => number.toString(16).toUpperCase().padStart(4, '0')

/** Of TCP: 0A listens, 01 is connected, 07 is closed. */
function socketLines(sockets: Iterable<InetSocket>, domain: number, protocol: 'tcp' | 'udp'): string {
  const pad = domain === AF.INET ? 8 : 32
  let text =
    domain === AF.INET
      ? '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n'
      : '  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n'
  let slot = 0
  for (const socket of sockets) {
    if (socket.domain !== domain) continue
    const local = `${hexWords(socket.local).padStart(pad, '0')}:${port(socket.port)}`
    const { remote } = socket
    const peer = remote
      ? `${hexWords(remote.address).padStart(pad, '0')}:${port(remote.port)}`
      : `${'0'.repeat(pad)}:0000`
    const state = protocol === 'udp' ? '07' : socket.listening ? '0A' : socket.connected ? '01' : '07'
    const rest = `00000000:00000000 00:00000000 00000000 ${String(socket.owner).padStart(5)}        0 ${socket.file?.inode.ino ?? 0} 1 0000000000000000 100 0 0 10 0`
    text += `${String(slot++).padStart(4)}: ${local} ${peer} ${state} ${rest}\n`
  }
  return text
}

function routes(namespace: NetNamespace): string {
  const lines = ['Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT'.padEnd(127)]
  for (const { destination, prefixLength, gateway, link, metric } of routesOf(namespace)) {
    if (destination.length !== 4) continue
    const mask = hexWords(firstOf(Uint8Array.of(255, 255, 255, 255), prefixLength))
    const flags = gateway && !isAny(gateway) ? '0003' : '0001'
    const way = `${hexWords(firstOf(destination, prefixLength))}\t${gateway ? hexWords(gateway) : '00000000'}`
    lines.push(`${link.name}\t${way}\t${flags}\t0\t0\t${metric}\t${mask}\t0\t0\t0`.padEnd(127))
  }
  return `${lines.join('\n')}\n`
}

function unixLines(namespace: NetNamespace): string {
  let text = 'Num       RefCount Protocol Flags    Type St Inode Path\n'
  const types = { stream: '0001', dgram: '0002', seqpacket: '0005', raw: '0003' }
  for (const [name, socket] of namespace.abstract) {
    const flags = socket.listening ? '00010000' : '00000000'
    text += `0000000000000000: 00000002 00000000 ${flags} ${types[socket.type]} 01 ${socket.file?.inode.ino ?? 0} @${name.slice(1)}\n`
  }
  return text
}

function sockets(namespace: NetNamespace): string {
  const tcp = [...namespace.tcp.all()].length
  const udp = [...namespace.udp.all()].length
  return `sockets: used ${tcp + udp}\nTCP: inuse ${tcp} orphan 0 tw 0 alloc ${tcp} mem 0\nUDP: inuse ${udp} mem 0\n`
}

function interfaceAddresses({ links }: NetNamespace): string {
  let text = ''
  for (const { addresses, index, name, kind } of links.values())
    for (const { address, prefixLength } of addresses) {
      if (address.length !== 16) continue
      const hex = Array.from(address, (byte) => byte.toString(16).padStart(2, '0')).join('')
      const [number, length] = [index, prefixLength].map((value) => value.toString(16).padStart(2, '0'))
      text += `${hex} ${number} ${length} ${kind === 'loopback' ? '10' : '00'} 80 ${name.padStart(8)}\n`
    }
  return text
}

const texts: Readonly<Record<string, (namespace: NetNamespace) => string>> = {
  arp: () => 'IP address       HW type     Flags       HW address            Mask     Device\n',
  dev: devices,
  if_inet6: interfaceAddresses,
  netlink: () => 'sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode\n',
  packet: () => 'sk       RefCnt Type Proto  Iface R Rmem   User   Inode\n',
  protocols: () =>
    'protocol  size sockets  memory press maxhdr  slab module     cl co di ac io in de sh ss gs se re sp bi br ha uh gp em\n',
  route: routes,
  sockstat: sockets,
  tcp: (namespace) => socketLines(namespace.tcp.all(), AF.INET, 'tcp'),
  tcp6: (namespace) => socketLines(namespace.tcp.all(), AF.INET6, 'tcp'),
  udp: (namespace) => socketLines(namespace.udp.all(), AF.INET, 'udp'),
  udp6: (namespace) => socketLines(namespace.udp.all(), AF.INET6, 'udp'),
  unix: unixLines,
}

export class NetDirectory extends PseudoDirectory {
  readonly #process: ProcessDirectory
  readonly #files = new Map<string, Inode>()

  constructor(process: ProcessDirectory) {
    super(process.super, process.super.kernel)
    this.#process = process
  }

  lookup(_task: Task, name: string): Inode | undefined | ReturnType<typeof nothingThere> {
    const of = this.#process.pidEntry.task
    if (of === undefined) return nothingThere()
    if (!of.alive || !Object.hasOwn(texts, name)) return undefined
    let inode = this.#files.get(name)
    if (inode === undefined) {
      const { super: superblock } = this.#process
      const read = () => {
        const now = this.#process.pidEntry.task
        return now?.alive ? texts[name]!(now.namespaces.net) : noProcess()
      }
      inode = new PseudoFile(superblock, superblock.kernel, 0o444, { read })
      this.#files.set(name, inode)
    }
    return inode
  }

  entries(task: Task): readonly DirectoryEntry[] {
    return Object.keys(texts).flatMap((name) => {
      const inode = this.lookup(task, name)
      return inode && 'ino' in inode ? [entryOf(name, inode)] : []
    })
  }
}
