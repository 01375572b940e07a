// Requests about devices, addresses and routes. rtnetlink(7), net/core/rtnetlink.c

import type { NetNamespace } from '../ns/net.ts'
import { deny } from '../outcome.ts'
import type { Task } from '../task.ts'
import type { NetlinkMessage } from './netlink-bytes.ts'
import { type Answer, needsNetAdmin } from './netlink-socket.ts'
import { changeAddress, listAddresses } from './rtnetlink-address.ts'
import { getLink, newLink, removeLinks } from './rtnetlink-link.ts'
import { changeRoute, listRoutes } from './rtnetlink-route.ts'

const RTM = {
  NEWLINK: 16,
  DELLINK: 17,
  GETLINK: 18,
  SETLINK: 19,
  NEWADDR: 20,
  DELADDR: 21,
  GETADDR: 22,
  NEWROUTE: 24,
  DELROUTE: 25,
  GETROUTE: 26,
} as const

export function answerRoute(task: Task, namespace: NetNamespace, request: NetlinkMessage): Answer {
  const isGet = (request.type & 3) === 2
  const refusal = isGet ? undefined : needsNetAdmin(task, namespace)
  if (refusal) return refusal
  switch (request.type) {
    case RTM.NEWLINK:
    case RTM.SETLINK:
      return newLink(task, namespace, request, request.type === RTM.SETLINK)
    case RTM.DELLINK:
      return removeLinks(namespace, request)
    case RTM.GETLINK:
      return getLink(namespace, request)
    case RTM.NEWADDR:
    case RTM.DELADDR:
      return changeAddress(namespace, request, request.type === RTM.NEWADDR)
    case RTM.GETADDR:
      return listAddresses(namespace, request)
    case RTM.NEWROUTE:
    case RTM.DELROUTE:
      return changeRoute(namespace, request, request.type === RTM.NEWROUTE)
    case RTM.GETROUTE:
      return listRoutes(namespace, request)
  }
  return deny('EOPNOTSUPP', 'rtnetlink(7)', `rtnetlink(7): requests of type ${request.type} are not modelled`)
}
