// Small drawings of values that a section has: blood pressures, and results with the range that came with them. A drawing
// says nothing that the table beside it does not, and shows no range that the record does not give.

import { el, svg, table } from './dom.js';

const WIDE = 320;
const HIGH = 120;
const LEFT = 44;
const RIGHT = 12;
const TOP = 10;
const BOTTOM = 26;
const DAY = 86400000;
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** A date as it was given, no more exact: `2020-01` is Jan-2020. */
export function shown(date) {
  const [, year, month, day] = /^(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?/.exec(String(date)) || [];
  if (!year) return 'no date';
  return [day, month && MONTHS[Number(month) - 1], year].filter(Boolean).join('-');
}

/** From when to when a date may be: a year is twelve months long. */
function span(date) {
  const [, year, month, day] = /^(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?/.exec(String(date)) || [];
  if (!year) return null;
  const from = Date.UTC(Number(year), month ? Number(month) - 1 : 0, day ? Number(day) : 1);
  const to = day ? from : month ? Date.UTC(Number(year), Number(month), 0) : Date.UTC(Number(year), 11, 31);
  return { from, to, middle: (from + to) / 2 };
}

const number = (quantity) => (quantity && !quantity.comparator && Number.isFinite(quantity.value) ? quantity.value : null);
const named = (concept) => String((concept && (concept.text || ((concept.coding || [])[0] || {}).display)) || '');

const limits = (observation) => {
  const [range] = (observation.referenceRange || []).filter((one) => number(one.low) !== null || number(one.high) !== null);
  return range ? { low: number(range.low), high: number(range.high) } : { low: null, high: null };
};

function between({ low, high }) {
  if (low !== null && high !== null) return low + ' to ' + high;
  if (low !== null) return low + ' or more';
  return high !== null ? 'up to ' + high : '';
}

function beyond(value, { low, high }) {
  if (high !== null && value > high) return 'above';
  return low !== null && value < low ? 'below' : '';
}

/** Results of one name and unit, oldest first. */
function series(observations) {
  const found = new Map();
  for (const one of observations) {
    const value = number(one.valueQuantity);
    const when = one.effectiveDateTime && span(one.effectiveDateTime);
    const name = named(one.code);
    if (value === null || !when || !name) continue;
    const unit = String(one.valueQuantity.unit || '');
    const key = name + '\n' + unit;
    if (!found.has(key)) found.set(key, { name, unit, points: [] });
    found.get(key).points.push({ value, when, date: one.effectiveDateTime, range: limits(one) });
  }
  const all = [...found.values()];
  all.forEach((one) => one.points.sort((a, b) => a.when.middle - b.when.middle));
  return all.filter((one) => one.points.length > 1 || between(one.points[0].range));
}

/** Where times and values come to lie. */
function scales(spans, values) {
  const [from, to] = [Math.min(...spans.map((one) => one.from)), Math.max(...spans.map((one) => one.to))];
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const pad = (most - least || Math.abs(most) || 1) * 0.15;
  const [low, high] = [least - pad, most + pad];
  const width = WIDE - LEFT - RIGHT;
  return {
    x: (time) => (to - from < DAY ? LEFT + width / 2 : LEFT + 8 + ((time - from) / (to - from)) * (width - 16)),
    y: (value) => TOP + ((high - value) / (high - low)) * (HIGH - TOP - BOTTOM),
    ticks: [least, most],
    from, to,
  };
}

function frame(scale, first, last, label, ...inside) {
  const text = (x, y, anchor, words) => svg('text', { x, y, 'text-anchor': anchor }, words);
  return svg('svg', { viewBox: '0 0 ' + WIDE + ' ' + HIGH, role: 'img', 'aria-label': label, class: 'plot' },
    inside,
    svg('line', { class: 'axis', x1: LEFT, x2: LEFT, y1: TOP, y2: HIGH - BOTTOM }),
    svg('line', { class: 'axis', x1: LEFT, x2: WIDE - RIGHT, y1: HIGH - BOTTOM, y2: HIGH - BOTTOM }),
    [...new Set(scale.ticks)].map((tick) => text(LEFT - 5, scale.y(tick) + 4, 'end', tick)),
    first === last ? text((LEFT + WIDE - RIGHT) / 2, HIGH - 8, 'middle', first)
      : [text(LEFT, HIGH - 8, 'start', first), text(WIDE - RIGHT, HIGH - 8, 'end', last)]);
}

/** A value: round within its range or without one, square outside it; as wide as its date is vague. */
function dot(scale, { value, when, range }) {
  const [x, y] = [scale.x(when.middle), scale.y(value)];
  const vague = when.to > when.from
    ? svg('line', { class: 'vague', x1: scale.x(when.from), x2: scale.x(when.to), y1: y, y2: y }) : null;
  return [vague, beyond(value, range)
    ? svg('rect', { class: 'out', x: x - 4.5, y: y - 4.5, width: 9, height: 9 })
    : svg('circle', { class: 'in', cx: x, cy: y, r: 4 })];
}

function trend({ name, unit, points }) {
  const bounds = points.flatMap(({ range }) => [range.low, range.high]).filter((one) => one !== null);
  const scale = scales(points.map(({ when }) => when), [...points.map(({ value }) => value), ...bounds]);
  const same = points.every(({ range }) => between(range) === between(points[0].range));
  const band = ({ low, high }, x, width) => {
    const [top, bottom] = [high === null ? TOP : scale.y(high), low === null ? HIGH - BOTTOM : scale.y(low)];
    return svg('rect', { class: 'range', x, y: top, width, height: Math.max(0, bottom - top) });
  };
  const bands = points.filter(({ range }) => between(range));
  const drawn = same && bands.length ? [band(bands[0].range, LEFT, WIDE - LEFT - RIGHT)]
    : bands.map((one) => band(one.range, scale.x(one.when.middle) - 8, 16));
  const last = points[points.length - 1];
  const where = beyond(last.value, last.range);
  const range = between(last.range);
  const said = last.value + (unit ? ' ' + unit : '') + ', ' + shown(last.date) +
    (range ? where ? '; ' + where + ' the range ' + range : '; range ' + range : '');
  const line = svg('polyline', { class: 'line', points: points.map((one) => scale.x(one.when.middle) + ',' + scale.y(one.value)).join(' ') });
  const rows = points.slice().reverse().map((one) => [shown(one.date), one.value + (unit ? ' ' + unit : ''),
    between(one.range), beyond(one.value, one.range)]);
  return el('figure', {},
    el('figcaption', {}, el('strong', {}, name), ' ', el('span', {}, said)),
    frame(scale, shown(points[0].date), shown(last.date),
      'Drawing of ' + name + ', ' + points.length + (points.length === 1 ? ' value' : ' values') + '. Latest ' + said + '.', drawn,
      points.length > 1 ? line : null, points.map((one) => dot(scale, one))),
    points.length > 1 ? table(name + ', values', ['Date', 'Value', 'Range', 'Outside'], rows, { hidden: true }) : null);
}

/** Results of a section as drawings, or nothing. */
export function results(observations, title) {
  const drawn = series(observations);
  return drawn.length ? el('div', { class: 'plots' },
    el('h4', {}, title + ' as drawings'),
    el('p', { class: 'hint' }, 'The shaded part is the range that came with the result; a square is outside it. ' +
      'Values without a number or a date are in the table alone.'),
    el('div', { class: 'figures' }, drawn.map(trend))) : null;
}

const part = (observation, code) => (observation.component || [])
  .filter((one) => ((one.code && one.code.coding) || []).some((coding) => coding.code === code));

/** Blood pressures as one drawing with its table, or nothing. */
export function bloodPressures(observations) {
  const points = observations.map((one) => {
    const [systolic, diastolic] = ['8480-6', '8462-4'].map((code) => part(one, code));
    const only = (parts) => (parts.length === 1 ? number(parts[0].valueQuantity) : null);
    const when = one.effectiveDateTime && span(one.effectiveDateTime);
    const ranges = [systolic, diastolic].map((parts) => (parts.length === 1 ? between(limits(parts[0])) : ''));
    const clear = systolic.length < 2 && diastolic.length < 2;
    return { clear, systolic: only(systolic), diastolic: only(diastolic), when, date: one.effectiveDateTime, ranges };
  }).filter(({ clear, systolic, diastolic, when }) => clear && when && (systolic !== null || diastolic !== null));
  if (!points.length) return null;
  points.sort((a, b) => a.when.middle - b.when.middle);
  const values = points.flatMap(({ systolic, diastolic }) => [systolic, diastolic]).filter((one) => one !== null);
  const scale = scales(points.map(({ when }) => when), values);
  const last = points[points.length - 1];
  const pair = (one) => (one.systolic === null ? 'not given' : one.systolic) + ' / ' + (one.diastolic === null ? 'not given' : one.diastolic);
  const none = { low: null, high: null };
  const mark = (value, when) => (value === null ? null : dot(scale, { value, when, range: none }));
  const ranged = points.some(({ ranges }) => ranges.some(Boolean));
  return el('div', { class: 'plots' },
    el('h4', {}, 'Blood pressures as a drawing'),
    el('p', { class: 'hint' }, (ranged ? '' : 'The record gives no reference range. ') +
      'Readings with more than one systolic or diastolic value, or without any, are in the table above alone.'),
    el('div', { class: 'beside' },
      el('figure', {},
        el('figcaption', {}, el('strong', {}, 'Systolic over diastolic, mm Hg'), ' ', el('span', {}, 'latest ' + pair(last) + ', ' + shown(last.date))),
        frame(scale, shown(points[0].date), shown(last.date),
          'Drawing of ' + points.length + ' blood pressures. Latest ' + pair(last) + ' mm Hg, ' + shown(last.date) + '.',
          points.map((one) => [
            one.systolic !== null && one.diastolic !== null ? svg('line', {
              class: 'line', x1: scale.x(one.when.middle), x2: scale.x(one.when.middle), y1: scale.y(one.systolic), y2: scale.y(one.diastolic),
            }) : null,
            mark(one.systolic, one.when), mark(one.diastolic, one.when)]))),
      table('Blood pressures drawn', ranged ? ['Date', 'mm Hg', 'Ranges'] : ['Date', 'mm Hg'], points.slice().reverse()
        .map((one) => [shown(one.date), pair(one), ...(ranged ? [one.ranges.filter(Boolean).join('; ')] : [])]))));
}
