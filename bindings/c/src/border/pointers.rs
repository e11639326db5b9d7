//! The only reads and writes through pointers of C.

use std::ptr::NonNull;

use crate::failure::Failure;
use crate::types::codes::Status;
use crate::types::step::{Action, Live, Summary};
use crate::types::{Bundle, Facts, Pair, Pending, RequestRecord, Template, Text};

/// A struct that begins with its size.
///
/// # Safety
///
/// It is `repr(C)`, its first field is `size: usize`, and every byte pattern, zeros included, is a value of it.
pub(super) unsafe trait Sized: Copy {
    /// The size in the first version of the interface. Smaller ones never existed.
    const FIRST: usize;
}

macro_rules! sized {
    ($($name:ident = $first:expr;)*) => { $(
        // SAFETY: integers and raw pointers only, in `repr(C)`, with `size` first.
        unsafe impl Sized for $name { const FIRST: usize = $first; }
    )* };
}

// All structs still have their first size. When one grows, its old size goes here as a number.
sized! {
    Facts = size_of::<Self>();
    RequestRecord = size_of::<Self>();
    Template = size_of::<Self>();
    Bundle = size_of::<Self>();
    Pending = size_of::<Self>();
    Pair = size_of::<Self>();
    Summary = size_of::<Self>();
    Action = size_of::<Self>();
    Live = size_of::<Self>();
}

/// Checks that a pointer can be one to a `T`.
fn checked<T>(argument: &str, pointer: *const T) -> Result<NonNull<T>, Failure> {
    let pointer = NonNull::new(pointer.cast_mut()).ok_or_else(|| Failure::null(argument))?;
    if pointer.is_aligned() {
        Ok(pointer)
    } else {
        Err(Failure::new(Status::Invalid, format!("{argument} is not aligned; pass the address of a struct")))
    }
}

/// Returns the object of a handle.
///
/// # Safety
///
/// `pointer` is null, or leads to a `T` that lives until the end of the call.
pub(super) unsafe fn object<'a, T>(argument: &str, pointer: *const T) -> Result<&'a T, Failure> {
    let pointer = checked(argument, pointer)?;
    // SAFETY: not null, aligned, and alive by the contract. Objects are only shared, so no unique reference exists.
    Ok(unsafe { pointer.as_ref() })
}

/// Frees an object; null is nothing to free.
///
/// # Safety
///
/// `pointer` is null, or comes from [`Slot::fill`] and was not freed.
pub(super) unsafe fn free<T>(pointer: *mut T) {
    if !pointer.is_null() {
        // SAFETY: it was made by `Box::into_raw` in `Slot::fill`, and this is its only owner.
        drop(unsafe { Box::from_raw(pointer) });
    }
}

/// Returns a value that has no size of its own.
///
/// # Safety
///
/// `pointer` is null, or leads to a `T`; every byte pattern is a `T`.
pub(super) unsafe fn value<T: Copy>(argument: &str, pointer: *const T) -> Result<T, Failure> {
    let pointer = checked(argument, pointer)?;
    // SAFETY: not null, aligned, and readable by the contract.
    Ok(unsafe { pointer.read() })
}

/// Returns a struct of this or an older version of the interface; the fields that it does not have are zero.
///
/// # Safety
///
/// `pointer` is null, or leads to as many bytes as its `size` says.
pub(super) unsafe fn versioned<T: Sized>(argument: &str, pointer: *const T) -> Result<T, Failure> {
    let pointer = checked(argument, pointer)?;
    // SAFETY: the first field is the size, and it is readable by the contract.
    let size = unsafe { pointer.cast::<usize>().read() };
    if !(T::FIRST..=size_of::<T>()).contains(&size) {
        return Err(wrong_size::<T>(argument, size));
    }
    let mut copy = std::mem::MaybeUninit::<T>::zeroed();
    // SAFETY: `size` bytes are readable by the contract, and `copy` has at least as many. They do not overlap.
    unsafe { pointer.cast::<u8>().copy_to_nonoverlapping(NonNull::from(&mut copy).cast(), size) };
    // SAFETY: every byte is from C or zero, and every byte pattern is a `T`.
    Ok(unsafe { copy.assume_init() })
}

