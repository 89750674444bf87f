import { stripVTControlCharacters } from 'node:util';

/** Columns padded to the widest cell, two spaces between; cells may hold colours. `right` lists right-aligned columns. */
export function table(rows: readonly (readonly string[])[], right: readonly number[] = []): string {
  const width = (cell: string) => stripVTControlCharacters(cell).length;
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, width(cell));
  }
  const pad = (cell: string, column: number) => {
    const room = ' '.repeat((widths[column] ?? 0) - width(cell));
    return right.includes(column) ? room + cell : cell + room;
  };
  return rows.map((row) => `${row.map(pad).join('  ').trimEnd()}\n`).join('');
}
