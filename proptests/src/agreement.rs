//! The model's disk against the store: the same commands come to the same, and the same is there to see afterwards.
//!
//! What the [model](certrotate_model::disk) says of a directory is what every search in it rests on. Here the same operations
//! go two ways: through [`Disk::run`](certrotate_model::Disk::run), and through a [`Directory`], which is a
//! store on a real directory. After each, the class of the result, every name with its kind, mode and bytes, and, after a scan,
//! everything that it says are the same. An external party meddles with both in the same way.
//!
//! Keys and certificates are real and made once per process; the model knows them by their numbers ([`Materials`]).
//! Crashes are no part of this: what they may leave is a question of what file systems promise, not of the store.
//!
//! The store is a parameter, so that one with a known mistake in it can be put in the place of the shipped one.
//!
//! # Example
//!
//! ```
//! use certrotate_proptests::agreement::{Op, Shipped, disagreement};
//!
//! let ops = Op::sequence(&[[0, 0, 0], [40, 1, 0], [40, 1, 0], [80, 1, 2], [230, 0, 0]]);
//! assert_eq!(disagreement(&ops, Shipped::new), None);
//! ```

mod materials;
mod op;
mod real;
mod symbols;

use std::fmt;

use certrotate_core::disk::{DiskCommand, DiskDone, DiskFault};

pub use materials::{CERTS, KEYS, Materials};
pub use op::{Meddling, Op};
pub use real::{Place, Shipped};
use symbols::Symbols;

/// A store on a real directory, one process after the other.
pub trait Directory {
    /// Carries out a command.
    ///
    /// # Errors
    ///
    /// As the store does.
    fn run(&mut self, command: &DiskCommand) -> Result<DiskDone, DiskFault>;

    /// The process ends, and another begins: nothing is locked, nothing open.
    fn restart(&mut self);
}

/// Where model and store differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disagreement {
    /// After how many operations.
    pub after: usize,
    /// The last of them.
    pub op: Op,
    /// What there is by the model.
    pub model: String,
    /// What there is.
    pub real: String,
}

impl fmt::Display for Disagreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { after, op, model, real } = self;
        write!(f, "operation {after}, {op:?}\n  model: {model}\n  store: {real}")
    }
}

/// Carries the operations out on the model's disk and on a store that `open` makes in a fresh directory.
///
/// # Panics
///
/// Where the temporary directory itself cannot be worked with.
pub fn disagreement<D: Directory>(ops: &[Op], open: impl FnOnce(&Place) -> D) -> Option<Disagreement> {
    let place = Place::new();
    let mut directory = open(&place);
    let mut symbols = Symbols::default();
    for (index, op) in ops.iter().enumerate() {
        let differs = |model: String, real: String| Disagreement { after: index + 1, op: *op, model, real };
        match op {
            Op::Run(command) => {
                let model = symbols.run(command);
                let watched = Place::watched(|| directory.run(command));
                let real = watched.result.map(|done| Materials::get().seen(&done));
                let (model, real) = (format!("{model:?}"), format!("{real:?}"));
                if model != real {
                    return Some(differs(model, real));
                }
                if let Some(touched) = watched.touched {
                    return Some(differs("no file's mode is changed".to_owned(), touched));
                }
            }
            Op::Restart => {
                symbols.restart();
                directory.restart();
            }
            Op::Meddle(meddling, name) => {
                if symbols.meddle(*meddling, *name) {
                    place.meddle(*meddling, *name);
                }
            }
        }
        let (model, real) = (symbols.visible(), place.visible());
        if model != real {
            return Some(differs(format!("{model:?}"), format!("{real:?}")));
        }
    }
    None
}
