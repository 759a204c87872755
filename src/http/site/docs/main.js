// The documentation of the API, made from the document that the service itself serves.

import { byId, el, fill } from './dom.js';
import { demo, json } from './session.js';
import { authentication } from './token.js';
import { errors } from './errors.js';
import { details } from './operation.js';
import { later } from './schema.js';

const METHODS = ['get', 'post', 'put', 'patch', 'delete'];
const TITLES = { record: 'The record', kept: 'What the service keeps', admin: 'Registers and reports', service: 'Open to anyone' };
const main = byId('main');

/** Tells those who do not see the page what has changed. */
function said(text) {
  fill(byId('said'), text);
}

/** Every operation: its method, its path, itself. */
function operations(doc) {
  return Object.entries(doc.paths).flatMap(([path, item]) => METHODS.filter((method) => item[method])
    .map((method) => ({ method, path, operation: item[method] })));
}

/** What a route is about: the FHIR type, or the first word of the path. */
function subject({ path }) {
  const fhir = /^\/FHIR\/R4\/?([^/]*)/.exec(path);
  if (fhir) return fhir[1] || 'Batch';
  const steps = path.split('/').filter(Boolean);
  return steps[0] === 'admin' ? steps[1] : steps[0];
}

function route(doc, one) {
  const { method, path, operation } = one;
  return later([el('span', { class: 'method' }, method.toUpperCase()), el('code', { class: 'path' }, path),
    el('span', { class: 'about' }, operation.summary || '')], () => details(doc, one, said), { class: 'route', id: operation.operationId });
}

function group(doc, tag, all) {
  const own = all.filter((one) => (one.operation.tags || []).includes(tag.name));
  const subjects = [...new Set(own.map(subject))];
  return el('section', { class: 'group', 'aria-labelledby': 'group-' + tag.name },
    el('h2', { id: 'group-' + tag.name, tabindex: '-1' }, TITLES[tag.name] || tag.name),
    el('p', {}, tag.description, '.'),
    subjects.map((name) => el('div', { class: 'subject-of' }, el('h3', {}, name),
      own.filter((one) => subject(one) === name).map((one) => route(doc, one)))));
}

/** Shows only routes whose path or summary has the words. */
function finder() {
  const count = el('p', { class: 'hint', id: 'found' });
  const input = el('input', { id: 'find', type: 'search', spellcheck: 'false', autocomplete: 'off', 'aria-describedby': 'found', class: 'short' });
  const find = () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    document.querySelectorAll('.subject-of').forEach((place) => {
      let any = false;
      place.querySelectorAll(':scope > .route').forEach((one) => {
        const text = one.querySelector('summary').textContent.toLowerCase();
        one.hidden = !words.every((word) => text.includes(word));
        any = any || !one.hidden;
        shown += one.hidden ? 0 : 1;
      });
      place.hidden = !any;
    });
    document.querySelectorAll('section.group').forEach((one) => { one.hidden = !one.querySelector('.subject-of:not([hidden])'); });
    fill(count, shown + (shown === 1 ? ' route' : ' routes'));
  };
  input.addEventListener('input', () => {
    find();
    said(count.textContent);
  });
  return { made: el('div', {}, el('label', { for: 'find' }, 'Find a route'), input, count), find };
}

/** Opens and goes to what the address names. */
function follow() {
  const name = decodeURIComponent(location.hash.slice(1));
  const found = name && byId(name);
  if (!found || found === main) return;
  if (found.localName === 'details') {
    found.open = true;
    found.querySelector('summary').focus();
  } else {
    found.focus();
  }
  found.scrollIntoView();
}

async function draw() {
  let doc;
  try {
    doc = await json('openapi.json');
  } catch {
    fill(main, el('h1', {}, 'API documentation'), el('p', {}, 'The service does not answer. Load the page again.'));
    return;
  }
  const all = operations(doc);
  const tags = doc.tags || [];
  const { made, find } = finder();
  const links = [['authentication', 'Authentication'], ['errors', 'Errors'], ...tags.map((tag) => ['group-' + tag.name, TITLES[tag.name] || tag.name])];
  fill(byId('nav'), el('ul', {}, links.map(([id, text]) => el('li', {}, el('a', { href: '#' + id }, text)))));
  fill(main,
    el('h1', {}, doc.info.title + ' ' + doc.info.version),
    el('p', { class: 'lead' }, doc.info.description),
    el('p', {}, 'Answers are JSON, or XML by ', el('code', {}, 'Accept'), ' or ', el('code', {}, '_format'), '. An NHS number goes in the body of a search, never in an address.'),
    authentication(doc, said),
    errors(doc),
    el('section', { 'aria-labelledby': 'routes' }, el('h2', { id: 'routes', tabindex: '-1' }, 'Routes'), made),
    tags.map((tag) => group(doc, tag, all)));
  find();
  follow();
}

document.querySelector('a.skip').addEventListener('click', (event) => {
  event.preventDefault();
  main.focus();
});
fill(byId('mark'), demo ? 'Demo' : 'OpenAPI 3.1');
window.addEventListener('hashchange', follow);
draw();
