//! Carries out the disk operations of `certrotate-core` on a real directory.
//!
//! A [`Store`] takes one [`DiskCommand`](certrotate_core::disk::DiskCommand) at a time and returns its
//! result. Core decides the order of the commands. The driver owns the bytes of keys and certificates,
//! and lends them through [`Vault`].
//!
//! - Every operation is relative to one directory handle, checked (owner, mode) and locked first.
//! - One process may have many stores, each with a directory of its own.
//! - If the path leads to another directory than when it was locked, the store creates and scans
//!   nothing.
//! - Nothing in the directory is opened through a link. The current link is read, never followed.
//! - Only names of our full pattern are touched or read; see [`PairName::parse`].
//! - A file has mode 0600 from its creation and is never wider.
//! - A changing command is one changing system call. Only if a umask removed bits from a new file's
//!   mode, a second call gives them back.
//! - After a failed write or sync a file is never written, synced, renamed or linked to again.
//! - A scan reads every file once: name, facts and the bytes in the vault are of that one reading.
//! - Input is capped: [`MAX_NAMES`] names, [`MAX_FILE`] bytes a file. Key bytes are zeroised on drop
//!   and are in no error.
//!
//! The store decides nothing: it does not retry, choose, clean or repair. It does not follow changes
//! that another process makes to the directory between two commands.
//!
//! # Example
//!
//! A pending file, from memory to its final name, in the order of the protocol; and the scan of the next run.
//!
//! ```
//! use certrotate_core::config::Template;
//! use certrotate_core::disk::{Content, DiskCommand, DiskDone, Found, CurrentLink, Name};
//! use certrotate_core::id::{CertHandle, FileNumber, Generation, KeyHandle};
//! use certrotate_core::time::WallTime;
//! use certrotate_store::{PairName, Store, Vault};
//! use certrotate_x509::{Bundle, PendingRequest, pending};
//! use std::cell::RefCell;
//! use zeroize::Zeroizing;
//!
//! /// Keeps the requests it is given; a handle is a place in the list.
//! struct Keys(RefCell<Vec<PendingRequest>>);
//!
//! impl Vault for Keys {
//!     fn content(&self, content: &Content) -> Option<Zeroizing<Vec<u8>>> {
//!         let Content::Pending { generation, key, made } = *content else { return None };
//!         let requests = self.0.borrow();
//!         Some(pending::encode(requests.get(usize::try_from(key.0).ok()?)?, generation, made))
//!     }
//!
//!     fn keep_bundle(&self, _: Bundle) -> (KeyHandle, CertHandle) {
//!         unreachable!("this example writes no bundle")
//!     }
//!
//!     fn keep_pending(&self, request: PendingRequest) -> KeyHandle {
//!         self.0.borrow_mut().push(request);
//!         KeyHandle(self.0.borrow().len() as u64 - 1)
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let home = tempfile::tempdir()?;
//! # let directory = home.path().join("pki");
//! let keys = Keys(RefCell::new(Vec::new()));
//! let key = keys.keep_pending(PendingRequest::make(&Template::kubelet_client("worker-1"))?);
//! let mut store = Store::new(&directory, PairName::new("kubelet-client")?, None, keys);
//!
//! let (generation, file) = (Generation(1), FileNumber(1));
//! let temporary = Name::Temporary { generation, file };
//! let last = Name::Pending { generation, file };
//! let content = Content::Pending { generation, key, made: WallTime::from_unix_secs(1_800_000_000) };
//! for command in [
//!     DiskCommand::Lock,
//!     DiskCommand::Create { name: temporary },
//!     DiskCommand::Write { name: temporary, content },
//!     DiskCommand::SyncFile { name: temporary },
//!     DiskCommand::Rename { from: temporary, to: last },
//!     DiskCommand::SyncDir,
//! ] {
//!     assert_eq!(store.run(&command)?, DiskDone::Done);
//! }
//! assert!(directory.join("kubelet-client-pending-1.1").is_file());
//!
//! let DiskDone::Scanned(inventory) = store.run(&DiskCommand::Scan)? else { unreachable!() };
//! assert_eq!(inventory.current, CurrentLink::Absent);
//! assert!(matches!(&inventory.entries[0].found, Found::Pending(found) if found.generation == generation));
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

mod directory;
mod fault;
mod name;
mod outside;
mod read;
mod reservation;
mod scan;
mod store;

pub use certrotate_keys::Vault;
pub use fault::Fault;
pub use name::{MAX_PAIR_NAME, PairName, PairNameError};
pub use read::MAX_FILE;
pub use scan::MAX_NAMES;
pub use store::Store;
