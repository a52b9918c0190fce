/**
 * The container image, run: `run.ts ROOT IMAGE_JSON`, an unpacked image and what `buildah inspect` says of it. docker/verify.sh
 * builds both and calls this. Prints what is in the image, then plays the scenes.
 */

import { readFileSync } from 'node:fs'
import { expect } from '../support/expect.ts'
import type { Image } from './container.ts'
import { checkContents, printContents } from './contents.ts'
import { SCENES } from './scenes.ts'

const [root = '', inspection = ''] = process.argv.slice(2)
const { Docker } = JSON.parse(readFileSync(inspection, 'utf8'))
const image: Image = { root, config: Docker.config }

printContents(image)
checkContents(image, expect)
for (const [name, scene] of Object.entries(SCENES)) {
  console.log(`# ${name}`)
  try {
    await scene(image, expect)
  } catch (error) {
    expect('the scene is played to its end', false, error)
  }
}
// Idle connections of the clients would hold the process.
process.exit()
