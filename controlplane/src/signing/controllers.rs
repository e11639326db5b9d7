//! The loop: a work queue, and the decisions applied through a port, one object at a time.

pub(crate) mod holder;
pub(crate) mod options;
pub(crate) mod port;
mod queue;
pub(crate) mod reconcile;
mod run;
