//! The border to C, and the only unsafe code of this example. Each block says why it is sound.
#![expect(unsafe_code, reason = "without std, allocator and calls of C have no safe form")]

use alloc::vec::Vec;
use core::alloc::{GlobalAlloc, Layout};

use certrotate_core::{Config, ConfigSpec, ExitReason, RunId, Template};

use crate::board::Board;
use crate::drive::drive;

/// The issuer has the request, and has not decided.
pub(crate) const PENDING: u32 = 1;
/// The issuer has signed.
pub(crate) const ISSUED: u32 = 2;

/// The clocks, in milliseconds.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Clock {
    pub(crate) wall_ms: i64,
    pub(crate) mono_ms: u64,
}

/// A new key, by its public half, and its request.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct NewKey {
    is_made: u32,
    pub(crate) key_digest: [u8; 32],
    pub(crate) request_digest: [u8; 32],
}

/// The answer of the issuer.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Reply {
    pub(crate) status: u32,
    pub(crate) not_before: i64,
    pub(crate) not_after: i64,
    pub(crate) leaf_digest: [u8; 32],
}

// The safe ones take and return plain values, every bit pattern of which is valid. main.c defines them with these types.
unsafe extern "C" {
    safe fn board_clock() -> Clock;
    safe fn board_make_key() -> NewKey;
    safe fn board_call(is_create: u32) -> Reply;
    safe fn board_present(generation: u32);
    safe fn board_wait(longest_ms: u64) -> u32;
    fn board_disk(command: *const u8, length: usize) -> u32;
    fn board_print(text: *const u8, length: usize);
    safe fn abort() -> !;
    fn aligned_alloc(align: usize, size: usize) -> *mut u8;
    fn free(pointer: *mut u8);
}

pub(crate) fn clock() -> Clock {
    board_clock()
}

pub(crate) fn make_key() -> Option<NewKey> {
    Some(board_make_key()).filter(|key| key.is_made != 0)
}

pub(crate) fn call(is_create: bool) -> Reply {
    board_call(is_create.into())
}

pub(crate) fn present(generation: u32) {
    board_present(generation);
}

pub(crate) fn wait(longest_ms: u64) -> bool {
    board_wait(longest_ms) != 0
}

pub(crate) fn disk(command: &str) -> bool {
    // SAFETY: C reads this many bytes during the call, and keeps no pointer.
    unsafe { board_disk(command.as_ptr(), command.len()) != 0 }
}

pub(crate) fn print(text: &str) {
    // SAFETY: as in `disk`.
    unsafe { board_print(text.as_ptr(), text.len()) }
}

/// Runs one node until C ends it. Returns 0 after a clean stop.
///
/// `process` are random bytes that no other process has; `seed` is another number for each node.
// SAFETY: no other symbol of the program has this name.
#[unsafe(no_mangle)]
pub extern "C" fn node_run(process: &[u8; 16], seed: u64) -> i32 {
    let template = Template::kubelet_client("board-1");
    let mut spec = ConfigSpec::new(template.clone());
    spec.seed = seed;
    let Ok(config) = Config::new(spec) else { return 2 };
    let mut board = Board { template, keys: Vec::new(), last_handle: 0, has_written: false };
    match drive(config, RunId::new(*process, 0), &mut board) {
        Some(ExitReason::Shutdown) => 0,
        _ => 1,
    }
}

struct Malloc;

#[global_allocator]
static ALLOCATOR: Malloc = Malloc;

// SAFETY: `aligned_alloc` and `free` of C keep this contract: memory of the size and alignment, or null.
unsafe impl GlobalAlloc for Malloc {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let align = layout.align().max(align_of::<usize>());
        // SAFETY: the alignment is a power of two of at least a pointer's, and the size is a multiple of it.
        unsafe { aligned_alloc(align, layout.size().next_multiple_of(align)) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, _: Layout) {
        // SAFETY: the caller got this pointer from `alloc`, and gives it back once.
        unsafe { free(pointer) }
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    abort()
}
