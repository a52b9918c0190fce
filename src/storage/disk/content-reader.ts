/**
 * Content read back, extent after extent. One piece is read ahead while the consumer is busy with the one before it. A
 * blob that ends before its extent does is a broken promise and is reported as such (design P2).
 */

import { crc32c } from '@node-rs/crc32'
import { UploadError } from '../../engine/failure.ts'
import type { Extent } from '../../engine/ports.ts'
import type { BlobDirectory } from './blob-directory.ts'
import { fail } from './faults.ts'
import { O_RDONLY, type OpenFile } from './files.ts'

type Slice = Omit<Extent, 'crc32c'>

const PIECE = 512 * 1024

export async function* readContent(
  content: readonly Slice[],
  directory: BlobDirectory,
): AsyncGenerator<Buffer, void, undefined> {
  for (const slice of content) {
    if (slice.length > 0) yield* readSlice(slice, directory)
  }
}

export async function checksum(slice: Slice, directory: BlobDirectory): Promise<number> {
  let crc = 0
  for await (const bytes of readContent([slice], directory)) crc = crc32c(bytes, crc)
  return crc
}

async function* readSlice(slice: Slice, directory: BlobDirectory): AsyncGenerator<Buffer> {
  const { blob, start, length } = slice
  const file = await directory.open(blob, O_RDONLY).catch(fail)
  if (file === undefined) throw new UploadError({ code: 'blob_short', blob })
  const end = start + length
  const pieceAt = (position: number) => readPiece(file, position, Math.min(PIECE, end - position))
  let ahead = pieceAt(start)
  try {
    for (let position = start; position < end; ) {
      const bytes = await ahead.catch(fail)
      if (bytes.length === 0) throw new UploadError({ code: 'blob_short', blob })
      position += bytes.length
      if (position < end) {
        ahead = pieceAt(position)
        // Its error is for whoever asks for the next piece; if nobody does, for nobody.
        ahead.catch(() => {})
      }
      yield bytes
    }
  } finally {
    // The consumer may have stopped with a read under way.
    await ahead.catch(() => {})
    await file.close()
  }
}

async function readPiece(file: OpenFile, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafeSlow(length)
  const { bytesRead } = await file.read(buffer, 0, length, position)
  return buffer.subarray(0, bytesRead)
}
