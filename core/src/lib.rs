//! The rotation of a node's certificate as a pure state machine.
//!
//! A node proves who it is with a short-lived certificate and replaces it before it ends, for ever, through
//! crashes, full disks, clock jumps and servers that are slow, down or hostile. This crate decides
//! what to do next and never does it: it takes one [`input::Input`] at a time, with what both clocks
//! show, and gives back the [`input::Action`]s to carry out.
//!
//! # What it never does
//!
//! * read a clock, a file, a socket or the environment; start a thread; draw a random number;
//! * hold a byte of a key or of a certificate: it knows handles, digests and facts. So a trace of it
//!   can be published;
//! * panic, or depend on the order of a hash map: equal state and input give equal state and actions,
//!   on every platform.
//!
//! The crate is `no_std`, forbids `unsafe` and has no dependency (but `serde`, if that feature is asked for);
//! CI checks it.
//!
//! # The loop
//!
//! 1. Read both clocks.
//! 2. Take one input: an answer, a signal, or [`input::Input::Tick`] if [`rotator::Rotator::wake`] has come.
//! 3. [`rotator::Rotator::step`].
//! 4. Carry out the actions in order. [`input::Action::GoLive`] and [`input::Action::Withdraw`] at once;
//!    the others as it suits, each answered by an input with the same operation id. Disk commands
//!    are carried out one after the other.
//! 5. Erase every key and chain that [`rotator::Rotator::handles`] does not name any more.
//! 6. Sleep until [`rotator::Rotator::wake`] or the next answer, and no longer than
//!    [`rotator::Rotator::clock_check`], because the wall clock may be set.
//!
//! # Example
//!
//! A driver whose disk and server do nothing but say yes, up to the moment where the server is asked:
//!
//! ```
//! use certrotate_core::config::{Config, ConfigSpec, Template};
//! use certrotate_core::disk::{DiskCommand, DiskDone, Inventory, CurrentLink};
//! use certrotate_core::id::{KeyDigest, KeyHandle, RequestDigest, RunId};
//! use certrotate_core::input::{Action, Input, MadeKey};
//! use certrotate_core::rotator::Rotator;
//! use certrotate_core::time::{MonoTime, Now, WallTime};
//!
//! let config = Config::new(ConfigSpec::new(Template::node_client("node-1")))?;
//! let mut rotator = Rotator::new(config, RunId(1));
//! let now = Now { wall: WallTime::from_unix_secs(1_790_000_000), mono: MonoTime::from_ms(0) };
//!
//! let mut inputs = vec![Input::Tick];
//! let mut disk = Vec::new();
//! let mut asked = false;
//! while let Some(input) = inputs.pop() {
//!     for action in rotator.step(now, input).actions {
//!         match action {
//!             Action::Disk { op, command } => {
//!                 let empty = Inventory { current: CurrentLink::Absent, entries: Vec::new(), more: false, outside: Vec::new() };
//!                 let done = match command {
//!                     DiskCommand::Scan => DiskDone::Scanned(Box::new(empty)),
//!                     _ => DiskDone::Done,
//!                 };
//!                 disk.push(command);
//!                 inputs.push(Input::DiskAnswered { op, result: Ok(done) });
//!             }
//!             Action::MakeKey { op, .. } => {
//!                 let (key, key_digest) = (KeyHandle(1), KeyDigest([1; 32]));
//!                 let made = MadeKey { key, key_digest, request: RequestDigest([2; 32]) };
//!                 inputs.push(Input::KeyMade { op, result: Ok(made) });
//!             }
//!             Action::Call { .. } => asked = true,
//!             _ => {}
//!         }
//!     }
//!     // The machine has nothing to wait for but its own next step.
//!     if inputs.is_empty() && rotator.wake().mono == Some(now.mono) {
//!         inputs.push(Input::Tick);
//!     }
//! }
//! assert!(asked, "the request is on its way");
//! assert_eq!(disk.last(), Some(&DiskCommand::SyncDir), "and was durable before");
//! # Ok::<(), certrotate_core::config::ConfigError>(())
//! ```
//!
//! `core/tests/stories.rs` tells ten longer ones, and `docs/states.md` has the whole transition table.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod api;
mod common;
pub mod config;
mod digest;
pub mod disk;
pub mod event;
pub mod facts;
pub mod id;
pub mod input;
pub mod judge;
mod live;
mod renewal;
pub mod rotator;
#[cfg(feature = "seeded")]
pub mod seeded;
pub mod time;
pub mod timing;
pub mod trace;
mod unsaved;
pub mod view;
mod waits;
