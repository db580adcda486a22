// SPDX-License-Identifier: LGPL-2.1-or-later
// Debian's Chromium, without a screen and with a camera and a microphone of its own, driven by lines.
//
//   chromium.js [--no-camera] FLAG...   without it pages that ask for a camera get one
//
// In:  `NUMBER COMMAND PAGE SIZE\n` and so many bytes of text. Commands: open (the text is its URL), run (an
//      expression, which may be a promise), reload, screenshot (to this file), close, and end, for the browser.
// Out: `NUMBER ok|error SIZE\n` and so many bytes: what the expression is, strings as they are and all else as JSON.
'use strict';
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const { chromium } = require(path.join(process.env.REACH_NPM_DIR ?? __dirname,
  'node_modules/playwright-core'));
const flags = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync',
  '--autoplay-policy=no-user-gesture-required', '--use-fake-device-for-media-stream'];
if (process.argv[2] !== '--no-camera')
  flags.push('--use-fake-ui-for-media-stream');
flags.push(...process.argv.slice(2));
const profile = fs.mkdtempSync(path.join(os.tmpdir(), 'reach-chromium-'));
const pages = new Map();
const console_ = new Map(); // what pages have said, for whoever reads why a test has failed
let context;

async function begin() {
  context = await chromium.launchPersistentContext(profile,
    { executablePath: '/usr/bin/chromium', headless: true, args: flags });
}

async function end() {
  await context?.close();
  fs.rmSync(profile, { recursive: true, force: true });
  process.exit(0);
}

async function open(name, url) {
  await pages.get(name)?.close();
  const page = await context.newPage();
  const said = [];
  page.on('console', (m) => said.push(m.text()));
  page.on('pageerror', (e) => said.push(String(e)));
  pages.set(name, page);
  console_.set(name, said);
  await page.goto(url);
  return '';
}

const commands = {
  open,
  async run(name, text) {
    const value = await pages.get(name).evaluate(text);
    return typeof value === 'string' ? value : JSON.stringify(value) ?? '';
  },
  async reload(name) {
    await pages.get(name).reload();
    return '';
  },
  async screenshot(name, file) {
    await pages.get(name).screenshot({ path: file });
    return '';
  },
  async close(name) {
    await pages.get(name)?.close();
    pages.delete(name);
    return '';
  },
  end,
};

function answer(number, how, text) {
  const bytes = Buffer.from(text);
  process.stdout.write(`${number} ${how} ${bytes.length}\n`);
  process.stdout.write(bytes);
}

async function obey(number, command, name, text, ready) {
  try {
    await ready;
    answer(number, 'ok', await commands[command](name, text));
  } catch (error) {
    answer(number, 'error', [error.message, ...(console_.get(name) ?? [])].join('\n'));
  }
}

const ready = begin();
let read = Buffer.alloc(0);
process.stdin.on('data', (bytes) => {
  read = Buffer.concat([read, bytes]);
  for (;;) {
    const line = read.indexOf(10);
    if (line < 0)
      return;
    const [number, command, name, size] = read.subarray(0, line).toString().split(' ');
    const last = line + 1 + Number(size);
    if (read.length < last)
      return;
    const text = read.subarray(line + 1, last).toString();
    read = read.subarray(last);
    obey(number, command, name, text, ready);
  }
});
process.stdin.on('end', end);
