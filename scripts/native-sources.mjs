// Prints the C++ sources of the addon for binding.gyp: everything below native/ but tests and fuzz targets.
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../native/', import.meta.url));

export function nativeSources(wanted = (file) => !/(_test|_fuzz)\.cc$/.test(file)) {
  return readdirSync(root, { recursive: true })
    .map(String)
    .filter((file) => file.endsWith('.cc') && wanted(file))
    .sort()
    .map((file) => `native/${file}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(nativeSources().join('\n'));
