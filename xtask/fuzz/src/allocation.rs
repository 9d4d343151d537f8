//! An allocator that remembers the largest block anyone asked for.
//!
//! Lengths that a peer announces are the oldest way to make a server give its memory away. A
//! decoder may reserve a constant, and in proportion to what came; this notices when it does more.

#![expect(unsafe_code, reason = "an allocator is an unsafe trait")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

/// What a decoder may reserve whatever came: 64 KiB, in a buffer that doubles.
const FREE_BYTES: usize = 2 * 64 * 1024;

/// What it may reserve for each byte that came: a null takes one byte in a native reply, and twice
/// the size of a `Reply` in a growing list of them.
const BYTES_PER_INPUT_BYTE: usize = 320;

static LARGEST: AtomicUsize = AtomicUsize::new(0);

struct Watching;

#[global_allocator]
static ALLOCATOR: Watching = Watching;

// SAFETY: every call is passed on unchanged to the system's allocator.
unsafe impl GlobalAlloc for Watching {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LARGEST.fetch_max(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the promises of the trait, which are the system's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        LARGEST.fetch_max(size, Ordering::Relaxed);
        // SAFETY: likewise.
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: likewise.
        unsafe { System.dealloc(block, layout) }
    }
}

/// Runs `decode` on `input_len` bytes and checks the largest block it asks for.
///
/// # Panics
///
/// When that is more than a constant and a multiple of the input.
pub fn assert_modest<T>(input_len: usize, decode: impl FnOnce() -> T) -> T {
    LARGEST.store(0, Ordering::Relaxed);
    let result = decode();
    let largest = LARGEST.load(Ordering::Relaxed);
    let allowed = FREE_BYTES + BYTES_PER_INPUT_BYTE * input_len;
    assert!(
        largest <= allowed,
        "{largest} bytes asked for at once, for {input_len} that came"
    );
    result
}
