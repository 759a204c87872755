//! The program as a process, and HTTP to it over a plain socket, so that a proof knows which answers came whole.

use serde_json::Value;
use std::fs::OpenOptions;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A whole answer.
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(header, _)| header.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
    }
}

/// One request on a connection of its own.
///
/// # Errors
/// When the answer did not come, or came cut short.
pub async fn ask(to: SocketAddr, method: &str, path: &str, headers: &str, body: &str) -> std::io::Result<Answer> {
    let mut stream = TcpStream::connect(to).await?;
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {to}\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await?;
    let short = || std::io::Error::from(std::io::ErrorKind::UnexpectedEof);
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").ok_or_else(short)?;
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let status = head.get(9..12).and_then(|code| code.parse().ok()).ok_or_else(short)?;
    let answer = Answer { status, head, body: bytes.split_off(end + 4) };
    let length: Option<usize> = answer.header("content-length").and_then(|length| length.parse().ok());
    // To HEAD nothing but the length of what is not sent.
    if method != "HEAD" && length != Some(answer.body.len()) {
        return Err(short());
    }
    Ok(answer)
}

/// A free port, a moment ago.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

/// The demo as a process of its own. Killed when dropped.
pub struct Program {
    child: Child,
    pub address: SocketAddr,
}

impl Program {
    /// Starts the demo in a folder and returns once it answers. What it logs goes to a file, appended.
    pub async fn demo(data: &Path, extra: &[&str], environment: &[(&str, &str)], log: &Path) -> Self {
        let data = data.to_str().expect("a path");
        // The port was free a moment ago: should another process have taken it, another is tried.
        for _ in 0..5 {
            let listen = format!("127.0.0.1:{}", free_port());
            let arguments = [&["demo", "--listen", &listen, "--data", data], extra].concat();
            if let Some(program) = Self::start(&arguments, environment, &listen, log).await {
                return program;
            }
        }
        panic!("the demo does not start: {}", std::fs::read_to_string(log).unwrap_or_default());
    }

    /// Starts the facade alone.
    pub async fn serve(config: &Path, extra: &[&str], environment: &[(&str, &str)], log: &Path) -> Self {
        let config = config.to_str().expect("a path");
        for _ in 0..5 {
            let listen = format!("127.0.0.1:{}", free_port());
            let arguments = [&["serve", "--config", config], extra].concat();
            let environment = [&[("MIG_FHIR__SERVER__LISTEN", listen.as_str())], environment].concat();
            if let Some(program) = Self::start(&arguments, &environment, &listen, log).await {
                return program;
            }
        }
        panic!("the facade does not start: {}", std::fs::read_to_string(log).unwrap_or_default());
    }

    async fn start(arguments: &[&str], environment: &[(&str, &str)], listen: &str, log: &Path) -> Option<Self> {
        let log = OpenOptions::new().create(true).append(true).open(log).expect("a log");
        let mut child = Command::new(env!("CARGO_BIN_EXE_mig-fhir"))
            .args(arguments)
            .envs(environment.iter().copied())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("the program");
        let out = child.stdout.take().expect("its output");
        let program = Self { child, address: listen.parse().expect("an address") };
        let ready = tokio::task::spawn_blocking(move || {
            let mut lines = BufReader::new(out).lines().map_while(Result::ok);
            let ready = lines.by_ref().any(|line| line.starts_with("ready "));
            // Read to the end, or it would stop at a full pipe.
            std::thread::spawn(move || lines.for_each(drop));
            ready
        });
        let ready = tokio::time::timeout(Duration::from_mins(1), ready).await.expect("it starts in time");
        ready.expect("its output").then_some(program)
    }

    /// SIGKILL: nothing is flushed, nothing is closed.
    pub fn kill(mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("gone");
    }

    /// SIGTERM: it is asked to stop.
    pub fn terminate(&self) {
        let status = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().expect("kill");
        assert!(status.success());
    }

