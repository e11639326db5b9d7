//! Prints what a step and a whole rotation cost without crypto, disk and network: `cargo bench -p certrotate-core`.

#![expect(clippy::disallowed_types, reason = "the bench, unlike core, looks at a clock")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use certrotate_core::config::{Config, ConfigSpec, Template};
use certrotate_core::disk::{CurrentLink, DiskCommand, DiskDone, Inventory};
use certrotate_core::facts::{CertFacts, Chain};
use certrotate_core::id::{CertHandle, KeyDigest, KeyHandle, LeafDigest, RequestDigest, RunId};
use certrotate_core::input::{Action, Input, MadeKey};
use certrotate_core::issuer::{Call, RequestRecord, RequestState};
use certrotate_core::rotator::Rotator;
use certrotate_core::time::{MonoTime, Now, Span, WallTime};

const ROTATIONS: u32 = 100_000;
const TICKS: u32 = 10_000_000;
const DAY: Span = Span::from_hours(24);

/// A state machine with a driver that answers every action at once and without a fault.
struct Driver {
    rotator: Rotator,
    template: Template,
    now: Now,
    key: KeyDigest,
    made: u64,
    steps: u64,
    lives: u32,
}

impl Driver {
    fn answer(&mut self, action: Action) -> Option<Input> {
        match action {
            Action::Disk { op, command: DiskCommand::Scan } => {
                let empty = Inventory {
                    current: CurrentLink::Absent,
                    entries: Vec::new(),
                    more: false,
                    outside: Vec::new(),
                };
                Some(Input::DiskAnswered { op, result: Ok(DiskDone::Scanned(Box::new(empty))) })
            }
            Action::Disk { op, .. } => Some(Input::DiskAnswered { op, result: Ok(DiskDone::Done) }),
            Action::MakeKey { op, .. } => {
                self.made += 1;
                let mut digest = [0; 32];
                digest[..8].copy_from_slice(&self.made.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
                self.key = KeyDigest(digest);
                let (key, request) = (KeyHandle(self.made), RequestDigest(digest));
                Some(Input::KeyMade { op, result: Ok(MadeKey { key, key_digest: self.key, request }) })
            }
            Action::Call { op, call: Call::Create { .. } | Call::Get { .. }, .. } => {
                Some(Input::CallAnswered { op, result: Ok(self.object(false)) })
            }
            Action::Call { op, call: Call::Watch { .. }, .. } => {
                Some(Input::CallAnswered { op, result: Ok(self.object(true)) })
            }
            Action::GoLive { .. } => {
                self.lives += 1;
                None
            }
            Action::Cancel { .. } | Action::Withdraw { .. } | Action::Report(_) | Action::Exit(_) => None,
        }
    }

    fn object(&self, issued: bool) -> RequestRecord {
        let facts = CertFacts {
            leaf: LeafDigest(self.key.0),
            key: self.key,
            subject: self.template.subject.clone(),
            sans: Vec::new(),
            usages: self.template.usages,
            ca: false,
            not_before: self.now.wall,
            not_after: self.now.wall.plus(DAY),
            chain: Chain::Unchecked,
        };
        RequestRecord {
            key: Some(self.key),
            signer: self.template.signer.clone(),
            usages: self.template.usages,
            requester: String::new(),
            state: if issued {
                RequestState::Issued { cert: CertHandle(self.made), facts }
            } else {
                RequestState::Pending
            },
        }
    }

    /// Gives an input and all that follows from it without time passing.
    fn give(&mut self, input: Input) {
        let mut inputs = vec![input];
        while let Some(input) = inputs.pop() {
            self.steps += 1;
            for action in self.rotator.step(self.now, input).actions {
                inputs.extend(self.answer(action));
            }
        }
    }

    /// To the next deadline.
    fn advance(&mut self) {
        // The clock is never set here: nothing changes at a clock check before something is due.
        while let Some(sleep) = self.rotator.sleep(self.now).filter(|sleep| !sleep.is_zero()) {
            let wait = Span::from_ms(u64::try_from(sleep.as_millis()).unwrap_or(u64::MAX));
            self.now = Now { wall: self.now.wall.plus(wait), mono: self.now.mono.plus(wait) };
        }
        self.give(Input::Tick);
    }
}

fn main() {
    let template = Template::kubelet_client("bench-node");
    let config = Config::new(ConfigSpec::new(template.clone())).expect("the template is complete");
    let now = Now { wall: WallTime::from_unix_secs(1_767_225_600), mono: MonoTime::from_ms(1) };
    let rotator = Rotator::new(config, RunId(1));
    let mut driver = Driver { rotator, template, now, key: KeyDigest([0; 32]), made: 0, steps: 0, lives: 0 };
    while driver.lives < 1 {
        driver.advance();
    }

    let (start, steps) = (Instant::now(), driver.steps);
    while driver.lives <= ROTATIONS {
        driver.advance();
    }
    let (rotations, taken) = (start.elapsed(), driver.steps - steps);

    let start = Instant::now();
    for _ in 0..TICKS {
        let _ = black_box(driver.rotator.step(driver.now, black_box(Input::Tick)));
    }
    let ticks = start.elapsed();

    println!("{:<44}{:>12}{:>10}", "what", "measured", "aim");
    println!("{:<44}{:>12}{:>10}", "a step, mean over rotations", each(rotations, taken), "200 ns");
    println!("{:<44}{:>12}{:>10}", "a tick with nothing due", each(ticks, TICKS.into()), "200 ns");
    println!(
        "{:<44}{:>12}{:>10}",
        "a whole rotation without crypto",
        each(rotations, ROTATIONS.into()),
        "5000 ns"
    );
}

fn each(total: Duration, count: u64) -> String {
    format!("{:.0} ns", total.as_nanos() as f64 / count as f64)
}
