/**
 * Who asks (TIDEMARK_AUTH=keys), for all doors in one place. Every route needs a key unless its `config.access` says otherwise,
 * so one that forgets to speak is closed. What a route then may do is not asked here: its handler has `request.access`, the
 * engine as this principal may use it, and no other engine.
 *
 * The refusal waits for the doors' `onRequest` hooks, so that a browser gets its CORS headers with it; no body byte has been
 * asked for by then, and no `100 Continue` sent.
 */

import type { IncomingMessage } from 'node:http'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { Access } from '../engine/access.ts'
import type { Engine } from '../engine/engine.ts'
import { UploadError } from '../engine/failure.ts'
import { EVERYONE, isOperator, NOBODY, type Principal } from '../engine/principal.ts'

/**
 * Who may call a route. `public`: everyone, for it tells and does nothing that would need protection. `operator`: an `admin` of
 * the whole server. A function: everyone for whom it is true, because the request brings its right along, as a session's token.
 */
export type RouteAccess = 'public' | 'operator' | ((request: FastifyRequest) => boolean)

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Absent: whoever has a key. */
    access?: RouteAccess
  }
  interface FastifyRequest {
    /** Who asks; undefined without a key, and where none is needed. */
    principal: Principal | undefined
    /** The engine, as far as it is theirs. */
    access: Access
  }
}

/** No key, or none that is known. Answered by each door in its own form. */
export class Unauthenticated extends Error {
  override readonly name = 'Unauthenticated'
  readonly statusCode = 401
  /** They tried. */
  readonly hasCredentials: boolean

  constructor(hasCredentials: boolean) {
    super(hasCredentials ? 'invalid credentials' : 'no credentials')
    this.hasCredentials = hasCredentials
  }
}

export interface Keys {
  find(token: string): Principal | undefined
}

/** Tells who asks, before everything else. `keys` undefined: there is no authentication, and everyone may do everything. */
export function authenticate(app: FastifyInstance, engine: Engine, keys: Keys | undefined): void {
  const accessOf = accesses(engine)
  const atFirst = accessOf(keys === undefined ? EVERYONE : NOBODY)
  app.decorateRequest('principal', undefined)
  // Every request gets its own below, before anything else happens to it.
  app.decorateRequest('access', null as unknown as Access)

  app.addHook('onRequest', (request, _reply, done) => {
    request.principal = keys && principalOf(request.raw, keys)
    request.access = request.principal === undefined ? atFirst : accessOf(request.principal)
    done()
  })
  if (keys !== undefined) keepFromSharedCaches(app)
}

/**
 * RFC 9111 §3.5 keeps an answer to a request with Authorization out of shared caches, but not one to a request with x-api-key,
 * nor a 404 without either: a cache before us would hand one client's answer to the next. What an owner said of an object stays.
 */
function keepFromSharedCaches(app: FastifyInstance): void {
  app.addHook('onSend', (request, reply, payload, done) => {
    const isEverybodys = request.routeOptions.config.access === 'public'
    if (!isEverybodys && !reply.hasHeader('cache-control')) {
      reply.header('cache-control', 'private, max-age=0')
    }
    done(null, payload)
  })
}

/** Refuses who needs a key and has none. After the limits of rates: who tries keys is counted, too. */
export function demandKeys(app: FastifyInstance): void {
  app.addHook('preParsing', (request, reply, _payload, done) => {
    if (mayPass(request)) {
      done()
      return
    }
    const { principal, raw } = request
    const { authorization, 'x-api-key': apiKey } = raw.headers
    const hasCredentials = authorization !== undefined || apiKey !== undefined
    if (principal === undefined) {
      // RFC 6750 §3: an error is named only to who tried.
      const error = hasCredentials ? ', error="invalid_token"' : ''
      reply.header('www-authenticate', `Bearer realm="tidemark"${error}`)
      done(new Unauthenticated(hasCredentials))
    } else {
      done(new UploadError({ code: 'access_denied', scope: 'admin', principal: principal.name }))
    }
  })
}

function mayPass(request: FastifyRequest): boolean {
  const { principal, method, is404, routeOptions } = request
  const { access } = routeOptions.config
  // Browsers ask without credentials whether they may ask. What no route has needs no guard.
  if (is404 || access === 'public' || method === 'OPTIONS') return true
  if (access === 'operator') return principal !== undefined && isOperator(principal)
  return principal !== undefined || access?.(request) === true
}

/** A key may come as `Authorization: Bearer …` or as `x-api-key`, not as two different ones: who checks which is anyone's guess. */
function principalOf(raw: IncomingMessage, keys: Keys): Principal | undefined {
  const tokens = credentialsOf(raw)
  const [token] = tokens
  return token !== undefined && tokens.size === 1 ? keys.find(token) : undefined
}

/** From the raw headers: Node drops all but the first `Authorization`, and joins the others. */
function credentialsOf({ rawHeaders }: IncomingMessage): ReadonlySet<string> {
  const tokens = new Set<string>()
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const value = rawHeaders[at + 1] ?? ''
    const name = rawHeaders[at]?.toLowerCase()
    if (name === 'x-api-key') tokens.add(value.trim())
    // RFC 9110 §11.1: the scheme is in any case. Other schemes are somebody else's, such as a proxy's.
    if (name === 'authorization' && /^bearer\b/i.test(value)) tokens.add(value.slice(6).trim())
  }
  return tokens
}

/** One for each principal, made when it first asks. */
function accesses(engine: Engine): (principal: Principal) => Access {
  const made = new WeakMap<Principal, Access>()
  return principal => {
    const access = made.get(principal) ?? new Access(engine, principal)
    made.set(principal, access)
    return access
  }
}
