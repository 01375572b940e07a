// Archives in the format that Linux unpacks as its first file system: cpio, newc. Documentation/driver-api/early-userspace

const padded = (bytes) => Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)])

function entry({ path, mode, content = Buffer.alloc(0) }, inode) {
  const name = Buffer.from(`${path}\0`)
  const fields = [inode, mode, 0, 0, 1, 0, content.length, 0, 0, 0, 0, name.length, 0]
  const head = `070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`
  return Buffer.concat([padded(Buffer.concat([Buffer.from(head), name])), padded(content)])
}

/** @param entries - `{ path, mode, content }`, directories before what is in them; mode with the type of the file */
export function cpio(entries) {
  return Buffer.concat([...entries, { path: 'TRAILER!!!', mode: 0 }].map((each, index) => entry(each, index + 1)))
}
