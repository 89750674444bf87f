/** Prints one Markdown table, behind an empty line. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): void {
  console.log(`\n| ${head.join(' | ')} |\n|${' --- |'.repeat(head.length)}`);
  for (const row of rows) console.log(`| ${row.join(' | ')} |`);
}

/** .917 for 0.9171. */
export const share = (value: number): string => value.toFixed(3).replace(/^0/, '');
export const percent = (value: number): string => `${(value * 100).toFixed(2)} %`;
export const milliseconds = (value: number): string => `${value.toFixed(value < 100 ? 1 : 0)} ms`;
