// Which proxy a request goes through.

import { describe, expect, it } from 'vitest'
import { proxyFor } from '../../../backends/linux/http-proxy.ts'

const proxy = 'http://proxy.example:3128'
const through = (url: string, variables: Record<string, string>) => proxyFor(new URL(url) as never, variables)

describe('the proxy', () => {
  it('is that of the scheme, in capitals first', () => {
    expect(through('https://a.example/', { HTTPS_PROXY: proxy })).toBe(proxy)
    expect(through('https://a.example/', { https_proxy: proxy, HTTP_PROXY: 'http://other' })).toBe(proxy)
    expect(through('http://a.example/', { HTTPS_PROXY: proxy })).toBeUndefined()
    expect(through('http://a.example/', { HTTP_PROXY: proxy, http_proxy: 'http://other' })).toBe(proxy)
    expect(through('https://a.example/', { HTTPS_PROXY: '' })).toBeUndefined()
  })

  it('needs no scheme, and is refused when it is no http', () => {
    expect(through('https://a.example/', { HTTPS_PROXY: 'proxy.example:3128' })).toBe(proxy)
    expect(() => through('https://a.example/', { HTTPS_PROXY: 'socks5://proxy.example' })).toThrow(
      'connect to a.example: the proxy of HTTPS_PROXY must be http or https',
    )
  })

  it('is none for loopback', () => {
    for (const host of ['localhost:5000', 'a.localhost', '127.0.0.1:5000', '127.3.2.1', '[::1]:5000']) {
      expect(through(`http://${host}/`, { HTTP_PROXY: proxy }), host).toBeUndefined()
    }
  })

  for (const [exempt, host, direct] of [
    ['*', 'a.example', true],
    ['a.example', 'a.example', true],
    ['A.Example', 'a.example', true],
    ['example', 'a.example', true],
    ['a.example', 'ba.example', false],
    ['.a.example', 'b.a.example', true],
    ['*.a.example', 'b.a.example', true],
    ['.a.example', 'a.example', false],
    ['x, a.example y', 'a.example', true],
    ['a.example:443', 'a.example', true],
    ['a.example:5000', 'a.example', false],
    ['a.example:5000', 'a.example:5000', true],
    ['10.0.0.0/8', '10.1.2.3', true],
    ['10.0.0.0/8', '11.1.2.3', false],
    ['10.1.2.3', '10.1.2.3:5000', true],
    ['fd00::/8', '[fd00::1]', true],
    ['fd00::1', '[fd00::1]', true],
    ['[fd00::1]:5000', '[fd00::1]:5000', true],
    ['10.0.0.0/99', '10.1.2.3', false],
    ['10.0.0.0/8', 'a.example', false],
    ['', 'a.example', false],
  ] as const) {
    it(`is ${direct ? 'none' : 'used'} for ${host} with NO_PROXY=${exempt}`, () => {
      const expected = direct ? undefined : proxy
      expect(through(`https://${host}/`, { HTTPS_PROXY: proxy, NO_PROXY: exempt })).toBe(expected)
      expect(through(`https://${host}/`, { HTTPS_PROXY: proxy, no_proxy: exempt })).toBe(expected)
    })
  }
})
