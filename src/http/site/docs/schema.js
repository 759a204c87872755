// The document's schemas as people read them, and bodies to begin with.

import { el, fill, stacked, table } from './dom.js';

/** What a reference of the document leads to. */
export function follow(doc, value) {
  const reference = value && value.$ref;
  if (!reference) return value || {};
  return reference.replace(/^#\//, '').split('/').reduce((at, step) => (at || {})[step.replace(/~1/g, '/')], doc) || {};
}

const nameOf = (schema) => String((schema && schema.$ref) || '').split('/').pop();

/** A type in words, such as `list of Coding`. */
export function typeOf(schema) {
  if (!schema) return 'anything';
  if (schema.$ref) return nameOf(schema);
  if (schema.type === 'array') return 'list of ' + typeOf(schema.items);
  if (schema.enum) return (schema.enum.length > 1 ? 'one of ' : 'always ') + schema.enum.join(', ');
  const among = schema.oneOf || schema.anyOf || schema.allOf;
  if (among) return among.map(typeOf).join(' or ');
  return Array.isArray(schema.type) ? schema.type.join(' or ') : schema.type || 'anything';
}

function limits(schema) {
  return [schema.description, schema.format && 'format ' + schema.format, schema.pattern && 'pattern ' + schema.pattern,
    schema.minimum !== undefined && 'at least ' + schema.minimum, schema.maximum !== undefined && 'at most ' + schema.maximum,
  ].filter(Boolean).join('; ');
}

/** Details whose inside is made when they are first opened. */
export function later(summary, make, attributes = {}) {
  const inside = el('div', { class: 'inside' });
  const made = el('details', attributes, el('summary', {}, summary), inside);
  made.addEventListener('toggle', () => {
    if (made.open && !inside.hasChildNodes()) fill(inside, make());
  });
  return made;
}

/** The members of a schema, those of its parts on demand. */
export function structure(doc, schema, depth = 0) {
  const found = follow(doc, schema);
  if (found.type === 'array' && !schema.$ref) return structure(doc, found.items, depth);
  const members = Object.entries(found.properties || {});
  const name = nameOf(schema) || 'Members';
  if (!members.length) return el('p', {}, name === 'Members' ? typeOf(found) : name, limits(found) ? ': ' + limits(found) : '');
  const needed = found.required || [];
  const cells = members.map(([member, one]) => [el('code', {}, member), typeOf(one), needed.includes(member) ? 'yes' : 'no', limits(one)]);
  const parts = new Map();
  for (const [, one] of members) {
    const part = one.type === 'array' ? one.items : one;
    if (part && part.$ref && follow(doc, part).properties) parts.set(nameOf(part), part);
  }
  return [rows(name, ['Member', 'Type', 'Required', 'Meaning'], cells),
    depth < 6 ? [...parts].map(([title, part]) => later(title, () => structure(doc, part, depth + 1), { class: 'nested' })) : null];
}

/** The least that a schema asks for, to be filled in. */
export function skeleton(doc, schema, depth = 0) {
  const found = follow(doc, schema);
  if (found.enum) return found.enum[0];
  if (found.type === 'array') return depth > 4 ? [] : [skeleton(doc, found.items, depth + 1)];
  if (found.properties) {
    const needed = (found.required || []).filter((member) => depth <= 4 && found.properties[member]);
    return Object.fromEntries(needed.map((member) => [member, skeleton(doc, found.properties[member], depth + 1)]));
  }
  if (found.type === 'integer' || found.type === 'number') return found.minimum || 0;
  return found.type === 'boolean' ? false : '';
}

/** A text to read, which the keyboard can scroll. A group, not a region: there are many of one name. */
export function shown(text, label) {
  return el('pre', { tabindex: '0', role: 'group', 'aria-label': label }, text);
}

/** A table for wide and narrow screens, likewise no landmark. */
export function rows(caption, heads, cells, options) {
  const made = stacked(table(caption, heads, cells, options));
  made.setAttribute('role', 'group');
  return made;
}
