//! Compares the model's disk with the store: the same commands must have the same results and effects.
//!
//! Every search of the [model](certrotate_model::disk) relies on its disk. Here the same operations go
//! two ways: through [`Disk::run`](certrotate_model::Disk::run), and through a [`Directory`], a store on
//! a real directory. After each operation both must agree on:
//!
//! - the class of the result;
//! - every name with its kind, mode and bytes;
//! - after a scan, the whole inventory.
//!
//! External changes happen to both sides alike. Keys and certificates are real and made once per
//! process; the model knows them by their numbers ([`Materials`]). Crashes are no part of this: file
//! systems determine the image that a crash leaves, not the store.
//!
//! The store is a parameter, so that a store with a seeded bug can replace the shipped one.
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
pub use op::{ExternalChange, Op};
pub use real::{Place, Shipped};
use symbols::Symbols;

/// A store on a real directory, in one process after another.
pub trait Directory {
    /// Carries out a command.
    ///
    /// # Errors
    ///
    /// As the store returns them.
    fn run(&mut self, command: &DiskCommand) -> Result<DiskDone, DiskFault>;

    /// Ends the process and starts another, with no lock and no open file.
    fn restart(&mut self);
}

/// A difference between model and store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disagreement {
    /// The number of operations before the difference.
    pub after: usize,
    /// The last of them.
    pub op: Op,
    /// The state by the model.
    pub model: String,
    /// The state of the real directory.
    pub real: String,
}

impl fmt::Display for Disagreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { after, op, model, real } = self;
        write!(f, "operation {after}, {op:?}\n  model: {model}\n  store: {real}")
    }
}

/// Carries the operations out on the model's disk, and on a store that `open` makes in a fresh
/// directory. Returns the first difference.
///
/// # Panics
///
/// The temporary directory is unusable.
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
            Op::External(change, name) => {
                if symbols.change_externally(*change, *name) {
                    place.change_externally(*change, *name);
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
