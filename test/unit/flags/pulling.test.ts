// --pull, --platform and how registries are spoken to, as words of run and create.

import { expect, it } from 'vitest'
import { readRun } from '../../../cli/flags/run.ts'

function pullingOf(...argv: string[]) {
  const words = readRun('run', argv, { environment: {}, directory: '/', readFile: () => '' })
  if (words.help) throw new Error('help')
  const { request, pulling } = words
  return {
    ...pulling,
    image: request.source.kind === 'image' ? request.source.reference : '',
    command: request.command,
  }
}

it('pulls what is missing unless something else is said', () => {
  expect(pullingOf('x')).toMatchObject({ policy: 'missing', quiet: false, access: {} })
  expect(pullingOf('x').access.tlsVerify).toBeUndefined()
})

it.each([
  ['--pull=always', 'always'],
  ['--pull=newer', 'newer'],
  ['--pull=never', 'never'],
  ['--pull=missing', 'missing'],
  ['--pull=Always', 'always'],
  ['--pull=ifnotpresent', 'missing'],
])('%s is %s', (word, policy) => {
  expect(pullingOf(word, 'x')).toMatchObject({ policy, image: 'x' })
})

it('takes a policy as a word of its own, and bare means always', () => {
  expect(pullingOf('--pull', 'never', 'x')).toMatchObject({ policy: 'never', image: 'x' })
  expect(pullingOf('--pull', 'x', 'sh')).toMatchObject({ policy: 'always', image: 'x', command: ['sh'] })
  expect(pullingOf('--pull', '--rm', 'x')).toMatchObject({ policy: 'always', image: 'x' })
})

it('names a policy that there is none of', () => {
  expect(() => pullingOf('--pull=often', 'x')).toThrow('--pull=often: must be one of always, missing, never, newer')
})

it('reads who one is, and whom to believe', () => {
  const { access, quiet, platform } = pullingOf(
    ...['-q', '--creds=me:a:b', '--tls-verify=false', '--authfile=/a', '--cert-dir=/c', '--platform=linux/arm64', 'x'],
  )
  expect(access).toEqual({
    credentials: { username: 'me', password: 'a:b' },
    tlsVerify: false,
    authfile: '/a',
    certDir: '/c',
  })
  expect(quiet).toBe(true)
  expect(platform.platform).toBe('linux/arm64')
  expect(() => pullingOf('--creds=me', 'x')).toThrow('--creds')
})
