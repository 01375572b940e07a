// From an OCI spec and facts about the host to the plan of a container: the order of everything, at one glance.

import { UserError } from '../errors.ts'
import type { Spec } from '../spec/types.ts'
import { O, PER_LINUX32 } from './constants.ts'
import { devicesOf, planDeviceSources, planDevices } from './devices.ts'
import type { LaunchFacts } from './facts.ts'
import { planLoopback, planNames, planSysctlSource, planSysctls } from './identity.ts'
import { planMappedRoot, planUserNamespace } from './mapped-root.ts'
import { planCoverSources, planMaskedPaths, planReadonlyPaths } from './masks.ts'
import { planMemoryPolicy } from './memory-policy.ts'
import { planForeign, planMappedSources, planSources, planTiedSources, planWitnessed } from './mount-sources.ts'
import { planMounts, planReadonlyFileSystems } from './mounts.ts'
import {
  checkNamespaces,
  isJoined,
  isWatched,
  namespacesOf,
  planBirth,
  planJoins,
  planRootOfUserNamespace,
  planUnshared,
  planUserEntry,
} from './namespaces.ts'
import { planOverlayTrees } from './overlay-mounts.ts'
import type { LaunchPlan } from './plan.ts'
import { type PlannedMount, readMounts } from './planned-mount.ts'
import {
  checkProcess,
  planDescriptors,
  planHookWait,
  planOomScore,
  planProgram,
  planSession,
  planVisibility,
  planWait,
  planWorkingDirectory,
} from './process.ts'
import { planProgramCheck } from './program.ts'
import { planFinishedRoot, planPrivateMounts, planRoot } from './root.ts'
import { planScheduling } from './scheduling.ts'
import { checkLabels } from './selinux.ts'
import { planTerminal } from './terminal.ts'
import { openHost, PlanWriter, root } from './writer.ts'

/**
 * Plans a container. Pure: the same spec and facts give the same plan. OCI runtime spec, config.md and config-linux.md.
 *
 * The child needs the host's files for a short stretch only: it takes from them what it will mount, enters the root
 * filesystem, leaves them, and does the rest where every path leads into the container.
 *
 * @errors UserError for what contradicts itself or what no plan carries out; it names the field
 */
export function planContainer(spec: Spec, facts: LaunchFacts): LaunchPlan {
  const { process } = spec
  if (process === undefined) throw new UserError('process: a container needs a process to run')
  checkProcess(process)
  checkSpec(spec)
  checkLabels(process, spec.linux, facts)
  const { userNamespace } = facts
  const namespaces = namespacesOf(spec, userNamespace?.path)
  checkNamespaces(namespaces, spec)
  const mounts = readMounts(spec)
  const inUserNamespace = namespaces.has('user')
  const masked = spec.linux?.maskedPaths ?? []
  const ownRoot = !isJoined(namespaces, 'mount')
  const devices = ownRoot ? devicesOf(spec, mounts, namespaces, facts) : undefined
  // A /dev of the image may be changed by whoever shares it, also between the making and the use of a node.
  const ownNull = devices !== undefined && mounts.some(isFreshDev)
  const writer = new PlanWriter()

  planMappedSources(writer, mounts, facts, namespaces)
  planBirth(writer, namespaces, spec, facts)
  planOomScore(writer, process, facts, 'child')
  planSession(writer, process, facts)
  planScheduling(writer, process)
  planMemoryPolicy(writer, spec.linux?.memoryPolicy)
  planPersonality(writer, spec)
  const takeFromHost = () => {
    planTiedSources(writer, mounts, spec, facts, namespaces)
    planPrivateMounts(writer)
    planSources(writer, mounts, spec, facts, namespaces)
    if (devices) planDeviceSources(writer, devices, facts)
    if (!ownNull) planCoverSources(writer, masked)
  }
  if (userNamespace !== undefined && ownRoot) {
    planUserNamespace(writer, userNamespace.path)
    takeFromHost()
    planOverlayTrees(writer, mounts, false)
    planJoins(writer, namespaces, 'user')
    planForeign(writer, mounts, facts, namespaces)
    planMappedRoot(writer, spec, facts)
    planUserEntry(writer, namespaces)
  } else {
    planForeign(writer, mounts, facts, namespaces)
    planJoins(writer, namespaces)
    planUnshared(writer, namespaces)
    if (ownRoot) takeFromHost()
  }
  planSysctlSource(writer, spec, namespaces)
  if (ownRoot) {
    planWitnessed(writer, mounts, facts, namespaces)
    if (facts.waitsForHooks) planHookWait(writer)
    planRoot(writer, spec, mounts, facts, namespaces)
    writer.child({ name: 'umask', mask: 0 }, 'make files with exactly the rights asked for')
    planMounts(writer, mounts, facts, namespaces)
    if (devices) planDevices(writer, devices)
    planMaskedPaths(writer, masked, ownNull, spec.linux?.mountLabel)
    planReadonlyPaths(writer, spec.linux?.readonlyPaths ?? [])
  } else {
    writer.child(openHost('/', O.PATH | O.DIRECTORY), 'open the root of the mount namespace', { as: root })
    planRootOfUserNamespace(writer, namespaces)
    if (facts.waitsForHooks) planHookWait(writer)
  }
  planNames(writer, spec, namespaces)
  planSysctls(writer, spec)
  planLoopback(writer, namespaces)
  if (process.terminal) planTerminal(writer, process, devices !== undefined)
  planWorkingDirectory(writer, process)
  if (ownRoot) {
    planReadonlyFileSystems(writer, mounts)
    planFinishedRoot(writer, spec)
  }
  if (isWatched(namespaces)) planVisibility(writer)
  // While it waits others may be executed beside it, with all rights that its user namespace has.
  else if (facts.waitsForStart) planDescriptors(writer)
  if (facts.checksProgram) planProgramCheck(writer, process)
  planWait(writer, facts)
  planProgram(writer, process, facts, inUserNamespace)
  return { steps: writer.steps, program: process.args![0]! }
}

const isFreshDev = ({ kind, mount, destination }: PlannedMount): boolean =>
  kind === 'fresh' && mount.type === 'tmpfs' && destination === '/dev'

/** What the spec has a word for and no plan carries out. */
function checkSpec({ linux }: Spec): void {
  if (linux?.personality?.flags?.length) throw new UserError('linux.personality.flags: is not supported; leave it out')
}

/** personality(2): the two domains of the OCI spec. */
function planPersonality(writer: PlanWriter, spec: Spec): void {
  const domain = spec.linux?.personality?.domain
  if (domain === undefined) return
  if (domain !== 'LINUX' && domain !== 'LINUX32')
    throw new UserError(`linux.personality.domain: ${domain}: must be LINUX or LINUX32`)
  writer.child({ name: 'personality', persona: domain === 'LINUX32' ? PER_LINUX32 : 0 }, `run as ${domain}`)
}
