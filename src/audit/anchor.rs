//! The anchor file, outside the store: one line for each group of rows, `CHAIN SEQ MAC MILLISECONDS`.
//!
//! Whoever cuts the tail of the store has to reach this file too. Appended to, never rewritten; keep it where the
//! store's administrator cannot write.

use super::AuditError;
use super::keys::MAC;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::Path;

/// The newest row of a chain, as an anchor tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The chain.
    pub chain: String,
    /// The row.
    pub seq: i64,
    /// Its keyed hash.
    pub mac: [u8; MAC],
}

impl std::fmt::Display for Head {
    /// As an anchor tells it: in a file of its own, a head that somebody kept is an anchor for `audit verify`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} ", self.chain, self.seq)?;
        self.mac.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Head {
    fn line(&self, at: i64) -> String {
        format!("{self} {at}\n")
    }

    fn parse(line: &str) -> Option<Self> {
        let mut words = line.trim_end().split(' ');
        let (chain, seq, hex, _at) = (words.next()?, words.next()?, words.next()?, words.next());
        let mut mac = [0; MAC];
        if hex.len() != 2 * MAC || words.next().is_some() {
            return None;
        }
        for (position, byte) in mac.iter_mut().enumerate() {
            *byte = u8::from_str_radix(hex.get(2 * position..2 * position + 2)?, 16).ok()?;
        }
        Some(Self { chain: chain.to_owned(), seq: seq.parse().ok()?, mac })
    }
}

/// The file, open for appending.
pub(super) struct Anchors(File);

impl Anchors {
    /// Opens it, making it if need be, and tells its last anchor.
    pub(super) fn open(path: &Path) -> Result<(Self, Option<Head>), AuditError> {
        let mut options = std::fs::OpenOptions::new();
        options.create(true).read(true).append(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path).map_err(AuditError::Anchors)?;
        let last = last_of(&mut file).map_err(AuditError::Anchors)?;
        Ok((Self(file), last))
    }

    /// Adds a line in one write, so that two processes do not mix theirs.
    pub(super) fn add(&self, head: &Head, at: i64) -> std::io::Result<()> {
        (&self.0).write_all(head.line(at).as_bytes())
    }
}

fn last_of(file: &mut File) -> std::io::Result<Option<Head>> {
    // Some hundred lines: an old line that somebody has added again does not hide the newest.
    const TAIL: u64 = 64 * 1024;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
    let mut tail = Vec::new();
    file.take(TAIL).read_to_end(&mut tail)?;
    // A line cut short by a crash is ended, so that the next one stands by itself.
    if tail.last().is_some_and(|byte| *byte != b'\n') {
        file.write_all(b"\n")?;
    }
    // The first line may be the end of one.
    let cut = usize::from(length > TAIL);
    Ok(String::from_utf8_lossy(&tail).lines().skip(cut).filter_map(Head::parse).max_by_key(|head| head.seq))
}

/// How far back a line may tell, in lines and in rows: processes that share a file add theirs in either order.
const LOOK_BACK: usize = 1024;
const LOOK_BACK_ROWS: i64 = 1024;

/// The anchors of a file, in order, in bounded memory. A line that a crash cut short is passed over.
pub(super) struct Reading {
    lines: std::io::Lines<BufReader<File>>,
    /// The rows of the last lines.
    recent: VecDeque<i64>,
    farthest: i64,
    repeated: Option<i64>,
}

impl Reading {
    pub(super) fn open(path: &Path) -> Result<Self, AuditError> {
        let lines = BufReader::new(File::open(path).map_err(AuditError::Anchors)?).lines();
        Ok(Self { lines, recent: VecDeque::with_capacity(LOOK_BACK), farthest: 0, repeated: None })
    }

    pub(super) fn next(&mut self) -> Result<Option<Head>, AuditError> {
        for line in self.lines.by_ref() {
            if let Some(head) = Head::parse(&line.map_err(AuditError::Anchors)?) {
                self.note(head.seq);
                return Ok(Some(head));
            }
        }
        Ok(None)
    }

    fn note(&mut self, seq: i64) {
        if seq > self.farthest {
            self.farthest = seq;
        } else if self.recent.contains(&seq) || self.farthest.saturating_sub(seq) > LOOK_BACK_ROWS {
            // The service tells of a row once, and of no row long after others.
            self.repeated = self.repeated.or(Some(seq));
        }
        if self.recent.len() == LOOK_BACK {
            self.recent.pop_front();
        }
        self.recent.push_back(seq);
    }

    /// The first row of which the lines so far tell again.
    pub(super) fn repeated(&self) -> Option<i64> {
        self.repeated
    }

    /// The farthest row of which the lines so far tell.
    pub(super) fn farthest(&self) -> i64 {
        self.farthest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_cut_short_does_not_spoil_the_next() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("anchors");
        let head = |seq| Head { chain: "c".into(), seq, mac: [0xab; MAC] };
        std::fs::write(&path, format!("{}c 2 abab", head(1).line(5))).expect("written");
        let (anchors, last) = Anchors::open(&path).expect("opens");
        assert_eq!(last, Some(head(1)));
        anchors.add(&head(3), 6).expect("added");
        let mut reading = Reading::open(&path).expect("opens");
        assert_eq!(reading.next().expect("reads"), Some(head(1)));
        assert_eq!(reading.next().expect("reads"), Some(head(3)));
        assert_eq!(reading.next().expect("reads"), None);
    }
}
