//! Injected faults: below the layers that consult them.

pub(crate) mod handle;
pub(crate) mod spoil;
pub(crate) mod text;
