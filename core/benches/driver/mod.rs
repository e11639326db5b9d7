//! A driver without disk, network and crypto.

use certrotate_core::disk::{DiskCommand, DiskDone, Inventory};
use certrotate_core::facts::{CertFacts, Chain};
use certrotate_core::id::{CertHandle, KeyDigest, KeyHandle, LeafDigest, RequestDigest, RunId};
use certrotate_core::issuer::{Call, RequestRecord, RequestState};
use certrotate_core::{
    Action, Config, ConfigSpec, Input, MadeKey, MonoTime, Now, Rotator, Span, Template, WallTime,
};

const DAY: Span = Span::from_hours(24);

/// A state machine with a driver that answers every action at once and without a fault.
pub(crate) struct Driver {
    pub(crate) rotator: Rotator,
    template: Template,
    pub(crate) now: Now,
    key: KeyDigest,
    made: u64,
    pub(crate) steps: u64,
    pub(crate) lives: u32,
}

impl Driver {
    /// A driver that has not started.
    pub(crate) fn new(template: Template, run: RunId) -> Self {
        let config = Config::new(ConfigSpec::new(template.clone())).expect("the template is complete");
        let now = Now::new(WallTime::from_unix_secs(1_767_225_600), MonoTime::from_ms(1));
        let rotator = Rotator::new(config, run);
        Self { rotator, template, now, key: KeyDigest([0; 32]), made: 0, steps: 0, lives: 0 }
    }

    fn answer(&mut self, action: Action) -> Option<Input> {
        match action {
            Action::Disk { op, command: DiskCommand::Scan } => {
                Some(Input::DiskAnswered { op, result: Ok(DiskDone::Scanned(Box::new(Inventory::empty()))) })
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
    pub(crate) fn advance(&mut self) {
        // The clock is never set here: nothing changes at a clock check before something is due.
        while let Some(sleep) = self.rotator.sleep(self.now).filter(|sleep| !sleep.is_zero()) {
            let wait = Span::from_duration(sleep);
            self.now = Now { wall: self.now.wall.plus(wait), mono: self.now.mono.plus(wait) };
        }
        self.give(Input::Tick);
    }
}
