// Builds the pages and the C file that carries them:
//   build.mjs SOURCE_DIR WORK_DIR OUTPUT.c
// Nothing is written below SOURCE_DIR. The packages of the lock file are installed into WORK_DIR
// once, and again only when the lock file changed, so that later builds need no network.

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import zlib from 'node:zlib';

const [sourceDir, workDir, output] = process.argv.slice(2).map((p) => path.resolve(p));
const pages = ['watch', 'home', 'missing'];

function fail(message) {
  console.error(`web pages: ${message}`);
  process.exit(1);
}

function installPackages() {
  const stamp = path.join(workDir, 'node_modules', '.souk-lock');
  const lock = fs.readFileSync(path.join(sourceDir, 'package-lock.json'));
  const wanted = createHash('sha256').update(lock).update(process.platform + process.arch);
  const digest = wanted.digest('hex');
  if (fs.existsSync(stamp) && fs.readFileSync(stamp, 'utf8') === digest) return;

  fs.mkdirSync(workDir, { recursive: true });
  for (const name of ['package.json', 'package-lock.json']) {
    fs.copyFileSync(path.join(sourceDir, name), path.join(workDir, name));
  }
  // esbuild's own install script only checks what npm has already put there, so none needs to run.
  const npm = spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'],
    { cwd: workDir, encoding: 'utf8' });
  if (npm.error) fail(`cannot run npm: ${npm.error.message} (tools/install build)`);
  if (npm.status !== 0) fail(`npm ci failed in ${workDir}\n${npm.stdout}${npm.stderr}`);
  fs.writeFileSync(stamp, digest);
}

function bundle(esbuild, entry) {
  const built = esbuild.buildSync({
    entryPoints: [entry],
    bundle: true,
    minify: true,
    write: false,
    charset: 'utf8',
    target: ['chrome111', 'firefox113', 'safari16.4'],
    format: 'iife',
    nodePaths: [path.join(workDir, 'node_modules')],
    legalComments: 'none',
    logLevel: 'error',
    logLimit: 5,
  });
  return built.outputFiles[0].text.trim();
}

// The scripts stand inside the page: an end tag in one of their strings would end them early.
const embeddable = (text) => text.replace(/<\/(script|style)/gi, '<\\/$1').replace(/<!--/g, '<\\!--');
const cspHash = (text) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

function buildPage(esbuild, name) {
  const dir = path.join(sourceDir, name);
  const script = path.join(dir, 'main.js');
  const css = bundle(esbuild, path.join(dir, `${name}.css`));
  const js = fs.existsSync(script) ? embeddable(bundle(esbuild, script)) : '';
  const html = fs.readFileSync(path.join(dir, `${name}.html`), 'utf8')
    .replace(/\n\s*/g, '\n')
    .replace('<!--style-->', () => `<style>${css}</style>`)
    .replace('<!--script-->', () => (js ? `<script>${js}</script>` : ''));
  return {
    name,
    type: 'text/html; charset=utf-8',
    body: Buffer.from(html),
    style: cspHash(css),
    script: js ? cspHash(js) : "'none'",
  };
}

function buildIcon() {
  const body = fs.readFileSync(path.join(sourceDir, 'shared', 'icon.svg'));
  return { name: 'icon', type: 'image/svg+xml', body, style: "'unsafe-inline'", script: "'none'" };
}

function cArray(name, bytes) {
  const lines = [];
  for (let i = 0; i < bytes.length; i += 32) lines.push(bytes.subarray(i, i + 32).join(','));
  return `static const uint8_t ${name}[] = {\n${lines.join(',\n')}\n};\n`;
}

function cPage(page) {
  const gzip = zlib.gzipSync(page.body, { level: 9 });
  const etag = createHash('sha256').update(page.body).digest('hex').slice(0, 20);
  return `${cArray(`${page.name}_body`, page.body)}${cArray(`${page.name}_gzip`, gzip)}
const struct web_page web_page_${page.name} = {
\t.type = "${page.type}",
\t.body = ${page.name}_body,
\t.body_len = sizeof ${page.name}_body,
\t.gzip = ${page.name}_gzip,
\t.gzip_len = sizeof ${page.name}_gzip,
\t.etag = "\\"${etag}\\"",
\t.style_source = "${page.style}",
\t.script_source = "${page.script}",
};
`;
}

installPackages();
const esbuild = createRequire(path.join(workDir, 'package.json'))('esbuild');
const built = [...pages.map((name) => buildPage(esbuild, name)), buildIcon()];
fs.writeFileSync(output, `#include "web_pages.h"\n\n${built.map(cPage).join('\n')}`);
for (const page of built) fs.writeFileSync(path.join(workDir, `${page.name}.out`), page.body);
