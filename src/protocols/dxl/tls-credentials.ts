/** Key, certificate and CA of the MQTT listener, from their files. All that is wrong with them is said at once. */

import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createSecureContext } from 'node:tls'

/** PEM. Whoever has a certificate of the CA is a client. */
export interface TlsCredentials {
  readonly key: Buffer
  readonly cert: Buffer
  readonly ca: Buffer
}

/** Rejects with one line for each file that is no good; `names` is what the operator calls them. */
export async function readCredentials(
  paths: Readonly<Record<keyof TlsCredentials, string>>,
  names: Readonly<Record<keyof TlsCredentials, string>>,
): Promise<TlsCredentials> {
  const mistakes: string[] = []
  const read = async (which: keyof TlsCredentials): Promise<Buffer> => {
    try {
      return await readFile(paths[which])
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      mistakes.push(`${names[which]}=${JSON.stringify(paths[which])} cannot be read: ${code}`)
      return Buffer.alloc(0)
    }
  }
  const [key, cert, ca] = await Promise.all([read('key'), read('cert'), read('ca')])
  if (mistakes.length === 0) mistakes.push(...mismatches({ key, cert, ca }, names))
  if (mistakes.length > 0) throw new Error(mistakes.join('\n'))
  return { key, cert, ca }
}

/** TLS 1.2 as DXL's clients speak it encrypts to the broker's key, which only RSA can do (dxl.md §5.4). */
export function worksWithOldTls({ cert }: TlsCredentials): boolean {
  return new X509Certificate(cert).publicKey.asymmetricKeyType === 'rsa'
}

/** The certificate's own name; empty where it has none. */
export function commonNameOf({ cert }: TlsCredentials): string {
  const { CN = '' } = new X509Certificate(cert).toLegacyObject().subject
  return typeof CN === 'string' ? CN : ''
}

function mismatches(
  { key, cert, ca }: TlsCredentials,
  names: Readonly<Record<keyof TlsCredentials, string>>,
): string[] {
  const fails = (work: () => unknown): boolean => {
    try {
      work()
      return false
    } catch {
      return true
    }
  }
  if (fails(() => new X509Certificate(cert))) return [`${names.cert} is no certificate in PEM`]
  if (fails(() => new X509Certificate(ca))) return [`${names.ca} is no certificate in PEM`]
  if (fails(() => createSecureContext({ key, cert }))) {
    return [`${names.key} is not the key of the certificate in ${names.cert}`]
  }
  return []
}
