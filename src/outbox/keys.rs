//! The signature of a webhook, as Standard Webhooks defines it: HMAC-SHA-256 over `ID.TIMESTAMP.BODY`, in base64 after `v1,`.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::path::Path;
use zeroize::Zeroizing;

/// The letter's id, the same on every attempt.
pub const WEBHOOK_ID_HEADER: &str = "webhook-id";
/// When the attempt was made, in seconds since the epoch.
pub const TIMESTAMP_HEADER: &str = "webhook-timestamp";
/// One signature for each key, separated by spaces.
pub const SIGNATURE_HEADER: &str = "webhook-signature";
/// The shortest secret, in bytes.
const SHORTEST: usize = 32;
/// The most keys of a file: the one in use, and one that receivers still know.
const MOST: usize = 2;
/// How far a timestamp may be off for a receiver, in seconds.
const TOLERANCE: i64 = 300;

/// The secrets shared with the receivers. They never print themselves.
pub struct Keys(Vec<hmac::Key>);

impl Keys {
    /// Reads a key file: a line `whsec_BASE64` for the key in use and, while receivers change over, one for the key before.
    ///
    /// # Errors
    /// What is wrong with the file, never what stands in it.
    pub fn load(file: &Path) -> Result<Self, String> {
        Self::parse(&Zeroizing::new(std::fs::read_to_string(file).map_err(|error| error.kind().to_string())?))
    }

    /// As [`Self::load`], of the file's text.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut keys = Vec::new();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let encoded = line.strip_prefix("whsec_").ok_or("a line does not begin with whsec_")?;
            let secret = Zeroizing::new(STANDARD.decode(encoded).map_err(|_| "a line is not base64")?);
            if secret.len() < SHORTEST || secret.iter().all(|byte| Some(byte) == secret.first()) {
                return Err(format!("a key has fewer than {SHORTEST} secret bytes"));
            }
            keys.push(hmac::Key::new(hmac::HMAC_SHA256, &secret));
        }
        match keys.len() {
            1..=MOST => Ok(Self(keys)),
            _ => Err(format!("holds no key, or more than {MOST}")),
        }
    }

    /// The signatures of one attempt, as the header has them.
    #[must_use]
    pub fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        let signed = signed(id, &timestamp.to_string(), body);
        let one = |key| format!("v1,{}", STANDARD.encode(hmac::sign(key, &signed)));
        self.0.iter().map(one).collect::<Vec<_>>().join(" ")
    }

    /// Whether one of the signatures is one of ours and the timestamp is near `now`, in seconds since the epoch: what a
    /// receiver does.
    #[must_use]
    pub fn verify(&self, id: &str, timestamp: &str, signatures: &str, body: &[u8], now: i64) -> bool {
        let near = timestamp.parse::<i64>().is_ok_and(|at| at.abs_diff(now) <= TOLERANCE.unsigned_abs());
        let signed = signed(id, timestamp, body);
        let genuine = signatures.split(' ').filter_map(|one| STANDARD.decode(one.strip_prefix("v1,")?).ok());
        near && genuine.into_iter().any(|tag| self.0.iter().any(|key| hmac::verify(key, &signed, &tag).is_ok()))
    }
}

fn signed(id: &str, timestamp: &str, body: &[u8]) -> Vec<u8> {
    [id.as_bytes(), b".", timestamp.as_bytes(), b".", body].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(byte: u8) -> String {
        let secret: Vec<u8> = (0..32).map(|index| byte.wrapping_add(index)).collect();
        format!("whsec_{}", STANDARD.encode(secret))
    }

    #[test]
    fn the_signature_is_that_of_standard_webhooks() {
        // The vector of the specification's own libraries; its secret is shorter than we take.
        let secret = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let keys = Keys(vec![hmac::Key::new(hmac::HMAC_SHA256, &secret)]);
        let signature = keys.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_receiver_knows_either_key_and_refuses_whatever_was_changed() {
        let (old, both) =
            (Keys::parse(&line(1)).unwrap(), Keys::parse(&format!("{}\n{}\n", line(9), line(1))).unwrap());
        let signatures = both.sign("a", 1000, b"body");
        assert_eq!(signatures.split(' ').count(), 2);
        assert!(old.verify("a", "1000", &signatures, b"body", 1300));
        for (id, timestamp, body, now) in [
            ("b", "1000", "body", 1000),
            ("a", "1001", "body", 1000),
            ("a", "1000", "Body", 1000),
            ("a", "1000", "body", 1301),
        ] {
            assert!(!old.verify(id, timestamp, &signatures, body.as_bytes(), now), "{id} {timestamp} {body} {now}");
        }
        assert!(!Keys::parse(&line(2)).unwrap().verify("a", "1000", &signatures, b"body", 1000));
    }

    #[test]
    fn a_file_that_is_no_secret_is_refused_without_being_quoted() {
        let weak = format!("whsec_{}", STANDARD.encode([0_u8; 32]));
        let short = format!("whsec_{}", STANDARD.encode([1_u8, 2, 3]));
        let three = [line(1), line(2), line(3)].join("\n");
        for text in ["", "secret", "whsec_???", &weak, &short, &three] {
            let said = Keys::parse(text).err().expect("refused");
            assert!(text.is_empty() || !said.contains(text), "{said}");
        }
    }
}
