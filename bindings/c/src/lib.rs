//! The C interface of `certrotate-core`.
//!
//! `include/certrotate.h` is the interface; `bindings/c/README.md` explains it, and `examples/driver.c` is a complete driver.
//! The crate translates: structs of C into inputs of core, and actions of core into structs of C. All logic stays in core.
//!
//! # Rules
//!
//! * **Ownership.** The caller frees what a function gave it by a `**` argument, with the `free` function of its type. No function
//!   takes an object from the caller. Texts of an action belong to the step.
//! * **Threads.** A rotator or an inventory is used by one thread at a time; which one may change. A second thread gets
//!   `CERTROTATE_STATUS_BUSY`. Steps may be read by several threads. Two rotators are independent.
//! * **Errors.** A function that fails changes nothing, except that it sets the object that it would have made to null.
//! * **Panics.** None crosses the border. A rotator whose step panicked answers `CERTROTATE_STATUS_POISONED` from then on. The
//!   library is built with unwinding; a build with `panic = "abort"` ends the process instead.
//!
//! # Example
//!
//! From Rust, as a test would:
//!
//! ```
//! use certrotate_c::border::rotator::certrotate_status_message;
//!
//! assert!(!certrotate_status_message(0).is_null(), "every number has a meaning");
//! ```

mod actions;
pub mod border;
mod convert;
mod failure;
mod limits;
pub mod types;
