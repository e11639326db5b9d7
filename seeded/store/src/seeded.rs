//! The hooks' longer bodies. A hook replaces a value or returns early, if its bug is chosen for the thread.

use std::os::fd::BorrowedFd;

use rustix::fs::{self, Mode, OFlags, Stat};

pub(crate) use certrotate_seeded_bugs::{Bug, is_chosen};

/// Creates a file with the wrong mode, or not exclusively. Returns the flags for opening it again:
/// [`Bug::B45`], [`Bug::X8`].
pub(crate) fn opened(directory: BorrowedFd<'_>, file_name: &str, flags: OFlags) -> OFlags {
    let wide = Mode::RUSR | Mode::WUSR | Mode::RGRP | Mode::ROTH;
    let made = is_chosen(Bug::B45) && fs::openat(directory, file_name, flags, wide).is_ok();
    if made || is_chosen(Bug::X8) { flags - OFlags::EXCL } else { flags }
}

/// Returns a file's facts as if it had no other hard link: [`Bug::X10`].
pub(crate) fn only_name(mut stat: Stat) -> Stat {
    if is_chosen(Bug::X10) {
        stat.st_nlink = 1;
    }
    stat
}
