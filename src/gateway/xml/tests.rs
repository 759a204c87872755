//! What fuzzing found where the two ways in did not see the same message: each case is one that they now agree on.

use super::{Message, Node, XmlError, scan};

fn both(xml: &str) -> (Result<Node, XmlError>, Result<Node, XmlError>) {
    let streamed = scan(xml.as_bytes(), ("", "")).map(|(root, _)| root);
    (streamed, Message::parse(xml.as_bytes()).map(|message| message.root))
}

#[test]
fn a_namespace_that_is_written_otherwise_than_it_reads_is_refused_by_the_streaming_reader() {
    for written in ["urn:&#x61;", "urn:a&amp;b", "urn:\na", "urn:a\t"] {
        let (streamed, _) = both(&format!("<p:r xmlns:p=\"{written}\"/>"));
        assert!(matches!(streamed, Err(XmlError::Malformed)), "{written}");
    }
    let (streamed, parsed) = both("<p:r xmlns:p=\"urn:a\"/>");
    assert_eq!(streamed.map(|root| root.ns).ok(), parsed.map(|root| root.ns).ok());
}
