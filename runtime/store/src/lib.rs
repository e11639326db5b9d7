//! Carries out the disk operations of `certrotate-core` on a real directory.
//!
//! A [`Store`] takes one [`DiskCommand`](certrotate_core::disk::DiskCommand) at a time and answers with what
//! came of it. Which command comes when is core's business; the bytes of keys and certificates are the
//! driver's, who lends them through [`Vault`].
//!
//! - Everything is relative to one directory handle, which is checked (owner, mode) and locked first.
//! - Where the path of the directory leads elsewhere than when it was locked, nothing is created and nothing scanned.
//! - Nothing in the directory is opened through a link. The live link is read, never followed.
//! - Only names of our full pattern are touched or read; see [`PairName::parse`].
//! - A file has mode 0600 from its creation and is never wider at any moment.
//! - A changing command is one changing system call. Only where a umask took bits from a new file's mode are
//!   they given back by a second one.
//! - A file on which a write or a sync failed is never written, synced, renamed or linked to again.
//! - What a scan returns was read once: name, facts and the bytes in the vault are of that one reading.
//! - What is read is capped: [`MAX_NAMES`] names, [`MAX_FILE`] bytes a file. Key bytes are zeroised on drop and
//!   are in no error.
//!
//! It never decides anything: it does not retry, choose, tidy or mend. It does not follow what another process
//! does to the directory between two commands.
//!
//! # Example
//!
//! A pending file, from memory to its final name, in the order of the protocol; and what the next run finds.
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
//! let key = keys.keep_pending(PendingRequest::make(&Template::node_client("worker-1"))?);
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
mod scan;
mod store;
mod vault;

pub use fault::Fault;
pub use name::{MAX_PAIR_NAME, PairName, PairNameError};
pub use read::MAX_FILE;
pub use scan::MAX_NAMES;
pub use store::Store;
pub use vault::Vault;
