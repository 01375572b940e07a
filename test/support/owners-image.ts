// An image with all that has an owner or needs rights to be unpacked: setuid, capabilities, whiteouts, locked directories.

import { readFileSync } from 'node:fs'
import { type TarMember, tar } from '../fixtures/tar.ts'
import { nativePath } from './needs.ts'
import { applets, busyboxPath } from './ordinary-user.ts'
import { makeImage, type RemoteImage } from './remote-images.ts'

const CAP_DAC_OVERRIDE = 1

/** struct vfs_cap_data, revision 2 with the effective bit: linux/capability.h. */
function fileCapability(bit: number): Uint8Array {
  const bytes = new Uint8Array(20)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, 0x02000001, true)
  view.setUint32(4, 1 << bit, true)
  return bytes
}

const capable = { 'SCHILY.xattr.security.capability': fileCapability(CAP_DAC_OVERRIDE) }

/** Two layers; the second hides of the first. */
export function ownersLayers(more: readonly TarMember[] = []): [Uint8Array, Uint8Array] {
  const busybox = readFileSync(busyboxPath())
  const below = tar([
    { path: 'bin', type: 'directory' },
    { path: 'bin/busybox', content: busybox, mode: 0o755 },
    ...applets.map((name) => ({ path: `bin/${name}`, type: 'symlink', link: 'busybox' }) as const),
    // Programs without libc that stay what they have become; busybox gives rights of setuid files back.
    { path: 'as33', content: readFileSync(nativePath('init')), mode: 0o4755, uid: 33, gid: 34 },
    // busybox is what its name says: a `cat` that may read everything.
    { path: 'may', type: 'directory' },
    { path: 'may/cat', content: busybox, mode: 0o755, pax: capable },
    { path: 'tmp', type: 'directory', mode: 0o1777 },
    { path: 'etc', type: 'directory' },
    { path: 'etc/passwd', content: 'root:x:0:0::/:/bin/sh\nweb:x:33:34::/:/bin/sh\n' },
    { path: 'etc/group', content: 'root:x:0:\nweb:x:34:\n' },
    { path: 'etc/shadow', content: 'secret\n', mode: 0 },
    { path: 'srv', type: 'directory', uid: 33, gid: 34 },
    { path: 'srv/gone', content: 'below' },
    { path: 'srv/hidden', type: 'directory' },
    { path: 'srv/hidden/below', content: '' },
    { path: 'dev', type: 'directory' },
    { path: 'dev/made', type: 'character', major: 1, minor: 3 },
    { path: 'locked', type: 'directory', mode: 0, uid: 33, gid: 34 },
    { path: 'locked/in', type: 'directory', mode: 0, uid: 44, gid: 44 },
    { path: 'locked/in/file', content: 'x', mode: 0, uid: 65_536, gid: 65_536 },
  ])
  const above = tar([
    { path: 'srv/page', content: 'a page', uid: 33, gid: 34, mode: 0o640 },
    { path: 'srv/.wh.gone', content: '' },
    { path: 'srv/hidden/.wh..wh..opq', content: '' },
    { path: 'srv/hidden/above', content: '' },
    ...more,
  ])
  return [below, above]
}

export const ownersImage = (more?: readonly TarMember[]): RemoteImage =>
  makeImage({ layers: ownersLayers(more), config: { Cmd: ['sh'] } })
