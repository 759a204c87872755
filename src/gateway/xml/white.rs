//! Line ends, and white space in attribute values, as XML 1.0 has every reader see them (sections 2.11 and 3.3.3). The
//! parser of signed messages leaves some of them as they are written: digests would not match, and what is read would
//! not be what others read.

use std::borrow::Cow;

/// The text as a parser should be given it. Copies only where something changes.
pub(super) fn normalised(text: &str) -> Cow<'_, str> {
    let text = if text.contains('\r') {
        Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n"))
    } else {
        Cow::Borrowed(text)
    };
    let mut places = white_in_values(&text).into_iter().peekable();
    if places.peek().is_none() {
        return text;
    }
    let spaced = |(at, c)| if places.next_if_eq(&at).is_some() { ' ' } else { c };
    Cow::Owned(text.char_indices().map(spaced).collect())
}

/// Where tabs and line feeds stand between the quotes of a start tag. What is not well-formed is left to the parser.
fn white_in_values(text: &str) -> Vec<usize> {
    let (mut places, mut at) = (Vec::new(), 0);
    while let Some(rest) = text.get(at..) {
        let Some(open) = rest.find('<') else { break };
        let (start, tag) = (at + open, rest.get(open..).unwrap_or_default());
        let passed_over = [("<!--", "-->"), ("<![CDATA[", "]]>"), ("<?", "?>")];
        let length = match passed_over.iter().find(|(head, _)| tag.starts_with(head)) {
            Some((head, end)) => {
                tag.get(head.len()..).and_then(|rest| rest.find(end)).map(|found| head.len() + found + end.len())
            }
            None => tag_length(tag, |offset| places.push(start + offset)),
        };
        let Some(length) = length else { break };
        at = start + length;
    }
    places
}

/// How long the tag at the head of this text is; tells where white space stands between its quotes.
fn tag_length(tag: &str, mut found: impl FnMut(usize)) -> Option<usize> {
    let mut quote = None;
    for (at, byte) in tag.bytes().enumerate() {
        match (byte, quote) {
            (b'>', None) => return Some(at + 1),
            (b'"' | b'\'', None) => quote = Some(byte),
            (b'\t' | b'\n', Some(_)) => found(at),
            (byte, Some(open)) if byte == open => quote = None,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::normalised;
    use std::borrow::Cow;

    #[test]
    fn line_ends_become_line_feeds_and_white_space_in_values_becomes_spaces() {
        for (written, read) in [
            ("<a>b\r\nc\rd\te</a>", "<a>b\nc\nd\te</a>"),
            ("<a b='c\r\nd\te\nf'\n g=\"'\n\">\n</a>", "<a b='c d e f'\n g=\"' \">\n</a>"),
            ("<a><![CDATA[<b c='\r\n'>]]></a\t>", "<a><![CDATA[<b c='\n'>]]></a\t>"),
            ("<!-- <b c='\n'> --><a b='&#10;\u{e9}\n'/>", "<!-- <b c='\n'> --><a b='&#10;\u{e9} '/>"),
            ("<a b='\n", "<a b=' "),
        ] {
            assert_eq!(normalised(written), read);
        }
        assert!(matches!(normalised("<a b='c d'>\n\te</a>"), Cow::Borrowed(_)));
    }
}
