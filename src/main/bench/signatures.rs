//! What WS-Security costs, on one thread and without a network: a request signed as the facade signs it, read and verified
//! as the simulated MIG does, over bodies of two sizes. Every wsa header, Timestamp and Body are signed, with the demo's key.

use super::times::Times;
use mig_fhir::clock::{Clock, rfc3339};
use mig_fhir::gateway::WireProfile;
use mig_fhir::gateway::profile::SignedPart;
use mig_fhir::gateway::security::{Fragment, Signer, TimeRules, Verifier, certificates, window};
use mig_fhir::gateway::xml::{Canonical, Message, SOAP, WSA, WSSE, WSU};
use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

/// The sizes of body that are measured, in bytes.
pub const SIZES: [usize; 2] = [5_000, 500_000];

/// What one size of body gave.
pub struct Cost {
    /// Bytes of the body, and of the message that it is in.
    pub bytes: [usize; 2],
    /// Timestamp, digests, signature, and the Security header written.
    pub sign: Times,
    /// The message parsed.
    pub read: Times,
    /// Times, certificate, signature, digests and places judged.
    pub verify: Times,
}

/// Measures one size with the keys of a demo's folder, warm-up first.
pub fn measure(folder: &Path, size: usize, counted: Duration) -> Result<Cost, String> {
    let file = |name: &str| std::fs::read(folder.join(name)).map_err(|error| format!("{name}: {error}"));
    let rules = WireProfile::builtin().map_err(|problems| problems.join("; "))?.security;
    let signer = Signer::from_pem(&file("client.pem")?, &file("client.key")?, rules.signature, rules.digest)
        .map_err(|error| error.to_string())?;
    let roots = certificates(&file("ca.pem")?).map_err(|error| error.to_string())?;
    let verifier = Verifier::new(&roots, &[], &rules).map_err(|error| error.to_string())?;

    let headers = ["MessageID", "Action", "To", "From"].map(header);
    let body = body(size);
    let now = Clock::system().now();
    let (created, expires) = (rfc3339(now), rfc3339(now + time::Duration::seconds(rules.window_seconds)));
    let sign = || {
        let timestamp = Signer::timestamp("id-timestamp", &created, &expires);
        let mut fragments =
            vec![Fragment { id: "id-timestamp", xml: &timestamp }, Fragment { id: "id-body", xml: &body }];
        fragments.extend(headers.iter().map(|(id, xml)| Fragment { id, xml }));
        signer.security(&timestamp, "id-token", &fragments).ok_or_else(|| "the key does not sign".to_owned())
    };
    let addressing: String = headers.iter().map(|(_, xml)| xml.as_str()).collect();
    let text = format!(
        "<soap:Envelope xmlns:soap=\"{SOAP}\"><soap:Header>{addressing}{}</soap:Header>{body}</soap:Envelope>",
        sign()?
    );
    let read = || Message::parse(text.as_bytes()).map_err(|error| error.to_string());
    let message = read()?;
    let verify = || {
        let header = message.root.only(SOAP, "Header").ok_or("no Header")?;
        let security = header.only(WSSE, "Security").ok_or("no Security")?;
        let timestamp = security.only(WSU, "Timestamp").ok_or("no Timestamp")?;
        let body = message.root.only(SOAP, "Body").ok_or("no Body")?;
        window(timestamp, now, TimeRules::from(&rules)).map_err(|refused| refused.0)?;
        let held = verifier.verify(&message, security, now).map_err(|refused| refused.0)?;
        let wanted = [SignedPart::Timestamp, SignedPart::Body, SignedPart::Addressing];
        if held.covers_required(header, timestamp, body, &wanted) { Ok(()) } else { Err("a part is not signed") }
    };
    Ok(Cost {
        bytes: [body.len(), text.len()],
        sign: timed(counted, sign)?,
        read: timed(counted, read)?,
        verify: timed(counted, || verify().map_err(str::to_owned))?,
    })
}

impl Cost {
    /// In microseconds a message.
    pub fn lines(&self) -> Vec<String> {
        let [body, message] = self.bytes;
        let mut lines = vec![format!("  a body of {body} bytes, in a message of {message}")];
        lines.extend([("signed", &self.sign), ("read", &self.read), ("verified", &self.verify)].map(
            |(what, times)| {
                let [p50, p99] = [50, 99].map(|percent| times.percentile(percent) * 1e3);
                format!("    {what:9} p50 {p50:9.1}  p99 {p99:9.1} microseconds  ({} counted)", times.count())
            },
        ));
        lines
    }
}

fn timed<T>(counted: Duration, once: impl Fn() -> Result<T, String>) -> Result<Times, String> {
    let mut times = Vec::new();
    let begin = Instant::now() + counted / 5;
    loop {
        let start = Instant::now();
        if start >= begin + counted && !times.is_empty() {
            return Ok(Times::of(times));
        }
        black_box(once()?);
        if start >= begin {
            times.push(start.elapsed());
        }
    }
}

fn header(name: &'static str) -> (String, String) {
    let id = format!("id-{name}");
    let mut out = Canonical::default();
    out.open(("wsa", WSA, name), Some(&id), &[]);
    out.text("urn:nhs-itk:services:201005:sendRecvDistEnvelope");
    (id, out.finish())
}

/// A body of about this size, in elements as small as a record's.
fn body(size: usize) -> String {
    let mut out = Canonical::default();
    out.open(("soap", SOAP, "Body"), Some("id-body"), &[]);
    out.open(("dcr", "urn:x-mig-fhir:bench", "entries"), None, &[]);
    let each = "<dcr:entry code=\"22A..00\" id=\"e00000\">O/E - weight</dcr:entry>".len();
    for number in 0..size.div_ceil(each) {
        let id = format!("e{number:05}");
        let attributes = [("code", "22A..00"), ("id", id.as_str())];
        out.leaf(("dcr", "urn:x-mig-fhir:bench", "entry"), &attributes, "O/E - weight");
    }
    out.finish()
}
