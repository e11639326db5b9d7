//! The places of the matrix, and their cells.

mod disk;
mod files;
mod http;
mod network;
mod process;

use crate::cell::Cell;

/// All cells, place by place.
pub(crate) fn all() -> Vec<Cell> {
    [files::cells(), network::cells(), http::cells(), disk::cells(), process::cells()].concat()
}
