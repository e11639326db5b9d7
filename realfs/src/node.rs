//! The shipped core over a disk, with clocks that jump to the next due time.

use std::collections::VecDeque;
use std::fmt;

use certrotate_core::config::{Config, ConfigSpec, Template};
use certrotate_core::disk::DiskCommand;
use certrotate_core::id::RunId;
use certrotate_core::input::{Action, ExitReason, Input};
use certrotate_core::issuer::{Call, IssuerFault, RequestRecord, RequestState};
use certrotate_core::rotator::Rotator;
use certrotate_core::time::{MonoTime, Now, Span, WallTime};
use certrotate_core::view::Phase;
use certrotate_keys::{KeyStore, Staged};
use certrotate_x509::{CertChain, csr, request_name};

use crate::disk::{Disk, Trouble};
use crate::plane::Shown;
use crate::world::{Report, World};

/// Limits of inputs between two rests, and of rests, far above the need of any run here. A run
/// above them never ends.
const INPUTS: u32 = 1500;
const RESTS: u32 = 5000;
/// Limit of clock checks in one wait, far above those of a lifetime.
const CLOCK_CHECKS: u32 = 1_000_000;

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The node came to rest, and the world stopped it.
    AtRest,
    /// The power was cut.
    Cut,
    /// The machine was switched off.
    Off,
    /// Core stopped the node.
    Exit(ExitReason),
    /// The run exceeded the limit of inputs or rests.
    Lost,
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtRest => f.write_str("at rest"),
            Self::Cut => f.write_str("cut"),
            Self::Off => f.write_str("off"),
            Self::Exit(reason) => write!(f, "exit {reason:?}"),
            Self::Lost => f.write_str("lost"),
        }
    }
}

/// A started node.
#[derive(Debug)]
pub struct Node<'a, W> {
    rotator: Rotator,
    disk: &'a mut Disk,
    keys: KeyStore,
    template: Template,
    world: &'a mut W,
    now: Now,
    inbox: VecDeque<(Input, Staged)>,
}

impl<'a, W: World> Node<'a, W> {
    /// Makes a node that starts at this time. The number makes the ids of its run unique.
    ///
    /// # Panics
    ///
    /// Never: the configuration is valid.
    pub fn new(disk: &'a mut Disk, world: &'a mut W, (start, number): (WallTime, u64)) -> Self {
        let template = crate::template();
        let spec = ConfigSpec { seed: 1, ..ConfigSpec::new(template.clone()) };
        let config = Config::new(spec).expect("the configuration is a good one");
        Self {
            rotator: Rotator::new(config, RunId(number)),
            keys: disk.keys().clone(),
            disk,
            template,
            world,
            now: Now { wall: start, mono: MonoTime::from_ms(0) },
            inbox: VecDeque::from([(Input::Tick, Staged::default())]),
        }
    }

    /// Runs until the node rests and the world stops it, or until it cannot continue.
    pub fn run(mut self) -> Ended {
        let (mut inputs, mut rests) = (0, 0);
        while inputs < INPUTS && rests < RESTS {
            if self.world.is_off() {
                return Ended::Off;
            }
            inputs += 1;
            let answer = match self.inbox.pop_front() {
                Some(answer) => answer,
                None => {
                    if self.rotator.view().phase == Phase::Resting {
                        if !self.world.rested(self.now.wall) {
                            return Ended::AtRest;
                        }
                        (inputs, rests) = (0, rests + 1);
                    }
                    self.wait();
                    (Input::Tick, Staged::default())
                }
            };
            if let Some(ended) = self.step(answer) {
                return ended;
            }
        }
        Ended::Lost
    }

    /// Advances both clocks to the next due time, from one clock check to the next.
    fn wait(&mut self) {
        for _ in 0..CLOCK_CHECKS {
            let sleep = self.rotator.sleep(self.now).unwrap_or_default();
            if sleep.is_zero() {
                return;
            }
            let wait = Span::from_duration(sleep);
            self.now = Now { wall: self.now.wall.plus(wait), mono: self.now.mono.plus(wait) };
        }
    }

    fn step(&mut self, (input, staged): (Input, Staged)) -> Option<Ended> {
        self.keys.accept(staged, &input).expect("a node has fewer keys than the limit");
        let step = self.rotator.step(self.now, input);
        for action in step.actions {
            match action {
                Action::Disk { op, command } => {
                    let result = match self.disk.run(&command) {
                        Err(Trouble::Cut) => return Some(Ended::Cut),
                        Err(trouble) => {
                            self.world.report(Report::Fault(trouble.to_string()), self.now.wall);
                            Err(trouble.kind())
                        }
                        Ok(done) => Ok(done),
                    };
                    if command == DiskCommand::Scan {
                        for remark in self.disk.remarks() {
                            self.world.report(Report::Remark(remark.clone()), self.now.wall);
                        }
                    }
                    self.inbox.push_back((Input::DiskAnswered { op, result }, self.disk.take_staged()));
                }
                Action::MakeKey { op, duration } => {
                    let (made, staged) = self.keys.make(duration).expect("the system has randomness");
                    self.inbox.push_back((Input::KeyMade { op, result: Ok(made) }, staged));
                }
                Action::Call { op, call, .. } => {
                    let mut staged = Staged::default();
                    let result = self.call(call, &mut staged);
                    self.inbox.push_back((Input::CallAnswered { op, result }, staged));
                }
                Action::GoLive { generation, key, cert } => {
                    let leaf = self.keys.lend(key, cert, |_, _, facts| facts.leaf);
                    let leaf = leaf.expect("a live identity was issued or read before");
                    self.world.report(Report::Live(generation, leaf), self.now.wall);
                }
                Action::Withdraw { .. } => self.world.report(Report::Withdrawn, self.now.wall),
                Action::Report(event) => {
                    let text = format!("{event:?}");
                    let name = text.split([' ', '(']).next().unwrap_or_default();
                    self.world.report(Report::Event(name.to_owned()), self.now.wall);
                }
                Action::Cancel { .. } => {}
                Action::Exit(reason) => return Some(Ended::Exit(reason)),
            }
        }
        self.keys.erase(&step.erase);
        None
    }

    fn call(&mut self, call: Call, staged: &mut Staged) -> Result<RequestRecord, IssuerFault> {
        let now = self.now.wall;
        let shown = match call {
            Call::Create { key } => {
                let request = self.keys.signing_request(key)?;
                self.world.create(&request.name, &request.csr_pem, now)?
            }
            Call::Get { request } | Call::Watch { request } => {
                self.world.get(&request_name(&request), now)?
            }
        };
        Ok(self.object(&shown, staged))
    }

    fn object(&self, shown: &Shown, staged: &mut Staged) -> RequestRecord {
        let state = match shown.chain_pem.as_ref().map(|pem| CertChain::read(pem.as_bytes(), None)) {
            _ if shown.denied => RequestState::Denied,
            None => RequestState::Pending,
            Some(Ok((chain, facts))) => {
                let cert = self.keys.stage_chain(staged, chain, facts.clone());
                RequestState::Issued { cert, facts }
            }
            Some(Err(_)) => RequestState::IssuedUnreadable,
        };
        RequestRecord {
            key: csr::read(shown.csr_pem.as_bytes()).ok().map(|facts| facts.key),
            signer: self.template.signer.clone(),
            usages: self.template.usages,
            requester: String::new(),
            state,
        }
    }
}
