//! The same answer with line breaks, for people to read. No value changes: numbers keep their digits, text its spaces.

use quick_xml::events::Event;
use quick_xml::{Reader, Writer};
use serde_json::Value;

const INDENT: usize = 2;

/// JSON with line breaks. Nothing where it is no JSON.
#[must_use]
pub fn json(json: &[u8]) -> Option<Vec<u8>> {
    // Numbers are kept as they were written: a test below holds that they are.
    let value: Value = serde_json::from_slice(json).ok()?;
    serde_json::to_vec_pretty(&value).ok()
}

/// XML with line breaks between FHIR's elements, which hold no text of their own; a narrative's `div` does and is copied
/// as it is. Nothing where it is no XML.
#[must_use]
pub fn xml(xml: &[u8]) -> Option<Vec<u8>> {
    let mut reader = Reader::from_reader(xml);
    let mut out = Writer::new(Vec::with_capacity(xml.len() * 2));
    let (mut depth, mut within_div, mut first) = (0_usize, 0_usize, true);
    loop {
        let event = reader.read_event().ok()?;
        if let Event::Eof = event {
            break;
        }
        if let Event::End(_) = event {
            depth = depth.saturating_sub(1);
        }
        // The end of a `div` follows what it holds.
        if within_div == 0 && !first {
            let buffer = out.get_mut();
            buffer.push(b'\n');
            buffer.resize(buffer.len() + depth * INDENT, b' ');
        }
        first = false;
        match &event {
            Event::Start(start) => {
                depth += 1;
                if within_div > 0 || start.local_name().as_ref() == "div" {
                    within_div += 1;
                }
            }
            Event::End(_) => within_div = within_div.saturating_sub(1),
            _ => {}
        }
        out.write_event(event).ok()?;
    }
    out.get_mut().push(b'\n');
    Some(out.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: &str = r#"{"resourceType":"Observation","text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">a <b>b</b> c<br/></div>"},"status":"final","code":{"text":"a  b & c"},"valueQuantity":{"value":1.500,"unit":"g"},"component":[{"code":{"text":"x"},"valueQuantity":{"value":0.10}},{"code":{"text":"y"},"valueQuantity":{"value":100000000000000000000.00}}]}"#;

    #[test]
    fn numbers_keep_their_digits_and_order_stays() {
        let pretty = String::from_utf8(json(PLAIN.as_bytes()).expect("JSON")).expect("text");
        assert!(pretty.starts_with("{\n  \"resourceType\": \"Observation\",\n  \"text\": {"));
        for digits in ["\"value\": 1.500,", "\"value\": 0.10\n", "\"value\": 100000000000000000000.00\n"] {
            assert!(pretty.contains(digits), "{digits} in {pretty}");
        }
        let again = serde_json::to_string(&serde_json::from_str::<Value>(&pretty).expect("JSON")).expect("JSON");
        assert_eq!(again, PLAIN);
        assert!(json(b"{").is_none());
    }

    #[test]
    fn a_narrative_is_copied_and_everything_else_has_its_own_line() {
        let plain = mig_fhir_model::json_to_xml(PLAIN.as_bytes()).expect("XML");
        let pretty = xml(&plain).expect("XML");
        let text = String::from_utf8(pretty.clone()).expect("text");
        for line in [
            "  <status value=\"final\"/>",
            "    <text value=\"a  b &amp; c\"/>",
            "    <value value=\"1.500\"/>",
            "      <value value=\"100000000000000000000.00\"/>",
            "</Observation>",
        ] {
            assert!(text.lines().any(|one| one == line), "{line:?} in {text}");
        }
        assert!(text.contains(">a <b>b</b> c<br/></div>\n"), "{text}");
        let back = |xml: &[u8]| mig_fhir_model::xml_to_json(xml).expect("FHIR");
        assert_eq!(back(&pretty), back(&plain));
        assert_eq!(String::from_utf8(back(&plain)).expect("text"), PLAIN);
        assert!(xml(b"<a><b></a>").is_none());
    }
}
