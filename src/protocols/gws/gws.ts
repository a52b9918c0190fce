/**
 * The door of GBD WebSuite's chunked uploads: its routes (gws.md §6.1), under each of its prefixes. A command is in the path or,
 * on the bare prefix, in the message; its message is read before it is known which one it is, so all have one limit.
 *
 * With keys every request needs one: a uid is enough for its upload's chunks and state, whoever's key it is, but it is in the
 * message, and nobody's message is taken in unasked.
 */

import type { FastifyInstance, FastifyReply, FastifyRequest, RouteHandlerMethod } from 'fastify'
import type { Call, Door } from './door.ts'
import { answerError } from './errors.ts'
import type { Members } from './members.ts'
import { withMessage } from './message.ts'
import { notFound, Refusal } from './refusal.ts'
import { uploadChunk } from './upload-chunk.ts'
import { uploadContent } from './upload-content.ts'
import { uploadGet, uploadStatus } from './upload-get.ts'

type Command = (call: Call, members: Members) => Promise<unknown>

const OTHER_METHODS = ['GET', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS']

export function gws(app: FastifyInstance, door: Door): void {
  app.setErrorHandler(answerError)
  for (const prefix of door.settings.prefixes) serve(app, door, prefix)
}

function serve(app: FastifyInstance, door: Door, prefix: string): void {
  const commands = commandsOf(door)
  const callOf = (request: FastifyRequest, reply: FastifyReply): Call => {
    return { door, engine: request.access, request, reply, prefix }
  }
  const refuse: RouteHandlerMethod = (request, reply) => answerOther(request, reply)

  for (const [name, command] of commands) {
    const traffic = command === uploadChunk ? 'chunks' : 'requests'
    app.post(`${prefix}/${name}`, { config: { traffic } }, (request, reply) => {
      const call = callOf(request, reply)
      return withMessage(call, members => {
        // The path has said it.
        if (nameIn(members) !== undefined && nameIn(members) !== name) throw noSuchCommand()
        return command(call, members)
      })
    })
  }
  for (const path of [prefix, `${prefix}/`]) {
    app.post(path, { config: { traffic: 'chunks' } }, (request, reply) => {
      const call = callOf(request, reply)
      return withMessage(call, members => {
        const command = commands.get(nameIn(members) ?? '')
        if (command === undefined) throw noSuchCommand()
        return command(call, members)
      })
    })
  }
  for (const path of ['uploadContent', 'uploadContent/uploadUid/:uid']) {
    app.get(`${prefix}/${path}`, (request, reply) => uploadContent(callOf(request, reply)))
    const method = [...OTHER_METHODS.filter(method => method !== 'GET'), 'POST']
    app.route({ method, url: `${prefix}/${path}`, handler: refuse })
  }
  for (const path of [...commands.keys()].map(name => `/${name}`).concat('', '/')) {
    app.route({ method: OTHER_METHODS, url: `${prefix}${path}`, handler: refuse })
  }
  app.all(`${prefix}/*`, refuse)
}

function commandsOf({ settings }: Door): ReadonlyMap<string, Command> {
  return new Map<string, Command>([
    ...settings.chunkCommands.map(name => [name, uploadChunk] as const),
    ['uploadGet', uploadGet],
    ['uploadStatus', uploadStatus],
  ])
}

function nameIn(members: Members): string | undefined {
  const member = members.get('cmd')
  return member?.kind === 'text' ? member.bytes.toString() : undefined
}

/** §1: what is neither a command nor a download. */
function answerOther(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  switch (request.method) {
    case 'HEAD':
    case 'OPTIONS':
      return reply.type('text/plain').send('')
    case 'GET':
    case 'POST':
      throw noSuchCommand()
    default:
      throw new Refusal({
        status: 405,
        info: 'method not allowed',
        headers: { allow: 'GET, HEAD, OPTIONS, POST' },
      })
  }
}

function noSuchCommand(): Refusal {
  return notFound('unknown command')
}
