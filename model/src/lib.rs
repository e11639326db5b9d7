//! The world around [`certrotate_core`], simulated: a disk that a crash can cut, an issuer with
//! faults, two clocks, a process that can be killed, and the invariants that must hold after every step.
//!
//! The shipped core itself is run, not a copy of it. There are no keys and no certificates here: handles
//! and made-up facts only, so a run is a pure function of its script and thousands of rotations take
//! a second. It never reads a clock, a file or the environment.
//!
//! # Example
//!
//! ```
//! use certrotate_core::config::{Config, ConfigSpec, Template};
//! use certrotate_model::World;
//!
//! let config = Config::new(ConfigSpec::new(Template::kubelet_client("node-1"))).expect("a valid configuration");
//! let mut world = World::new(config);
//! world.start();
//! world.run_until("the first certificate is live", |world| world.served().is_some());
//! assert_eq!(world.server.created(), 1);
//! ```

pub mod brief;
pub mod cert;
pub mod conformance;
pub mod crash;
pub mod disk;
pub mod explore;
pub mod fingerprint;
pub mod ghost;
pub mod invariants;
pub mod list;
pub mod marks;
pub mod monitor;
pub mod random;
pub mod recovery;
pub mod reduce;
pub mod relations;
pub mod renewal_range;
pub mod replay;
pub mod scenario;
pub mod server;
pub mod show;
pub mod simulate;
pub mod spec;
pub mod transition;
pub mod violation;
pub mod weakness;
pub mod world;

pub use disk::Disk;
pub use server::Server;
pub use world::World;
