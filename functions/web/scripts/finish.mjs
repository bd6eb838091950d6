// The second half of `npm run build`: builds the service worker with its list of files, compresses
// every file with brotli and gzip, and checks the budgets.
import { createHash } from "node:crypto";
import { readFile, readdir, rm, stat, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import path from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";
import { build } from "vite";

const web = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const dist = path.join(web, "dist");

/** Compressed bytes of the first load: the page, its scripts and styles, and one language. */
const FIRST_LOAD_BYTES_MAX = 100_000;
/** Compressed bytes of any other file that pages load, decoders and the API's viewer apart. */
const CHUNK_BYTES_MAX = 60_000;
const APART = /^assets\/(?:docs-|zxing)|\.wasm$/;

/** What is kept only once it is used. */
const LARGE = /\.wasm$/;
/** What no device keeps: the API's viewer, and pictures for home screens. */
const NOT_KEPT = /^(?:docs\.html|sw\.js)$|^assets\/docs-|^assets\/icons\/.*\.png$|^\.vite\/|\.map$/;

async function filesBelow(folder, prefix = "") {
  const names = [];
  for (const entry of await readdir(path.join(folder, prefix), { withFileTypes: true })) {
    const name = prefix ? `${prefix}/${entry.name}` : entry.name;
    if (entry.isDirectory()) names.push(...(await filesBelow(folder, name)));
    else names.push(name);
  }
  return names.sort();
}

/** What the build has named; the icons have names that stay. */
const isHashed = (name) => /^assets\/[^/]+$/.test(name);

async function revision(name) {
  const bytes = await readFile(path.join(dist, name));
  return createHash("sha256").update(bytes).digest("hex").slice(0, 16);
}

async function serviceWorker(names) {
  const page = await revision("index.html");
  const kept = [
    // One page, under each of the addresses that have headers of their own.
    { url: "/", revision: page },
    { url: "/app/counter", revision: page },
  ];
  for (const name of names) {
    if (name === "index.html" || NOT_KEPT.test(name) || LARGE.test(name)) continue;
    kept.push({ url: `/${name}`, revision: isHashed(name) ? null : await revision(name) });
  }
  const large = names.filter((name) => LARGE.test(name)).map((name) => `/${name}`);
  await build({
    configFile: false,
    root: web,
    logLevel: "warn",
    publicDir: false,
    define: {
      __KEPT__: JSON.stringify(kept),
      __KEPT_WHEN_USED__: JSON.stringify(large),
      "process.env.NODE_ENV": '"production"',
    },
    build: {
      target: "es2022",
      outDir: dist,
      emptyOutDir: false,
      lib: { entry: "src/sw/sw.ts", formats: ["iife"], name: "sw", fileName: () => "sw.js" },
    },
  });
}

async function compress(name) {
  const bytes = await readFile(path.join(dist, name));
  if (/\.(?:png|jpg|webp|woff2)$/.test(name)) return;
  const brotli = await promisify(brotliCompress)(bytes, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: 11,
      [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
    },
  });
  await writeFile(path.join(dist, `${name}.br`), brotli);
  await writeFile(path.join(dist, `${name}.gz`), await promisify(gzip)(bytes, { level: 9 }));
}

/** The files that the browser loads for a page's entry before anything is drawn. */
function staticallyLoaded(manifest, entry) {
  const found = new Set();
  const visit = (key) => {
    const chunk = manifest[key];
    if (!chunk || found.has(chunk.file)) return;
    found.add(chunk.file);
    for (const style of chunk.css ?? []) found.add(style);
    for (const each of chunk.imports ?? []) visit(each);
  };
  visit(entry);
  return [...found];
}

const transferred = async (name) =>
  (await stat(path.join(dist, `${name}.br`)).catch(() => stat(path.join(dist, name)))).size;

async function budgets(names) {
  const manifest = JSON.parse(await readFile(path.join(dist, ".vite/manifest.json"), "utf8"));
  const language = Object.values(manifest).find((chunk) => chunk.name === "common.hi");
  const first = [
    "index.html",
    ...staticallyLoaded(manifest, "index.html"),
    ...(language ? [language.file] : []),
  ];
  let firstLoad = 0;
  for (const name of first) firstLoad += await transferred(name);
  const over = firstLoad > FIRST_LOAD_BYTES_MAX ? [`the first load has ${firstLoad} bytes`] : [];
  const lines = [];
  for (const name of names) {
    const size = await transferred(name);
    lines.push(`${String(size).padStart(8)}  ${name}`);
    if (size > CHUNK_BYTES_MAX && !APART.test(name)) over.push(`${name} has ${size} bytes`);
  }
  await writeFile(path.join(dist, ".vite/sizes.txt"), `${lines.join("\n")}\n`);
  console.log(`first load: ${firstLoad} of ${FIRST_LOAD_BYTES_MAX} bytes in ${first.length} files`);
  if (over.length > 0) throw new Error(`too large, compressed:\n  ${over.join("\n  ")}`);
}

await serviceWorker(await filesBelow(dist));
const names = (await filesBelow(dist)).filter((name) => !name.startsWith(".vite/"));
await Promise.all(names.map(compress));
await budgets(names);
// What is packed is what is served.
if (!process.env["THALI_WEB_KEEP_MANIFEST"]) {
  await rm(path.join(dist, ".vite/manifest.json"));
}
