// Makes elements out of plain values. Text is always a text node: nothing here, or in any page that uses it, makes markup.

const SVG = 'http://www.w3.org/2000/svg';
const SVG_NAMES = new Set(['svg', 'g', 'line', 'rect', 'circle', 'polyline', 'text', 'title', 'desc']);

/** An element: `el('a', { href: '/x', class: 'big', onclick: f }, 'text', child)`. Nothing is made of null or false. */
export function el(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  set(made, attributes);
  made.append(...flat(children));
  return made;
}

/** The same for a drawing. */
export function svg(name, attributes = {}, ...children) {
  if (!SVG_NAMES.has(name)) throw new Error('no such shape');
  const made = document.createElementNS(SVG, name);
  set(made, attributes);
  made.append(...flat(children));
  return made;
}

function set(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === 'function') element.addEventListener(name.replace(/^on/, ''), value);
    else element.setAttribute(name, value === true ? '' : String(value));
  }
}

function flat(children) {
  const kept = children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);
  return kept.map((child) => (child instanceof Node ? child : document.createTextNode(String(child))));
}

/** Puts these in place of what an element has. */
export function fill(element, ...children) {
  element.replaceChildren(...flat(children));
  return element;
}

export const byId = (id) => document.getElementById(id);

/** A table: its caption, its heads, its rows of cells; the first cell of a row heads it where `headed`. */
export function table(caption, heads, rows, { headed = true, hidden = false } = {}) {
  return el('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': caption },
    el('table', {},
      el('caption', hidden ? { class: 'unseen' } : {}, caption),
      el('thead', {}, el('tr', {}, heads.map((head) => el('th', { scope: 'col' }, head)))),
      el('tbody', {}, rows.map((row) => el('tr', {}, row.map((cell, index) =>
        index === 0 && headed ? el('th', { scope: 'row' }, cell) : el('td', {}, cell)))))));
}

/**
 * A table, or what holds one, whose cells say their column where there is no room for columns. It stays a table to those who
 * listen, however it is laid out.
 */
export function stacked(holder) {
  const made = holder.localName === 'table' ? holder : holder.querySelector('table');
  const heads = [...made.querySelectorAll('thead th')].map((head) => head.textContent);
  holder.classList.add('stacked');
  made.setAttribute('role', 'table');
  made.querySelectorAll('thead, tbody').forEach((group) => group.setAttribute('role', 'rowgroup'));
  made.querySelectorAll('tr').forEach((row) => {
    row.setAttribute('role', 'row');
    [...row.children].forEach((cell, index) => {
      const head = row.parentNode.localName === 'thead';
      cell.setAttribute('role', head ? 'columnheader' : cell.localName === 'th' ? 'rowheader' : 'cell');
      if (!head && heads[index]) cell.dataset.label = heads[index];
    });
  });
  return holder;
}

/** A group of radio buttons; `options` are `[value, label, hint]`. */
export function radios(name, legend, options, chosen) {
  return el('fieldset', { id: name + '-group' },
    el('legend', {}, legend),
    options.map(([value, label, hint], index) => {
      const id = name + '-' + index;
      return el('div', { class: 'choice' },
        el('input', {
          type: 'radio', name, id, value, checked: value === chosen, required: true,
          'aria-describedby': hint ? id + '-hint' : null,
        }),
        el('label', { for: id }, label),
        hint ? el('p', { class: 'hint', id: id + '-hint' }, hint) : null);
    }));
}

/** What is chosen among radio buttons, if any is. */
export function chosen(form, name) {
  const found = form.querySelector('input[name="' + name + '"]:checked');
  return found ? found.value : null;
}

/** A form that sends nothing by itself: `submit` is told, `problems` come first and get the focus. */
export function form(submit, ...children) {
  const problems = el('div', { class: 'problems', role: 'alert', tabindex: '-1', hidden: true });
  const made = el('form', { novalidate: true, autocomplete: 'off' }, problems, ...children);
  made.addEventListener('submit', async (event) => {
    event.preventDefault();
    const buttons = made.querySelectorAll('button');
    buttons.forEach((button) => button.setAttribute('aria-disabled', 'true'));
    if (made.dataset.busy) return;
    made.dataset.busy = 'yes';
    const found = await submit(made);
    delete made.dataset.busy;
    buttons.forEach((button) => button.removeAttribute('aria-disabled'));
    problems.hidden = !found || found.length === 0;
    if (!problems.hidden) {
      // Below the heading that the form stands under, so that no level is skipped.
      const place = made.closest('section');
      const above = place && place.querySelector('h2, h3, h4');
      const level = above && above.localName === 'h4' ? 'h5' : 'h2';
      fill(problems, el(level, {}, 'There is a problem'), el('ul', {}, found.map((text) => el('li', {}, text))));
      problems.focus();
    }
  });
  return made;
}
