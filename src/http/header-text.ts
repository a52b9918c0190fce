/** What owners of objects wrote, as it may go into a header. */

/** Metadata is any text. In a header it is UTF-8 (gcs.md §7), which Node wants as Latin-1, and control characters would end it. */
export function headerText(text: string): string {
  return Buffer.from(text.replaceAll(/\p{Cc}/gu, ' '), 'utf8').toString('latin1')
}