    /// Whether it ended by itself, well, and in time.
    pub fn ended(mut self, within: Duration) -> bool {
        let started = std::time::Instant::now();
        while started.elapsed() < within {
            if let Some(status) = self.child.try_wait().expect("its status") {
                return status.success();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        false
    }

    /// Its resident memory in kilobytes, where the system tells.
    pub fn memory(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?.trim().trim_end_matches(" kB").parse().ok()
    }

    /// One of the cast's tokens.
    pub async fn token(&self, user: &str) -> String {
        let form = "Content-Type: application/x-www-form-urlencoded\r\n";
        let answer = ask(self.address, "POST", "/demo/token", form, &format!("user={user}")).await.expect("a token");
        answer.json()["access_token"].as_str().expect("a token").to_owned()
    }

    /// What `/demo/patients` lists.
    pub async fn patients(&self) -> Vec<Value> {
        let answer = ask(self.address, "GET", "/demo/patients", "", "").await.expect("patients");
        answer.json().as_array().cloned().expect("a list")
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The command line, run to its end: whether it succeeded, and what it said.
pub fn command(arguments: &[&str]) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_mig-fhir")).args(arguments).output().expect("the program");
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

/// What a command left: its exit code, its output, and what it said beside it.
pub fn told(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_mig-fhir")).args(arguments).output().expect("the program");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// What a command took.
pub struct Peak {
    /// The most memory that was resident, in kilobytes; none where the system does not tell.
    pub kilobytes: u64,
    pub took: Duration,
    /// What it had of the processor, of all its threads: a busy machine does not change that.
    pub worked: Duration,
    /// Bytes and lines of its output, and how that began.
    pub written: u64,
    pub lines: u64,
    pub said: String,
}

/// The command line, run to its end, watched. It must succeed.
pub fn peak(arguments: &[String]) -> Peak {
    let started = std::time::Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_mig-fhir"))
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program");
    let mut out = child.stdout.take().expect("its output");
    let reading = std::thread::spawn(move || {
        let (mut piece, mut written, mut lines, mut said) = (vec![0; 64 * 1024], 0, 0, Vec::new());
        loop {
            let length = std::io::Read::read(&mut out, &mut piece).expect("read");
            if length == 0 {
                return (written, lines, String::from_utf8_lossy(&said).into_owned());
            }
            let piece = &piece[..length];
            written += u64::try_from(length).expect("small");
            lines += piece.iter().map(|byte| u64::from(*byte == b'\n')).sum::<u64>();
            said.extend(piece.iter().take(1_000_usize.saturating_sub(said.len())));
        }
    });
    // Both only rise, so that the last look before the end is the whole, or nearly.
    let (process, mut kilobytes, mut worked) = (format!("/proc/{}", child.id()), 0, Duration::ZERO);
    let ended = loop {
        let told = std::fs::read_to_string(format!("{process}/status")).unwrap_or_default();
        let mark = told.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
        kilobytes = mark.and_then(|mark| mark.trim().parse().ok()).unwrap_or(kilobytes);
        let told = std::fs::read_to_string(format!("{process}/stat")).unwrap_or_default();
        // Of a process that has ended there are other numbers, or none.
        worked = worked.max(processor_time(&told).unwrap_or_default());
        if let Some(ended) = child.try_wait().expect("its status") {
            break ended;
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    let took = started.elapsed();
    let (written, lines, said) = reading.join().expect("its output");
    assert!(ended.success(), "{arguments:?}: {said}");
    Peak { kilobytes, took, worked, written, lines, said }
}

/// User and system time of `/proc/PID/stat`, whose ticks are hundredths of a second.
fn processor_time(stat: &str) -> Option<Duration> {
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ').skip(11).map(|field| field.parse::<u64>().ok());
    Some(Duration::from_millis(10 * (fields.next()?? + fields.next()??)))
}

/// A number that the environment of the tests gives, for longer runs.
pub fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}
