use std::sync::Mutex;

use super::pointers::{Sized, versioned, write};
use super::{guard, lock};
use crate::failure::{self, Failure};
use crate::types::codes::Status;

/// A struct that grew by its last field.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Grown {
    size: usize,
    old: u64,
    new: u64,
}

// SAFETY: integers only, in `repr(C)`, with `size` first.
unsafe impl Sized for Grown {
    const FIRST: usize = std::mem::offset_of!(Self, new);
}

fn last_error() -> String {
    // SAFETY: the text of this thread, which ends with NUL.
    unsafe { std::ffi::CStr::from_ptr(failure::last()) }.to_string_lossy().into_owned()
}

#[test]
fn older_struct_is_read_with_zeros() {
    let older = Grown { size: Grown::FIRST, old: 5, new: 9 };
    // SAFETY: a struct of this test.
    let read = unsafe { versioned("it", &raw const older) }.expect("the size is known");
    assert_eq!(read, Grown { new: 0, ..older });
}

#[test]
fn older_struct_is_written_up_to_its_size() {
    let mut older = Grown { size: Grown::FIRST, old: 0, new: 9 };
    // SAFETY: a struct of this test.
    unsafe { write("it", &raw mut older, Grown { size: 1, old: 5, new: 6 }) }.expect("the size is known");
    assert_eq!(older, Grown { size: Grown::FIRST, old: 5, new: 9 });
}

#[test]
fn panic_becomes_a_status_and_poisons_its_object() {
    let object = Mutex::new(0);
    let status = guard(|| {
        let _locked = lock("object", &object)?;
        panic!("a bug of this test");
    });
    assert_eq!(status, Status::Panicked);
    assert!(last_error().contains("report this bug"));
    assert_eq!(guard(|| lock("object", &object).map(drop)), Status::Poisoned);
    assert!(last_error().contains("object panicked in an earlier call"));
}

#[test]
fn object_in_use_is_busy() {
    let object = Mutex::new(0);
    let _locked = object.lock();
    assert_eq!(guard(|| lock("object", &object).map(drop)), Status::Busy);
}

#[test]
fn long_sentence_is_cut_at_a_character() {
    let sentence = "é".repeat(600);
    assert_eq!(Failure::new(Status::Invalid, &sentence).report(), Status::Invalid);
    assert_eq!(last_error(), "é".repeat(255));
}
