import { MurkyError } from '../../errors.js';

/**
 * Lets text through to a terminal and refuses anything else before it is shown: what is not UTF-8, and control
 * characters, which a terminal obeys (ECMA-48), but for tab, line feed and carriage return.
 */
export async function* refuseBinary(body: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  for await (const chunk of body) yield checked(() => decoder.decode(chunk, { stream: true }));
  yield checked(() => decoder.decode());
}

function checked(decode: () => string): string {
  const refusal = new MurkyError('MURKY_BAD_USAGE', 'The object is not plain text and would garble the terminal.', {
    hint: 'Write it to a file with -o FILE, or insist with --force.',
  });
  let text: string;
  try {
    text = decode();
  } catch {
    throw refusal;
  }
  if (/[^\P{Cc}\t\n\r]/u.test(text)) throw refusal;
  return text;
}
