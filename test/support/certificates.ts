/**
 * Certificates for a test's own TLS: an authority, and who it vouches for. Made anew in every run, so that no key lies in the
 * repository. RSA, because old clients need it (dxl.md §5.4); Node makes the keys, which is quick, and forge the certificates,
 * which Node cannot.
 */

import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import forge from 'node-forge'

const DAY_MS = 86_400_000

/** PEM. */
export interface Certified {
  readonly key: string
  readonly cert: string
}

export class Authority {
  readonly #name: string
  readonly #own: Certified

  constructor(name = 'Tidemark test authority') {
    this.#name = name
    this.#own = certify(name, name, undefined)
  }

  get cert(): string {
    return this.#own.cert
  }

  issue(name: string): Certified {
    return certify(name, this.#name, this.#own)
  }
}

/** Writes them beside each other: `{name}.key`, `{name}.crt`. */
export function writeCertified(directory: string, name: string, { key, cert }: Certified) {
  const paths = { key: join(directory, `${name}.key`), cert: join(directory, `${name}.crt`) }
  writeFileSync(paths.key, key)
  writeFileSync(paths.cert, cert)
  return paths
}

function certify(name: string, issuer: string, by: Certified | undefined): Certified {
  const { privateKey: key } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
  })
  const own = forge.pki.privateKeyFromPem(key)
  const certificate = forge.pki.createCertificate()
  certificate.publicKey = forge.pki.setRsaPublicKey(own.n, own.e)
  // Positive, and without a needless zero in front, which OpenSSL does not read.
  certificate.serialNumber = `01${randomBytes(8).toString('hex')}`
  certificate.validity.notBefore = new Date(Date.now() - DAY_MS)
  certificate.validity.notAfter = new Date(Date.now() + DAY_MS)
  certificate.setSubject([{ name: 'commonName', value: name }])
  certificate.setIssuer([{ name: 'commonName', value: issuer }])
  if (by === undefined) certificate.setExtensions([{ name: 'basicConstraints', cA: true }])
  certificate.sign(
    by === undefined ? own : forge.pki.privateKeyFromPem(by.key),
    forge.md.sha256.create(),
  )
  return { key, cert: forge.pki.certificateToPem(certificate) }
}
