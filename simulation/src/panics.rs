//! Panics of a run. The runtime catches them in tasks; without this hook they would stay unseen.

use std::cell::RefCell;
use std::sync::Once;

thread_local! {
    static SEEN: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Notes the panics of each thread from now on, and forgets those of this one.
pub(crate) fn watch() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            SEEN.with_borrow_mut(|seen| *seen = Some(info.to_string().replace('\n', " ")));
            before(info);
        }));
    });
    take();
}

/// Takes the last panic of this thread.
pub(crate) fn take() -> Option<String> {
    SEEN.take()
}
