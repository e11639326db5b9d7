//! The stored objects, in memory and on disk.

pub(crate) mod event;
pub(crate) mod feed;
pub(crate) mod journal;
pub(crate) mod objects;
pub(crate) mod page;
