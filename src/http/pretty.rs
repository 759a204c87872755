//! The same answer with line breaks, for people to read. No value changes: numbers keep their digits, text its spaces.

use serde_json::Value;

/// JSON with line breaks. Nothing where it is no JSON.
#[must_use]
pub fn json(json: &[u8]) -> Option<Vec<u8>> {
    // Numbers are kept as they were written: a test below holds that they are.
    let value: Value = serde_json::from_slice(json).ok()?;
    serde_json::to_vec_pretty(&value).ok()
}

/// XML whose line breaks and tabs within a value survive reading: unescaped, a reader makes spaces of them (XML 1.0,
/// 3.3.3). The model package writes line breaks between elements by itself, so that XML is for people as it is.
#[must_use]
pub fn lines_kept(xml: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(xml.len() + 64);
    let (mut within_tag, mut within_value) = (false, false);
    for byte in xml {
        match byte {
            b'<' => within_tag = true,
            b'>' if !within_value => within_tag = false,
            b'"' if within_tag => within_value = !within_value,
            _ => {}
        }
        match byte {
            b'\n' if within_value => out.extend_from_slice(b"&#10;"),
            b'\r' if within_value => out.extend_from_slice(b"&#13;"),
            b'\t' if within_value => out.extend_from_slice(b"&#9;"),
            other => out.push(*other),
        }
    }
    out
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
    fn line_breaks_within_a_value_survive_xml() {
        let plain = br#"{"resourceType":"Basic","code":{"text":"a \"b\" <c>\nd\te"}}"#;
        let xml = lines_kept(&mig_fhir_model::json_to_xml(plain).expect("XML"));
        let text = String::from_utf8(xml.clone()).expect("text");
        assert!(text.contains("&#10;d&#9;e\"/>\n"), "{text}");
        assert_eq!(mig_fhir_model::xml_to_json(&xml).expect("FHIR"), plain);
    }

    #[test]
    fn decimals_keep_their_digits_in_xml() {
        let xml = lines_kept(&mig_fhir_model::json_to_xml(PLAIN.as_bytes()).expect("XML"));
        let text = String::from_utf8(xml).expect("text");
        for digits in ["<value value=\"1.500\"/>", "<value value=\"0.10\"/>", "value=\"100000000000000000000.00\""] {
            assert!(text.contains(digits), "{digits} in {text}");
        }
    }
}
