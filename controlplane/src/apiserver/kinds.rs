//! The kinds of object, and the rules of each.

pub(crate) mod csr;
pub(crate) mod lease;
pub(crate) mod meta;
pub(crate) mod review;
