//! The seeded bug of the key store shows where the ordinary check looks, and only while it is chosen.

use certrotate_core::config::Template;
use certrotate_core::id::{OpId, RunId};
use certrotate_core::input::Input;
use certrotate_keys_seeded::KeyStore;
use certrotate_seeded_bugs::{Bug, with};

#[test]
fn b44_shows_a_key_in_debug() {
    let store = KeyStore::new(Template::kubelet_client("node-1"));
    let (made, staged) = store.make(None).expect("the system has randomness");
    let op = OpId { run: RunId(1), seq: 1 };
    store.accept(staged, &Input::KeyMade { op, result: Ok(made) }).expect("it has room");
    let shows = || format!("{store:?}").contains("PRIVATE");
    assert!(!shows());
    assert!(with(Bug::B44, shows));
    assert!(!shows());
}
