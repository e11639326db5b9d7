//! A node without std: core, the crate `alloc`, a panic handler that aborts, and the allocator of C.
//!
//! `main.c` has the machine: clock, disk, keys, issuer. It links this library and calls [`ffi::node_run`].
//!
//! * `drive.rs` is the loop. The conformance kit plays it.
//! * `board.rs` makes core's inputs out of the answers of C.
//! * `ffi.rs` is the border to C, and the only file with `unsafe`.
#![no_std]

extern crate alloc;

mod board;
mod drive;
pub mod ffi;
