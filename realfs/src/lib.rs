//! The promise that no crash leaves a partial certificate file, kept on real file systems.
//!
//! The [model](../certrotate_model/index.html) enumerates what a crash may leave by the rules that file systems promise. Here the
//! shipped core drives the shipped store ([`node`], [`disk`]) on real ones, against a server in memory ([`plane`]), while things
//! happen to it: it is killed before each of its system calls ([`kill`]), each of them fails ([`errors`]), the power is cut before
//! each step ([`power`]). Afterwards the current link is judged as any other program would read it ([`judge`]), and a new start has to take it from there.
//! What the calls themselves must never do is watched as they go by ([`protocol`]), and their sequences are reviewed snapshots ([`snapshot`]).
//!
//! Stores that are faulty on purpose ([`disk::Manner::NAIVE`]) go the same ways and must fail where the tables say so: a check that
//! nothing can fail shows nothing.
//!
//! Time is made up and jumps to what is due next, keys are real. It never touches anything outside the directories that it is
//! given or makes, and never waits for time to pass.
//!
//! # Example
//!
//! ```
//! use certrotate_realfs::disk::{Disk, Manner};
//! use certrotate_realfs::judge;
//! use certrotate_realfs::reader::Raw;
//! use certrotate_realfs::node::{Ended, Node};
//! use certrotate_realfs::plane::Verdict;
//! use certrotate_realfs::ring::Ring;
//! use certrotate_realfs::world::Session;
//!
//! let home = tempfile::tempdir()?;
//! let directory = home.path().join("pki");
//! let mut session = Session::new(&[Verdict::Good, Verdict::OtherSubject, Verdict::Good]);
//! let ring = Ring::default();
//! let mut disk = Disk::new(&directory, ring.clone(), Manner::Shipped);
//! let start = session.now;
//! assert_eq!(Node::new(&mut disk, ring, &mut session, (start, 1)).run(), Ended::AtRest);
//!
//! let Ok(Raw::Whole(generation, _)) = judge::judge_raw(&directory, &session) else { panic!("no certificate") };
//! assert_eq!(generation.0, 3, "the second one was refused");
//! # Ok::<(), std::io::Error>(())
//! ```
#![forbid(unsafe_code)]

pub mod disk;
pub mod errors;
pub mod judge;
pub mod kill;
pub mod node;
pub mod plane;
pub mod power;
pub mod protocol;
pub mod reader;
pub mod ring;
pub mod scenario;
pub mod snapshot;
pub mod strace;
pub mod volume;
pub mod wire;
pub mod world;

/// What the names of the files begin with.
pub const PAIR: &str = "kubelet-client";
/// The current link.
pub const LIVE_NAME: &str = "kubelet-client-current.pem";
