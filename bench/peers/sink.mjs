/**
 * Reads PUT requests from bare sockets and throws their bodies away. Nothing that stores can be faster, so what the
 * load client reaches against it is no more than the client's own ceiling.
 *
 * It trusts the load client: every request has a Content-Length, and its head arrives in one read, as do the head and
 * the start of the body.
 *
 * Usage: node sink.mjs <port>
 */

import { createServer } from 'node:net'

const ANSWER = 'HTTP/1.1 204 No Content\r\n\r\n'

createServer({ noDelay: true }, socket => {
  let bodyLeft = 0
  socket.on('error', () => {})
  socket.on('data', bytes => {
    if (bodyLeft === 0) {
      const headEnd = bytes.indexOf('\r\n\r\n')
      const [, length] = /content-length: (\d+)/i.exec(bytes.toString('latin1', 0, headEnd))
      bodyLeft = Number(length) + headEnd + 4
    }
    bodyLeft -= bytes.length
    if (bodyLeft === 0) socket.write(ANSWER)
  })
}).listen(Number(process.argv[2]), '127.0.0.1')
