//! The stored objects, in memory and on disk.

pub(crate) mod durable;
pub(crate) mod event;
pub(crate) mod feed;
pub(crate) mod journal;
mod ledger;
pub(crate) mod objects;
pub(crate) mod page;
mod staging;
mod state;
mod writer;
