// Numbers of two worlds, told apart by their types: what a task sees inside a namespace, and what the kernel means.

declare const world: unique symbol
type Of<Name extends string> = number & { readonly [world]: Name }

/** A user or group id as the whole machine means it; only a user namespace converts. user_namespaces(7) */
export type KUid = Of<'kuid'>
export type KGid = Of<'kgid'>
/** As a task of some user namespace says it. */
export type Uid = Of<'uid'>
export type Gid = Of<'gid'>
/** A process or thread number inside of some pid namespace. pid_namespaces(7) */
export type Pid = Of<'pid'>

export const rootUid = 0 as KUid
export const rootGid = 0 as KGid
/** What an id that is not mapped looks like. proc_sys_kernel(5), overflowuid */
export const overflowId = 65534
