// SPDX-License-Identifier: LGPL-2.1-or-later
// CommonJS modules of build-npm in a page, as they are, without a bundler: files are fetched when they are
// required, synchronously, which is good enough on loopback.

const root = '/build-npm/node_modules/';
const modules = new Map(); // by URL

function text(url) {
  const r = new XMLHttpRequest();
  r.open('GET', url, false);
  r.send();
  return r.status === 200 ? r.responseText : undefined;
}

// [its URL, its text]
function find(name, from) {
  const path = name.startsWith('.') || name.startsWith('/') ? name : root + name;
  const url = new URL(path, new URL(from, location)).pathname;
  for (const tried of url.endsWith('.js') ? [url] : [`${url}.js`, `${url}/index.js`]) {
    const source = modules.has(tried) ? '' : text(tried);
    if (source !== undefined)
      return [tried, source];
  }
  const main = JSON.parse(text(`${url}/package.json`) ?? '{}').main;
  if (!main)
    throw new Error(`no module ${name} for ${from} (tests/tools/install-npm)`);
  return find(`./${main}`, `${url}/`);
}

export function require(name, from = root) {
  const [url, source] = find(name, from);
  if (!modules.has(url)) {
    const module = { exports: {} };
    modules.set(url, module);
    new Function('require', 'module', 'exports', `${source}\n//# sourceURL=${url}`)(
      (other) => require(other, url), module, module.exports);
  }
  return modules.get(url).exports;
}
