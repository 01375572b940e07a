// Addresses of message buses: unix sockets in the file system or by an abstract name. D-Bus Specification, "Server Addresses".

const AF_UNIX = 1
/** sun_path of struct sockaddr_un. unix(7) */
const pathBytesMax = 108

const unescaped = (value: string) =>
  value.replace(/%([0-9a-fA-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))

/** @param abstract - the name begins with a NUL and is no file's */
function socketAddress(name: string, abstract: boolean): Uint8Array | undefined {
  const bytes = new TextEncoder().encode(name)
  if (bytes.length === 0 || bytes.length >= pathBytesMax) return undefined
  const address = new Uint8Array(2 + bytes.length + 1)
  address[0] = AF_UNIX
  address.set(bytes, abstract ? 3 : 2)
  return address
}

/**
 * The sockets that an address names, each as connect(2) takes it: `unix:path=/run/dbus/system_bus_socket`, several
 * separated by semicolons. Other transports than unix sockets are left out.
 */
export function socketsOf(address: string): Uint8Array[] {
  return address.split(';').flatMap((each) => {
    if (!each.startsWith('unix:')) return []
    const pairs = each.slice('unix:'.length).split(',')
    const given = (key: string) => {
      const pair = pairs.find((text) => text.startsWith(`${key}=`))
      return pair === undefined ? undefined : unescaped(pair.slice(key.length + 1))
    }
    const [path, abstract] = [given('path'), given('abstract')]
    return socketAddress(path ?? abstract ?? '', path === undefined) ?? []
  })
}
