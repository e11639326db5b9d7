//! Real-filesystem tests: no crash leaves a partial certificate file.
//!
//! The [model](../certrotate_model/index.html) enumerates the images that a crash may leave, by the
//! rules that file systems promise. Here the shipped core drives the shipped store ([`node`],
//! [`disk`]) on real file systems, against a server in memory ([`plane`]). The tests disturb each
//! run:
//!
//! - They kill the node before each of its system calls ([`kill`]).
//! - They let each system call fail ([`errors`]).
//! - They cut the power before each step ([`power`]).
//!
//! Afterwards [`judge`] reads the current link as any other program would, and a new start must
//! recover. [`protocol`] checks the calls themselves while a node runs. [`snapshot`] compares their
//! sequences with reviewed ones.
//!
//! Faulty stores ([`disk::Manner::NAIVE`]) take the same tests and must fail where the tables say
//! so: a check that cannot fail shows nothing.
//!
//! The clocks are simulated and jump to the next due time; the keys are real. The tests touch only
//! the directories that they make or are given, and never wait for time to pass.
//!
//! # Example
//!
//! ```
//! use certrotate_realfs::disk::{Disk, Manner};
//! use certrotate_realfs::judge;
//! use certrotate_realfs::reader::Raw;
//! use certrotate_realfs::node::{Ended, Node};
//! use certrotate_realfs::plane::Verdict;
//! use certrotate_realfs::world::Session;
//!
//! let home = tempfile::tempdir()?;
//! let directory = home.path().join("pki");
//! let mut session = Session::new(&[Verdict::Good, Verdict::OtherSubject, Verdict::Good]);
//! let mut disk = Disk::new(&directory, Manner::Shipped);
//! let start = session.now;
//! assert_eq!(Node::new(&mut disk, &mut session, (start, 1)).run(), Ended::AtRest);
//!
//! let Ok(Raw::Whole(generation, _)) = judge::judge_raw(&directory, &session) else { panic!("no certificate") };
//! assert_eq!(generation.0, 3, "the second one was refused");
//! # Ok::<(), std::io::Error>(())
//! ```
#![forbid(unsafe_code)]

use certrotate_core::config::Template;

pub mod disk;
pub mod errors;
pub mod judge;
pub mod kill;
pub mod node;
pub mod plane;
pub mod power;
pub mod protocol;
pub mod reader;
pub mod scenario;
pub mod snapshot;
pub mod strace;
pub mod volume;
pub mod wire;
pub mod world;

/// Returns the template of the node's certificates.
#[must_use]
pub fn template() -> Template {
    Template::kubelet_client("node-1")
}

/// The pair name: every file name begins with it.
pub const PAIR: &str = "kubelet-client";
/// The file name of the current link.
pub const CURRENT_LINK: &str = "kubelet-client-current.pem";
