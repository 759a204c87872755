//! Edits of XML by its structure: what flipping bytes finds only by luck. Elements are moved, doubled, wrapped and
//! renamed; the same text is said in other ways; ids and attributes change places.

use std::ops::Range;

/// What may be put in anywhere.
const PIECES: &[&str] = &[
    "<!-- -->",
    "<!---->",
    "<?x y?>",
    "<![CDATA[]]>",
    "<![CDATA[9]]>",
    "<!DOCTYPE x>",
    "&amp;",
    "&#x20;",
    "&#13;",
    "&#xA0;",
    "\r\n",
    "\t",
    "\u{a0}",
    "\u{feff}",
    "\u{e9}",
    "\u{1}",
    "<x/>",
    "<x xmlns=\"\"/>",
    "]]>",
    "<soap:Body xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\"/>",
];

/// What may be put into a start tag.
const ATTRIBUTES: &[&str] = &[
    " Id=\"id-body\"",
    " ID=\"id-body\"",
    " id=\"id-body\"",
    " wsu:Id=\"id-body\"",
    " xml:id=\"id-body\"",
    " wsu:Id=\"id-x\"",
    " xmlns=\"\"",
    " xmlns=\"urn:x\"",
    " xmlns:soap=\"urn:x\"",
    " xmlns:dcr=\"urn:x\"",
    " xmlns:x='urn:x'",
    " xmlns=\"http://www.e-mis.com/emisopen\"",
    " xmlns=\"http://www.e-mis.com/emis&#x6f;pen\"",
    " xml:space=\"preserve\"",
    " code=\"1\"",
    " updateMode=\"delete\"",
    " value='a\nb'",
    " datepart=\"YMDT\"",
];

/// A small seeded source of chance (splitmix64).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    fn one<'a, T>(&mut self, list: &'a [T]) -> Option<&'a T> {
        list.get(self.below(list.len()))
    }
}

/// What stands where in the text. Made by looking, not by parsing: broken XML has a shape too.
#[derive(Default)]
struct Shape {
    /// Whole elements, from `<` to the last `>`.
    elements: Vec<Range<usize>>,
    /// Start tags, without the `>` or `/>`.
    starts: Vec<Range<usize>>,
    /// Text between tags, not empty.
    texts: Vec<Range<usize>>,
    /// Attribute values, without quotes.
    values: Vec<Range<usize>>,
}

impl Shape {
    fn of(xml: &[u8]) -> Self {
        let (mut shape, mut open, mut at) = (Self::default(), Vec::new(), 0);
        while at < xml.len() {
            let Some(length) = xml[at..].iter().position(|b| *b == b'<') else { break };
            if length > 0 {
                shape.texts.push(at..at + length);
            }
            let start = at + length;
            let Some(end) = xml[start..].iter().position(|b| *b == b'>').map(|n| start + n) else { break };
            match xml.get(start + 1) {
                Some(b'/') => {
                    if let Some(from) = open.pop() {
                        shape.elements.push(from..end + 1);
                    }
                }
                Some(b'!' | b'?') => {}
                _ => {
                    let empty = xml[end - 1] == b'/';
                    let inner = start..if empty { end - 1 } else { end };
                    shape.values_of(xml, inner.clone());
                    shape.starts.push(inner);
                    if empty {
                        shape.elements.push(start..end + 1);
                    } else {
                        open.push(start);
                    }
                }
            }
            at = end + 1;
        }
        shape
    }

    fn values_of(&mut self, xml: &[u8], tag: Range<usize>) {
        let mut from = None;
        for at in tag {
            match (xml[at], from) {
                (b'"' | b'\'', None) => from = Some((at + 1, xml[at])),
                (quote, Some((start, wanted))) if quote == wanted => {
                    self.values.push(start..at);
                    from = None;
                }
                _ => {}
            }
        }
    }
}

