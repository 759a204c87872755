// The text of a section, rebuilt element by element from a short list of names. The text is XHTML made by the service; it is
// read here as if it were not: whatever is not on the list stays text, no attribute passes but a cell's scope, and nothing
// is handed to a parser of markup.

import { el, stacked } from './dom.js';

const NAMES = new Set(['p', 'table', 'caption', 'thead', 'tbody', 'tr', 'th', 'td', 'ul', 'ol', 'li', 'b', 'strong', 'i', 'em']);
const ENTITIES = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
const TOKEN = /<(\/?)([a-z][a-z0-9]*)((?:\s+[a-z:]+="[^"<]*")*)\s*(\/?)>|([^<]+)|(<)/gi;

function plain(text) {
  return text.replace(/&(?:#x([0-9a-f]{1,6})|#(\d{1,7})|(\w{2,6}));/gi, (whole, hex, decimal, name) => {
    if (name) return Object.hasOwn(ENTITIES, name) ? ENTITIES[name] : whole;
    const point = hex ? parseInt(hex, 16) : Number(decimal);
    return point > 0 && point <= 0x10ffff ? String.fromCodePoint(point) : whole;
  });
}

/** The text as elements. `title` is the heading above it: a caption that says the same is for those who listen alone. */
export function narrative(div, title) {
  const root = el('div', { class: 'narrative' });
  const open = [[null, root]];
  const top = () => open[open.length - 1][1];
  for (const [, close, tag, attributes, empty, text, stray] of String(div).matchAll(TOKEN)) {
    const name = tag && tag.toLowerCase();
    if (text !== undefined) {
      top().append(document.createTextNode(plain(text)));
    } else if (stray) {
      top().append(document.createTextNode('<'));
    } else if (NAMES.has(name)) {
      if (close) {
        const at = open.findLastIndex(([one]) => one === name);
        if (at > 0) open.length = at;
      } else {
        const scope = /\bscope="(row|col)"/.exec(attributes);
        const made = el(name, scope ? { scope: scope[1] } : {});
        top().append(made);
        if (!empty) open.push([name, made]);
      }
    }
  }
  root.querySelectorAll('table').forEach((one) => dress(one, title));
  return root;
}

function dress(table, title) {
  const caption = table.querySelector('caption');
  if (caption && caption.textContent === title) caption.className = 'unseen';
  if (table.querySelector('thead')) stacked(table);
  else table.classList.add('pairs');
}
