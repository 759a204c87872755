//! What reading one large answer takes of memory, in a process of its own: there the peak is the reading's.

use crate::say;
use mig_fhir::config::temporary_folder;
use mig_fhir::record::{Limits, read};
use std::path::Path;
use std::process::Command;

/// Measures and prints.
pub fn say_weight(xml: &str) -> Result<(), String> {
    let folder = temporary_folder(&format!("mig-fhir-weight-{}", std::process::id()));
    let measured = weighed(&folder, xml);
    let _ = std::fs::remove_dir_all(&folder);
    let (peak, kept) = measured?;
    #[allow(clippy::cast_precision_loss, reason = "sizes of one record")]
    let times = |bytes: usize| bytes as f64 / xml.len() as f64;
    say(&format!(
        "\nmemory of reading one answer of {} bytes: {:.2} times its size at the peak, {:.2} times kept as a record",
        xml.len(),
        times(peak),
        times(kept)
    ));
    Ok(())
}

fn weighed(folder: &Path, xml: &str) -> Result<(usize, usize), String> {
    let broken = |error: std::io::Error| error.to_string();
    std::fs::create_dir_all(folder).map_err(broken)?;
    let file = folder.join("record.xml");
    std::fs::write(&file, xml).map_err(broken)?;
    let program = std::env::current_exe().map_err(broken)?;
    let out = Command::new(program).args(["bench", "--weigh"]).arg(&file).output().map_err(broken)?;
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    let mut figures = text.split_whitespace().map_while(|word| word.parse().ok());
    figures.next().zip(figures.next()).ok_or_else(|| "this machine does not tell its memory".to_owned())
}

/// Reads the file and prints two figures: bytes at the peak and bytes that the record keeps, beside the file's own.
pub fn weigh(file: &Path) -> Result<(), String> {
    let xml = std::fs::read(file).map_err(|error| error.to_string())?;
    let before = (resident("VmHWM:")?, resident("VmRSS:")?);
    let record = read(&xml, Limits::default()).map_err(|error| error.to_string())?;
    let after = (resident("VmHWM:")?, resident("VmRSS:")?);
    let events = record.events.len();
    say(&format!("{} {}", after.0.saturating_sub(before.0), after.1.saturating_sub(before.1)));
    if events == 0 { Err("a record without entries".to_owned()) } else { Ok(()) }
}

/// A figure of this process in bytes, where the machine tells it.
pub fn resident(name: &str) -> Result<usize, String> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kilobytes = status
        .lines()
        .find_map(|line| line.strip_prefix(name))
        .and_then(|rest| rest.split_whitespace().next()?.parse::<usize>().ok());
    kilobytes.map(|kilobytes| kilobytes * 1024).ok_or_else(|| "this machine does not tell its memory".to_owned())
}
