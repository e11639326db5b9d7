//! The key store of a driver: the bytes of keys and certificates that `certrotate-core` names by handle.
//!
//! Core never sees a key. A driver of any kind keeps the bytes here, with threads, with an event loop or with neither:
//!
//! * [`KeyStore::make`] makes a key and the request (PKCS#10) that it signs.
//! * [`Staged`] has the keys and chains of an answer until core gets it. Dropping an answer erases its keys.
//! * [`KeyStore::accept`] adds them right before [`Rotator::step`](certrotate_core::rotator::Rotator::step).
//! * [`KeyStore::erase`] erases what [`Step::erase`](certrotate_core::rotator::Step::erase) lists, after the actions.
//! * [`Staging`] is the [`Vault`] that `certrotate-store` writes files from and reads them into.
//! * [`KeyStore::lend`] gives a key and its chain to TLS.
//!
//! A key or chain that is not there is the error [`HandleGone`]. The driver answers with the fault of that name, and core
//! makes another key.
//!
//! # What it never does
//!
//! It decides nothing and erases no accepted key by itself. It reads no clock, file or socket, starts no thread and waits
//! for none. It shows no key in an error or in `Debug`, uses no handle twice, and keeps at most [`MAX_HANDLES`] keys and
//! chains. Erased keys are overwritten.
//!
//! # Example
//!
//! A driver in one thread up to the first call, on a disk that succeeds at everything:
//!
//! ```
//! use certrotate_core::config::{Config, ConfigSpec, Template};
//! use certrotate_core::disk::{CurrentLink, DiskCommand, DiskDone, Inventory};
//! use certrotate_core::id::RunId;
//! use certrotate_core::input::{Action, Input, KeyFault};
//! use certrotate_core::issuer::Call;
//! use certrotate_core::rotator::Rotator;
//! use certrotate_core::time::{MonoTime, Now, WallTime};
//! use certrotate_keys::{KeyStore, Staged};
//! use std::time::Duration;
//!
//! let template = Template::kubelet_client("node-1");
//! let keys = KeyStore::new(template.clone());
//! let mut rotator = Rotator::new(Config::new(ConfigSpec::new(template))?, RunId(1));
//! let now = Now { wall: WallTime::from_unix_secs(1_790_000_000), mono: MonoTime::from_ms(0) };
//!
//! let mut answers = vec![(Input::Tick, Staged::default())];
//! let mut request = None;
//! while let Some((input, staged)) = answers.pop() {
//!     keys.accept(staged, &input)?; // the keys of an answer enter with it
//!     let step = rotator.step(now, input);
//!     for action in step.actions {
//!         match action {
//!             Action::Disk { op, command } => {
//!                 let empty = Inventory { current: CurrentLink::Absent, entries: Vec::new(), more: false, outside: Vec::new() };
//!                 let result = match command {
//!                     DiskCommand::Scan => Ok(DiskDone::Scanned(Box::new(empty))),
//!                     DiskCommand::Write { content, .. } => match keys.content(&content) {
//!                         Ok(_bytes) => Ok(DiskDone::Done), // written here
//!                         Err(gone) => Err(gone.into()),
//!                     },
//!                     _ => Ok(DiskDone::Done),
//!                 };
//!                 answers.push((Input::DiskAnswered { op, result }, Staged::default()));
//!             }
//!             Action::MakeKey { op, duration } => {
//!                 let (result, staged) = match keys.make(duration) {
//!                     Ok((made, staged)) => (Ok(made), staged),
//!                     Err(_) => (Err(KeyFault::Failed), Staged::default()),
//!                 };
//!                 answers.push((Input::KeyMade { op, result }, staged));
//!             }
//!             Action::Call { call: Call::Create { key }, .. } => request = Some(keys.signing_request(key)?),
//!             _ => {}
//!         }
//!     }
//!     keys.erase(&step.erase); // and leave when core says so
//!     if answers.is_empty() && rotator.sleep(now) == Some(Duration::ZERO) {
//!         answers.push((Input::Tick, Staged::default()));
//!     }
//! }
//! let request = request.expect("core calls the issuer");
//! assert!(request.csr_pem.starts_with("-----BEGIN CERTIFICATE REQUEST-----"));
//! assert_eq!(keys.handles().len(), 1, "the key of the open request");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod error;
mod key_store;
mod staged;
mod staging;
mod vault;

pub use error::{Full, HandleGone};
pub use key_store::{KeyStore, SigningRequest};
pub use staged::Staged;
pub use staging::Staging;
pub use vault::Vault;

/// The most keys and chains in a store. Core names at most six, and a scan brings two for each of its files: a driver that
/// erases what core lists needs less than 300.
pub const MAX_HANDLES: usize = 1024;
