//! A node in one process and its world in another: lines over a pipe.
//!
//! The node sends `create`, `get` and `rested`, which the world answers by one line each. It also
//! sends `report` and `ended`, without an answer.

use std::io::{self, BufRead, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use certrotate_core::id::{Generation, LeafDigest};
use certrotate_core::issuer::IssuerFault;
use certrotate_core::time::WallTime;

use crate::plane::Shown;
use crate::world::{Report, Session, World};

/// The node's side.
#[derive(Debug)]
pub struct Far<R, W> {
    from: R,
    to: W,
}

impl<R: BufRead, W: Write> Far<R, W> {
    /// Makes the proxy of a world at the other end.
    pub fn new(from: R, to: W) -> Self {
        Self { from, to }
    }

    /// Reports how the node ended.
    pub fn ended(&mut self, how: &str) {
        self.say(&format!("ended {how}"));
    }

    /// Sends a line by one write, so that a trace of system calls shows it whole.
    fn say(&mut self, line: &str) {
        let sent = self.to.write_all(format!("{line}\n").as_bytes()).and_then(|()| self.to.flush());
        sent.expect("the world is there as long as the node");
    }

    fn ask(&mut self, line: &str) -> String {
        self.say(line);
        let mut answer = String::new();
        let read = self.from.read_line(&mut answer).expect("the world is there as long as the node");
        assert!(read > 0, "the world ended before the node");
        answer.trim_end().to_owned()
    }

    fn ask_shown(&mut self, line: &str) -> Result<Shown, IssuerFault> {
        let answer = self.ask(line);
        let mut words = answer.split(' ');
        let text = |word: Option<&str>| {
            let bytes = word.and_then(|word| STANDARD.decode(word).ok());
            bytes.and_then(|bytes| String::from_utf8(bytes).ok())
        };
        match words.next() {
            Some("exists") => Err(IssuerFault::AlreadyExists),
            Some("missing") => Err(IssuerFault::NotFound),
            Some(state @ ("open" | "denied" | "issued")) => Ok(Shown {
                csr_pem: text(words.next()).ok_or(IssuerFault::Unexpected)?,
                denied: state == "denied",
                chain_pem: text(words.next()),
            }),
            Some(_) | None => Err(IssuerFault::Unexpected),
        }
    }
}

impl<R: BufRead, W: Write> World for Far<R, W> {
    fn create(&mut self, name: &str, csr_pem: &str, now: WallTime) -> Result<Shown, IssuerFault> {
        self.ask_shown(&format!("create {} {name} {}", now.unix_ms(), STANDARD.encode(csr_pem)))
    }

    fn get(&mut self, name: &str, now: WallTime) -> Result<Shown, IssuerFault> {
        self.ask_shown(&format!("get {} {name}", now.unix_ms()))
    }

    fn report(&mut self, report: Report, now: WallTime) {
        self.say(&format!("report {} {report}", now.unix_ms()));
    }

    fn rested(&mut self, now: WallTime) -> bool {
        self.ask(&format!("rested {}", now.unix_ms())) == "on"
    }
}

/// Answers until the other process closes its end. Returns how the node ended, if it said so.
///
/// # Errors
///
/// A line that is not in the protocol.
pub fn serve(session: &mut Session, from: impl BufRead, mut to: impl Write) -> io::Result<Option<String>> {
    let mut ended = None;
    for line in from.lines() {
        let line = line?;
        let odd = || io::Error::other(format!("the node said {line:?}"));
        let (verb, rest) = line.split_once(' ').ok_or_else(odd)?;
        if verb == "ended" {
            ended = Some(rest.to_owned());
            continue;
        }
        let (millis, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        let now = WallTime::from_unix_ms(millis.parse().map_err(|_| odd())?);
        let answer = match verb {
            "create" => {
                let (name, pem) = rest.split_once(' ').ok_or_else(odd)?;
                let pem = STANDARD.decode(pem).ok().and_then(|pem| String::from_utf8(pem).ok());
                shown(session.create(name, &pem.ok_or_else(odd)?, now))
            }
            "get" => shown(session.get(rest, now)),
            "rested" => if session.rested(now) { "on" } else { "off" }.to_owned(),
            "report" => {
                session.report(parse_report(rest).ok_or_else(odd)?, now);
                continue;
            }
            _ => return Err(odd()),
        };
        // One write, so that the node reads the answer with one call and the numbers of its calls
        // repeat. A node that was killed after its request reads no answer.
        let _ = to.write_all(format!("{answer}\n").as_bytes()).and_then(|()| to.flush());
    }
    Ok(ended)
}

fn shown(result: Result<Shown, IssuerFault>) -> String {
    match result {
        Ok(Shown { csr_pem, denied, chain_pem }) => {
            let state = match (&chain_pem, denied) {
                (Some(_), _) => "issued",
                (None, true) => "denied",
                (None, false) => "open",
            };
            let chain = chain_pem.map(|pem| STANDARD.encode(pem)).unwrap_or_else(|| "-".to_owned());
            format!("{state} {} {chain}", STANDARD.encode(csr_pem))
        }
        Err(IssuerFault::AlreadyExists) => "exists".to_owned(),
        Err(IssuerFault::NotFound) => "missing".to_owned(),
        Err(_) => "odd".to_owned(),
    }
}

fn parse_report(text: &str) -> Option<Report> {
    let (kind, rest) = text.split_once(' ').unwrap_or((text, ""));
    Some(match kind {
        "live" => {
            let (generation, leaf) = rest.split_once(' ')?;
            Report::Live(Generation(generation.parse().ok()?), LeafDigest(parse_hex(leaf)?))
        }
        "withdrawn" => Report::Withdrawn,
        "fault" => Report::Fault(rest.to_owned()),
        "remark" => Report::Remark(rest.to_owned()),
        "event" => Report::Event(rest.to_owned()),
        _ => return None,
    })
}

fn parse_hex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 2 * bytes.len() {
        return None;
    }
    for (place, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * place..2 * place + 2)?, 16).ok()?;
    }
    Some(bytes)
}
