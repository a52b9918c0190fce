/** What a request is answered with (dxl.md §5.3): its own ids, turned round. */

import { randomUUID } from 'node:crypto'
import { type DxlRequest, encodeMessage } from './message.ts'

/** The service is not there: the fabric's own code. Whatever goes wrong within the store has code 0. */
export const SERVICE_UNAVAILABLE = 0x8000_0001
export const OVERLOADED = 0x8000_0002

export function responseTo(request: DxlRequest, payload: Buffer): Buffer {
  return encodeMessage({ ...envelope(request), type: 'response', payload })
}

export function errorTo(request: DxlRequest, errorCode: number, errorMessage: string): Buffer {
  const payload = Buffer.alloc(0)
  return encodeMessage({ ...envelope(request), type: 'error', payload, errorCode, errorMessage })
}

export function unavailable(request: DxlRequest): Buffer {
  return errorTo(request, SERVICE_UNAVAILABLE, 'unable to locate service for request')
}

function envelope({ version, messageId, serviceId, sourceClientId, sourceBrokerId }: DxlRequest) {
  return {
    version,
    messageId: `{${randomUUID()}}`,
    sourceClientId: '',
    sourceBrokerId: '',
    brokerIds: sourceBrokerId === '' ? [] : [sourceBrokerId],
    clientIds: sourceClientId === '' ? [] : [sourceClientId],
    requestId: messageId,
    serviceId,
    otherFields: new Map<string, string>(),
    sourceTenant: '',
    destinationTenants: [],
  }
}
