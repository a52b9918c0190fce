/**
 * `/retry_test` (gcs.md §18): faults on demand, as Google's storage-testbench has them, so that its clients' own suites, and
 * anybody's recovery, can be tested. Only with TIDEMARK_FAULTS=on; without it nothing of this file is in the way of a request.
 */

import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Query } from '../../http/query.ts'
import { type Door, sendJson } from './door.ts'
import { answerError } from './errors.ts'
import { meetAnswer, meetRequest } from './fault-injection.ts'
import { type PlannedFault, RetryTests } from './fault-plan.ts'
import { readJsonObject } from './json-body.ts'
import { invalid } from './refusal.ts'
import { retryMethodOf } from './retry-method.ts'

declare module 'fastify' {
  interface FastifyRequest {
    plannedFault: PlannedFault | undefined
  }
}

/** On the root, and before the hooks that deal with an answer as it is. */
export function retryTest(app: FastifyInstance, door: Door): void {
  const tests = new RetryTests()
  serveTests(app, door, tests)
  app.decorateRequest('plannedFault', undefined)

  // After the doors' own onRequest hooks: an injected error has its CORS headers like any other.
  app.addHook('preHandler', (request, reply, done) => {
    try {
      const planned = plannedFor(request, tests)
      request.plannedFault = planned
      if (planned === undefined || meetRequest(planned, request, reply)) done()
    } catch (error) {
      done(error as Error)
    }
  })

  app.addHook('onSend', (request, reply, payload, done) => {
    const { plannedFault } = request
    if (plannedFault === undefined) done(null, payload)
    else done(null, meetAnswer(plannedFault, request, reply, payload))
  })
}

/** The testbench's own paths; it has the list at two of them. */
function serveTests(app: FastifyInstance, door: Door, tests: RetryTests): void {
  // A list of everybody's.
  const options = { errorHandler: answerError, config: { access: 'operator' } } as const
  app.post('/retry_test', options, async (request, reply) => {
    const query = request.query as Query
    const engine = request.access
    const asked = await readJsonObject({ door, engine, request, reply, query })
    const { instructions, transport = 'HTTP' } = asked
    if (!/^(?:http|json)$/i.test(String(transport))) {
      throw invalid(`Invalid argument: no faults for the transport ${transport}.`)
    }
    return sendJson(reply, tests.resource(tests.create(instructions)), undefined)
  })
  for (const path of ['/retry_test', '/retry_tests']) {
    app.get(path, options, (_request, reply) =>
      sendJson(reply, { retry_test: tests.resources() }, undefined),
    )
  }
  app.get('/retry_test/:id', options, (request, reply) =>
    sendJson(reply, tests.resource(idOf(request)), undefined),
  )
  app.delete('/retry_test/:id', options, (request, reply) => {
    tests.delete(idOf(request))
    return reply.send()
  })
}

function idOf({ params }: FastifyRequest): string {
  return (params as { readonly id: string }).id
}

function plannedFor(request: FastifyRequest, tests: RetryTests): PlannedFault | undefined {
  const id = request.headers['x-retry-test-id']
  const method = id === undefined ? undefined : retryMethodOf(request)
  return method === undefined ? undefined : tests.next(String(id), method)
}
