/**
 * openapi-typescript by its API, not its command, for one thing: bodies of bytes are Blobs, which fetch takes, not strings.
 */

import { writeFileSync } from 'node:fs'
import openapiTS, { astToString } from 'openapi-typescript'
import ts from 'typescript'

const [document, target] = process.argv.slice(2)
const blob = ts.factory.createTypeReferenceNode('Blob')
const ast = await openapiTS(new URL(`file://${document}`), {
  transform: schema => (schema.format === 'binary' ? blob : undefined),
})
writeFileSync(target, astToString(ast))
