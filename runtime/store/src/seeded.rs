//! Bugs on purpose, one at a time, to measure what the tests can see.
//!
//! The module exists only with the feature `seeded`, which no shipped crate turns on. A store blocks its thread, so
//! the choice is the thread's.
//! [`with`] chooses one for a thread. Without a choice everything is as it is without the feature.

use std::cell::Cell;
use std::os::fd::BorrowedFd;

use rustix::fs::{self, Mode, OFlags, Stat};

macro_rules! bugs {
    ($(#[doc = $doc:literal] $name:ident;)*) => {
        /// A mistake.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Bug { $(#[doc = $doc] $name,)* }

        impl Bug {
            /// All of them, in order.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// Its name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }

            /// The one sentence about it.
            #[must_use]
            pub const fn sentence(self) -> &'static str {
                match self { $(Self::$name => $doc.trim_ascii(),)* }
            }
        }
    };
}

bugs! {
    /// A file is created for everybody to read and made private after that.
    B45;
    /// A directory sync does nothing.
    X6;
    /// A scan reads through links.
    X7;
    /// A file that exists is opened where one is to be created.
    X8;
    /// Every file counts as private.
    X9;
    /// A file that has another name beside ours is read.
    X10;
}

thread_local! {
    static CHOSEN: Cell<Option<Bug>> = const { Cell::new(None) };
}

/// Puts back what was chosen before, after a panic too.
struct Before(Option<Bug>);

impl Drop for Before {
    fn drop(&mut self) {
        CHOSEN.set(self.0);
    }
}

/// Makes the mistake in what `run` does on this thread.
pub fn with<T>(bug: Bug, run: impl FnOnce() -> T) -> T {
    let _before = Before(CHOSEN.replace(Some(bug)));
    run()
}

pub(crate) fn has(bug: Bug) -> bool {
    CHOSEN.get() == Some(bug)
}

/// Opens a file that is to be created as it should not be, and gives the flags for opening it again:
/// [`Bug::B45`], [`Bug::X8`].
pub(crate) fn opened(directory: BorrowedFd<'_>, file_name: &str, flags: OFlags) -> OFlags {
    let wide = Mode::RUSR | Mode::WUSR | Mode::RGRP | Mode::ROTH;
    let made = has(Bug::B45) && fs::openat(directory, file_name, flags, wide).is_ok();
    if made || has(Bug::X8) { flags - OFlags::EXCL } else { flags }
}

/// A file's facts as if it had no other name: [`Bug::X10`].
pub(crate) fn only_name(mut stat: Stat) -> Stat {
    if has(Bug::X10) {
        stat.st_nlink = 1;
    }
    stat
}