/// Edits what stands in the first `size` bytes; gives the new size. Some of the time libFuzzer does it its own way.
pub fn mutate(data: &mut [u8], size: usize, most: usize, seed: u32) -> usize {
    let mut chance = Chance(u64::from(seed));
    if chance.below(3) > 0
        && let Some(edited) = edited(&data[..size], &mut chance)
        && !edited.is_empty()
        && edited.len() <= most.min(data.len())
    {
        data[..edited.len()].copy_from_slice(&edited);
        return edited.len();
    }
    libfuzzer_sys::fuzzer_mutate(data, size, most)
}

fn edited(xml: &[u8], chance: &mut Chance) -> Option<Vec<u8>> {
    let shape = Shape::of(xml);
    let mut out = xml.to_vec();
    match chance.below(14) {
        // Elements: gone, doubled, elsewhere, here and elsewhere, inside something else.
        0 => drop(out.drain(chance.one(&shape.elements)?.clone())),
        1 => insert(&mut out, chance.one(&shape.elements)?.clone().end, &xml[chance.one(&shape.elements)?.clone()]),
        2 => {
            let (element, place) = (chance.one(&shape.elements)?.clone(), chance.one(&shape.elements)?.start);
            insert(&mut out, place, &xml[element]);
        }
        3 => {
            let (element, place) = (chance.one(&shape.elements)?.clone(), chance.one(&shape.elements)?.start);
            if element.contains(&place) {
                return None;
            }
            let moved = xml[element.clone()].to_vec();
            drop(out.drain(element.clone()));
            insert(&mut out, if place > element.start { place - element.len() } else { place }, &moved);
        }
        4 => {
            let element = chance.one(&shape.elements)?.clone();
            insert(&mut out, element.end, b"</x>");
            insert(&mut out, element.start, b"<x>");
        }
        // One element in the place of another.
        5 => {
            let (from, to) = (chance.one(&shape.elements)?.clone(), chance.one(&shape.elements)?.clone());
            drop(out.splice(to, xml[from].iter().copied()));
        }
        // Attributes.
        6 => insert(&mut out, chance.one(&shape.starts)?.end, chance.one(ATTRIBUTES)?.as_bytes()),
        7 => {
            let (from, to) = (chance.one(&shape.values)?.clone(), chance.one(&shape.values)?.clone());
            drop(out.splice(to, xml[from].iter().copied()));
        }
        8 => {
            let value = chance.one(&shape.values)?.clone();
            said_otherwise(&mut out, value, chance);
        }
        // Text: other text, the same text in another form, pieces.
        9 => {
            let (from, to) = (chance.one(&shape.texts)?.clone(), chance.one(&shape.texts)?.clone());
            drop(out.splice(to, xml[from].iter().copied()));
        }
        10 => {
            let text = chance.one(&shape.texts)?.clone();
            let at = text.start + chance.below(text.len());
            out[at] = b"0123456789aAzZ -:.<&"[chance.below(20)];
        }
        11 => {
            let text = chance.one(&shape.texts)?.clone();
            said_otherwise(&mut out, text, chance);
        }
        12 => {
            let text = chance.one(&shape.texts)?.clone();
            let part = text.start + chance.below(text.len())..text.end;
            insert(&mut out, part.end, b"]]>");
            insert(&mut out, part.start, b"<![CDATA[");
        }
        _ => {
            let place = chance.one(&shape.starts)?.start;
            let text = chance.one(&shape.texts).map_or(place, |text| text.start + chance.below(text.len()));
            let place = if chance.below(2) == 0 { place } else { text };
            insert(&mut out, place, chance.one(PIECES)?.as_bytes());
        }
    }
    Some(out)
}

fn insert(out: &mut Vec<u8>, at: usize, piece: &[u8]) {
    drop(out.splice(at..at, piece.iter().copied()));
}

/// One byte as a character reference.
fn said_otherwise(out: &mut Vec<u8>, within: Range<usize>, chance: &mut Chance) {
    if within.is_empty() {
        return;
    }
    let at = within.start + chance.below(within.len());
    let byte = out[at];
    let reference = if chance.below(2) == 0 { format!("&#{byte};") } else { format!("&#x{byte:x};") };
    drop(out.splice(at..=at, reference.bytes()));
}
