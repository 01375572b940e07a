// Instructions of a Containerfile that change an image's configuration.

import { describe, expect, it } from 'vitest'
import { changed } from '../../../core/image/config-changes.ts'

describe('--change', () => {
  it.each([
    ['CMD ["httpd", "-f"]', { Cmd: ['httpd', '-f'] }],
    ['CMD=/bin/bash', { Cmd: ['/bin/sh', '-c', '/bin/bash'] }],
    ['cmd echo "a  b" [', { Cmd: ['/bin/sh', '-c', 'echo "a  b" ['] }],
    ['ENTRYPOINT ["/init"]', { Entrypoint: ['/init'] }],
    ['ENV A=1 B="2 3" C=\'4 $X\' D=5\\ 6 E=', { Env: ['A=1', 'B=2 3', 'C=4 $X', 'D=5 6', 'E='] }],
    ['ENV NAME many words = one value', { Env: ['NAME=many words = one value'] }],
    ['ENV=A=1', { Env: ['A=1'] }],
    ['EXPOSE 80 53/UDP 8000-8010', { ExposedPorts: { '80/tcp': {}, '53/udp': {}, '8000-8010/tcp': {} } }],
    ['LABEL a=b "c d"="e f"', { Labels: { a: 'b', 'c d': 'e f' } }],
    ['STOPSIGNAL SIGWINCH', { StopSignal: 'SIGWINCH' }],
    ['USER 5:6', { User: '5:6' }],
    ['VOLUME /a /b', { Volumes: { '/a': {}, '/b': {} } }],
    ['VOLUME ["/a b"]', { Volumes: { '/a b': {} } }],
    ['WORKDIR /srv', { WorkingDir: '/srv' }],
  ])('%s', (instruction, expected) => {
    expect(changed({}, [instruction])).toEqual(expected)
  })

  it('adds to what there is, and replaces what has the same name', () => {
    const before = { Env: ['A=0', 'PATH=/bin'], Labels: { a: '1' }, ExposedPorts: { '1/tcp': {} }, WorkingDir: '/srv/' }
    expect(changed(before, ['ENV A=1', 'LABEL b=2', 'EXPOSE 2', 'WORKDIR www', 'WORKDIR deep'])).toEqual({
      Env: ['PATH=/bin', 'A=1'],
      Labels: { a: '1', b: '2' },
      ExposedPorts: { '1/tcp': {}, '2/tcp': {} },
      WorkingDir: '/srv/www/deep',
    })
  })

  it.each([
    ['RUN make', 'must begin with one of CMD, ENTRYPOINT'],
    ['constructor x', 'must begin with one of'],
    ['CMD', 'must begin with one of'],
    ['ENV ', 'nothing follows'],
    ['ENV A', 'takes pairs'],
    ['ENV A=1 B', 'B is no pair'],
    ['LABEL =x', 'takes pairs'],
    ['LABEL a="b', 'a quote " is not closed'],
    ['EXPOSE http', 'http is no port'],
    ['USER a b', 'takes one word'],
  ])('%s is refused, saying why', (instruction, why) => {
    expect(() => changed({}, [instruction])).toThrow(why)
    expect(() => changed({}, [instruction])).toThrow(JSON.stringify(instruction))
  })
})
