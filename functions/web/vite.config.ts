// The build of the app and its dev server. `npm run build` then runs scripts/finish.mjs, which
// writes the service worker's list of files and compresses everything.
import { createHash } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { defineConfig, type Plugin } from "vite";

const root = path.dirname(fileURLToPath(import.meta.url));

/** The API, for the dev server: a running `make up`. */
const target = process.env["THALI_API"] ?? "http://localhost:8080";

/** A hash of all source files, which names the version. */
function version(): string {
  const hash = createHash("sha256");
  const visit = (folder: string): void => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const file = path.join(folder, entry.name);
      if (entry.isDirectory()) visit(file);
      else hash.update(readFileSync(file));
    }
  };
  visit(path.join(root, "src"));
  return hash.digest("hex").slice(0, 8);
}

/** Compiles the messages again when one of their files changes. */
function messages(): Plugin {
  return {
    name: "messages",
    async configureServer(server) {
      const generate = await import("./scripts/generate.mjs");
      server.watcher.add(await generate.messageFiles());
      server.watcher.on("change", (file) => {
        if (file.includes("/src/messages/")) void generate.messages();
      });
    },
  };
}

/** The app's own paths; everything else is the API's. */
const isOurs = (url: string): boolean =>
  /^\/(?:app(?:\/|$|\?)|assets\/|src\/|node_modules\/|@|manifest\.webmanifest|sw\.js|docs(?:$|\?)|index\.html|docs\.html|$|\?)/.test(
    url,
  );

export default defineConfig({
  plugins: [
    messages(),
    {
      name: "pages",
      configureServer(server) {
        server.middlewares.use((request, _response, next) => {
          const url = request.url ?? "/";
          if (/^\/docs(?:$|\?)/.test(url)) request.url = "/docs.html";
          else if (/^\/(?:app(?:\/|$|\?)|$|\?)/.test(url)) request.url = "/index.html";
          next();
        });
      },
    },
  ],
  define: { __VERSION__: JSON.stringify(version()) },
  esbuild: { jsx: "automatic", jsxImportSource: "preact" },
  server: {
    port: Number(process.env["THALI_WEB_PORT"] ?? 5173),
    proxy: {
      "^/.*": {
        target,
        bypass: (request) => (isOurs(request.url ?? "/") ? request.url : undefined),
      },
    },
  },
  build: {
    target: "es2022",
    outDir: "dist",
    assetsDir: "assets",
    // Inlined files would need `data:` in the Content-Security-Policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    manifest: true,
    rollupOptions: {
      input: ["index.html", "docs.html"],
      output: {
        // What every page needs is one file; each page, language and area's style is one more.
        manualChunks: (id) =>
          /\/src\/(?:api|ui\/(?!qr))|\/src\/app\/[\w-]+\.tsx?$|\/src\/\w+\/routes\.ts$/.test(id) ||
          /node_modules\/(?:preact|@preact|preact-iso|openapi-fetch|@messageformat)\//.test(id)
            ? "app"
            : undefined,
      },
    },
    chunkSizeWarningLimit: 2000,
  },
  test: { environment: "happy-dom", include: ["src/**/*.test.ts", "src/**/*.test.tsx"] },
} as import("vite").UserConfig);
