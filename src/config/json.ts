const MAX_DEPTH = 100;

const WORD = /true|false|null/y;
const NUMBER = /-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/y;
// biome-ignore lint/suspicious/noControlCharactersInRegex: RFC 8259 section 7 forbids them unescaped
const CHARACTERS = /[^"\\\u0000-\u001f]+|\\(["\\/bfnrt]|u[0-9a-fA-F]{4})/y;

export interface JsonMistake {
  /** Both from 1; the column counts UTF-16 units, as editors do. */
  readonly line: number;
  readonly column: number;
  /** Completes "line 3, column 5: …". */
  readonly what: string;
}

/**
 * Parses JSON (RFC 8259), or says where it goes wrong. JSON.parse alone does not do: what it tells of the place
 * differs between Node versions, and some of its messages have none.
 */
export function parseJson(text: string): { value: unknown } | { mistake: JsonMistake } {
  // RFC 8259 section 8.1: a parser may ignore a byte order mark; editors on Windows write one.
  const json = text.startsWith('\uFEFF') ? text.slice(1) : text;
  const scan = new Scan(json);
  try {
    scan.document();
  } catch (error) {
    if (!(error instanceof Wrong)) throw error;
    const before = json.slice(0, scan.at);
    const lineStart = before.lastIndexOf('\n') + 1;
    return {
      mistake: { line: before.split('\n').length, column: scan.at - lineStart + 1, what: error.message },
    };
  }
  return { value: JSON.parse(json) as unknown };
}

class Wrong extends Error {}

/** A recogniser: walks the text and throws at the first character that cannot be. */
class Scan {
  at = 0;
  constructor(private readonly text: string) {}

  document(): void {
    this.space();
    this.value(0);
    this.space();
    if (this.at < this.text.length) throw this.wrong('the end of the file');
  }

  private wrong(expected: string): Wrong {
    const found = this.text.codePointAt(this.at);
    if (found === undefined) return new Wrong(`the file ends where ${expected} should be`);
    if (this.text.startsWith('//', this.at) || this.text.startsWith('/*', this.at) || this.text[this.at] === '#') {
      return new Wrong('JSON has no comments');
    }
    return new Wrong(`found ${JSON.stringify(String.fromCodePoint(found))} where ${expected} should be`);
  }

  private space(): void {
    while (' \t\r\n'.includes(this.text[this.at] ?? 'end')) this.at++;
  }

  private match(pattern: RegExp): boolean {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (found !== null) this.at = pattern.lastIndex;
    return found !== null;
  }

  private value(depth: number): void {
    if (depth > MAX_DEPTH) throw new Wrong(`nested more than ${MAX_DEPTH} deep`);
    const first = this.text[this.at];
    if (first === '{') this.list('}', depth, () => this.member(depth));
    else if (first === '[') this.list(']', depth, () => this.value(depth + 1));
    else if (first === '"') this.string('a value');
    else if (!this.match(WORD) && !this.match(NUMBER)) throw this.wrong('a value');
  }

  private list(close: string, depth: number, item: () => void): void {
    if (depth > MAX_DEPTH) throw new Wrong(`nested more than ${MAX_DEPTH} deep`);
    this.at++;
    this.space();
    if (this.text[this.at] === close) {
      this.at++;
      return;
    }
    for (;;) {
      item();
      this.space();
      const next = this.text[this.at];
      if (next !== ',' && next !== close) throw this.wrong(`a comma or ${close}`);
      this.at++;
      if (next === close) return;
      const comma = this.at - 1;
      this.space();
      if (this.text[this.at] === close) {
        this.at = comma;
        throw new Wrong(`a comma before ${close} is not allowed`);
      }
    }
  }

  private member(depth: number): void {
    this.string('a name in double quotes');
    this.space();
    if (this.text[this.at] !== ':') throw this.wrong('a colon');
    this.at++;
    this.space();
    this.value(depth + 1);
  }

  private string(expected: string): void {
    if (this.text[this.at] !== '"') throw this.wrong(expected);
    const start = this.at++;
    while (this.match(CHARACTERS));
    const next = this.text[this.at];
    if (next === '"') {
      this.at++;
    } else if (next === '\\') {
      throw new Wrong('this escape is not known to JSON; a backslash itself is written \\\\');
    } else {
      this.at = start;
      throw new Wrong('a text is not closed on its line');
    }
  }
}
