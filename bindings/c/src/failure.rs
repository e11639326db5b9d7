//! Why a function failed: a status for the program, and a sentence for its author.

use std::cell::RefCell;
use std::ffi::c_char;

use crate::types::codes::Status;

/// The longest sentence, with its NUL.
const MAX_MESSAGE: usize = 512;

thread_local! {
    // A fixed buffer: an error must not allocate, and its pointer stays valid until the thread's next failure.
    static LAST: RefCell<[u8; MAX_MESSAGE]> = const { RefCell::new([0; MAX_MESSAGE]) };
}

/// A failed call.
#[derive(Debug)]
pub(crate) struct Failure {
    status: Status,
    message: String,
}

impl Failure {
    pub(crate) fn new(status: Status, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }

    pub(crate) fn null(argument: &str) -> Self {
        Self::new(Status::Null, format!("{argument} is null; pass a valid pointer"))
    }

    pub(crate) fn invalid(argument: &str, number: u32) -> Self {
        Self::new(Status::Invalid, format!("{argument} is {number}, which is not one of its enumeration"))
    }

    pub(crate) fn too_long(argument: &str, most: usize) -> Self {
        Self::new(Status::TooLong, format!("{argument} has more than {most} bytes or items; shorten it"))
    }

    /// Keeps the sentence for `certrotate_last_error` of this thread, and returns the status.
    pub(crate) fn report(self) -> Status {
        LAST.with_borrow_mut(|last| {
            let mut end = self.message.len().min(MAX_MESSAGE - 1);
            while !self.message.is_char_boundary(end) {
                end -= 1;
            }
            last.fill(0);
            last[..end].copy_from_slice(&self.message.as_bytes()[..end]);
        });
        self.status
    }
}

/// Returns the sentence of this thread's last failure. It ends with NUL.
pub(crate) fn last() -> *const c_char {
    LAST.with_borrow(|last| last.as_ptr().cast())
}

/// Returns what a status means. It ends with NUL.
pub(crate) const fn meaning(status: u32) -> &'static std::ffi::CStr {
    match status {
        0 => c"success",
        1 => c"a required pointer is null",
        2 => c"the size of a struct is unknown to this library",
        3 => c"a text or list is too long",
        4 => c"a text is not UTF-8",
        5 => c"a number or text is not valid here",
        6 => c"an index is not below its count",
        7 => c"the configuration is refused",
        8 => c"another thread is using the object",
        9 => c"a bug of certrotate: a panic was caught",
        10 => c"an earlier call panicked on this object; free it",
        _ => c"no status of this library",
    }
}