/// Writes as much of a struct as its caller knows. `size` of the caller stays.
///
/// # Safety
///
/// `pointer` is null, or leads to as many writable bytes as its `size` says.
pub(super) unsafe fn write<T: Sized>(argument: &str, pointer: *mut T, value: T) -> Result<(), Failure> {
    let pointer = checked(argument, pointer)?;
    // SAFETY: the first field is the size, and it is readable by the contract.
    let size = unsafe { pointer.cast::<usize>().read() };
    if size < T::FIRST {
        return Err(wrong_size::<T>(argument, size));
    }
    let size = size.min(size_of::<T>());
    let value = NonNull::from(&value).cast::<u8>();
    let head = size_of::<usize>();
    // SAFETY: both have `size` bytes, of which the head is left out; the value is ours, so they do not overlap.
    unsafe { value.add(head).copy_to_nonoverlapping(pointer.cast::<u8>().add(head), size - head) };
    Ok(())
}

/// Writes a value that has no size of its own.
///
/// # Safety
///
/// `pointer` is null, or leads to writable memory for a `T`.
pub(super) unsafe fn put<T: Copy>(argument: &str, pointer: *mut T, value: T) -> Result<(), Failure> {
    let pointer = checked(argument, pointer)?;
    // SAFETY: not null, aligned, and writable by the contract.
    unsafe { pointer.write(value) };
    Ok(())
}

fn wrong_size<T>(argument: &str, size: usize) -> Failure {
    let own = size_of::<T>();
    Failure::new(
        Status::Size,
        format!("{argument}.size is {size}, and this library knows {own}; set it to sizeof of the struct"),
    )
}

/// The caller's variable for a new object.
pub(super) struct Slot<T>(NonNull<*mut T>);

impl<T> Slot<T> {
    /// Takes the variable, and sets it to null.
    ///
    /// # Safety
    ///
    /// `pointer` is null, or leads to a variable that is writable until the end of the call.
    pub(super) unsafe fn new(argument: &str, pointer: *mut *mut T) -> Result<Self, Failure> {
        let pointer = checked(argument, pointer)?;
        // SAFETY: not null, aligned, and writable by the contract.
        unsafe { pointer.write(std::ptr::null_mut()) };
        Ok(Self(pointer))
    }

    /// Gives an object to the caller, who frees it.
    pub(super) fn fill(self, object: T) {
        // SAFETY: `new` has the contract.
        unsafe { self.0.write(Box::into_raw(Box::new(object))) };
    }
}

/// Returns a list.
///
/// # Safety
///
/// `items` is null, or leads to `count` items that stay unchanged until the end of the call.
pub(super) unsafe fn list<'a, T: Copy>(
    argument: &str,
    items: *const T,
    count: usize,
    most: usize,
) -> Result<&'a [T], Failure> {
    if count == 0 {
        return Ok(&[]);
    }
    if count > most {
        return Err(Failure::too_long(argument, most));
    }
    let items = checked(argument, items)?;
    // SAFETY: not null, aligned, and `count` items by the contract. `most` is far below the largest allocation.
    Ok(unsafe { std::slice::from_raw_parts(items.as_ptr(), count) })
}

/// Returns a text.
///
/// # Safety
///
/// `text.bytes` is null, or leads to `text.length` bytes that stay unchanged until the end of the call.
pub(super) unsafe fn text<'a>(argument: &str, text: Text, most: usize) -> Result<&'a str, Failure> {
    // SAFETY: the same contract.
    let bytes = unsafe { list::<u8>(argument, text.bytes.cast(), text.length, most) }?;
    std::str::from_utf8(bytes).map_err(|error| {
        Failure::new(
            Status::NotUtf8,
            format!("{argument} is not UTF-8 at byte {}; encode it", error.valid_up_to()),
        )
    })
}
