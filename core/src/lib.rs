//! The rotation of a node's certificate as a pure state machine.
//!
//! A node authenticates with a short-lived certificate. It must renew it before expiry, unattended, through crashes,
//! full disks, clock jumps, and servers that are slow, down or hostile. This crate decides the next action and never
//! carries it out: it takes one [`input::Input`] at a time, with the time on both clocks, and returns the
//! [`input::Action`]s to carry out.
//!
//! # Guarantees
//!
//! * It reads no clock, file, socket or environment variable; it starts no thread and draws no random number.
//! * It holds no byte of a key or certificate, only handles, digests and facts. A trace of it can be published.
//! * It does not panic, and does not depend on the order of a hash map. Equal state and input give equal state and
//!   actions on every platform.
//!
//! The crate is `no_std`, forbids `unsafe`, and its only dependency is the optional `serde`. CI checks all three.
//!
//! # The loop
//!
//! 1. Read both clocks.
//! 2. Take one input: an answer, a signal, or [`input::Input::Tick`] if there is neither.
//! 3. Call [`rotator::Rotator::step`].
//! 4. Carry out the actions in order. [`input::Action::GoLive`] and [`input::Action::Withdraw`] take effect at once.
//!    Answer every other effect with an input that names its operation id. Carry out disk commands one after the other.
//! 5. Erase the keys and chains that [`rotator::Step::erase`] lists, and no others. A key whose answer was not stepped yet is
//!    never among them.
//! 6. Sleep for [`rotator::Rotator::sleep`], or until the next answer. A tick is due when the sleep is over.
//!
//! # Names
//!
//! The root has the types that every driver needs. The modules have them too, with the rest. `docs/api.md` explains which types
//! may grow, and which do not on purpose.
//!
//! # Example
//!
//! A driver whose disk succeeds at everything, up to the first call to the server:
//!
//! ```
//! use certrotate_core::{
//!     Action, Config, ConfigSpec, DiskCommand, DiskDone, Handle, Input, Inventory, KeyDigest, KeyHandle, MadeKey, MonoTime, Now,
//!     RequestDigest, Rotator, RunId, Template, WallTime,
//! };
//! use core::time::Duration;
//!
//! let config = Config::new(ConfigSpec::new(Template::kubelet_client("node-1")))?;
//! let random_bytes = [7; 16]; // drawn once in each process
//! let mut rotator = Rotator::new(config, RunId::new(random_bytes, 0));
//! let now = Now::new(WallTime::from_unix_secs(1_790_000_000), MonoTime::from_ms(0));
//!
//! let mut inputs = vec![Input::Tick];
//! let mut disk = Vec::new();
//! let mut key_store = Vec::new();
//! let mut called = false;
//! while let Some(input) = inputs.pop() {
//!     let step = rotator.step(now, input);
//!     for action in step.actions {
//!         match action {
//!             Action::Disk { op, command } => {
//!                 let done = match command {
//!                     DiskCommand::Scan => DiskDone::Scanned(Box::new(Inventory::empty())),
//!                     _ => DiskDone::Done,
//!                 };
//!                 disk.push(command);
//!                 inputs.push(Input::DiskAnswered { op, result: Ok(done) });
//!             }
//!             Action::MakeKey { op, .. } => {
//!                 let (key, key_digest) = (KeyHandle(1), KeyDigest([1; 32]));
//!                 key_store.push(Handle::Key(key));
//!                 let made = MadeKey { key, key_digest, request: RequestDigest([2; 32]) };
//!                 inputs.push(Input::KeyMade { op, result: Ok(made) });
//!             }
//!             Action::Call { .. } => called = true,
//!             _ => {}
//!         }
//!     }
//!     // The key is not named in `Rotator::handles` yet when it is made, but it is not listed here either.
//!     key_store.retain(|handle| !step.erase.contains(handle));
//!     // The machine waits only for its own next step.
//!     if inputs.is_empty() && rotator.sleep(now) == Some(Duration::ZERO) {
//!         inputs.push(Input::Tick);
//!     }
//! }
//! assert!(called, "the request is sent");
//! assert_eq!(disk.last(), Some(&DiskCommand::SyncDir), "and its key was durable before");
//! assert_eq!(key_store, [Handle::Key(KeyHandle(1))], "and is still in the key store");
//! # Ok::<(), certrotate_core::ConfigError>(())
//! ```
//!
//! `core/tests/scenarios.rs` plays longer runs, and `docs/states.md` lists the transitions.
//! `core/src/renewal/mod.rs` draws the phases.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod common;
pub mod config;
mod digest;
mod directory;
pub mod disk;
pub mod event;
pub mod facts;
pub mod id;
mod in_memory;
pub mod input;
pub mod issuer;
pub mod judge;
mod key;
mod renewal;
pub mod rotator;
mod serving;
pub mod time;
pub mod timing;
pub mod trace;
pub mod view;

pub use config::{Config, ConfigError, ConfigSpec, Template};
pub use disk::{DiskCommand, DiskDone, DiskFault, Inventory};
pub use event::{Event, Severity};
pub use facts::{Attribute, CertFacts, San, Subject, Usages};
pub use id::{CertHandle, Generation, Handle, KeyDigest, KeyHandle, LeafDigest, OpId, RequestDigest, RunId};
pub use input::{Action, Disposition, ExitReason, Input, KeyFault, MadeKey};
pub use issuer::{Call, Credential, IssuerFault, RequestRecord, RequestState};
pub use judge::Refusal;
pub use rotator::{Rotator, Step};
pub use time::{MonoTime, Now, Span, WallTime};
pub use timing::Timing;
pub use view::{View, Wake};
