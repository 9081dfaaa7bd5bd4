//! Room for the parser.

use std::cell::Cell;

/// The parser takes up to 160 KiB a bracket and 40 KiB an operator in a debug build.
const PARSER_STACK: usize = 32 << 20;

thread_local! {
    static IS_LARGE: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work` on a stack that is large enough for any expression. What runs inside need not care again.
///
/// `None` if there is no thread to be had, or `work` panicked: a bug in the parser cannot end the process.
pub(crate) fn on_large_stack<T: Send>(work: impl FnOnce() -> T + Send) -> Option<T> {
    if IS_LARGE.get() {
        return std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).ok();
    }
    std::thread::scope(|threads| {
        let builder = std::thread::Builder::new().name("cel".into()).stack_size(PARSER_STACK);
        let run = || {
            IS_LARGE.set(true);
            work()
        };
        builder.spawn_scoped(threads, run).ok()?.join().ok()
    })
}
