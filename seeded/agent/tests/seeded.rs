//! The seeded bug of the key store shows where the ordinary check looks, and only while it is chosen.

use certrotate_agent_seeded::keystore::{KeyStore, Keys as _};
use certrotate_core::config::Template;
use certrotate_seeded_bugs::{Bug, with};

#[test]
fn b44_shows_a_key_in_debug() {
    let store = KeyStore::new(Template::kubelet_client("node-1"));
    let (made, staged) = store.make(None);
    assert!(made.is_ok());
    store.accept(staged);
    let shows = || format!("{store:?}").contains("PRIVATE");
    assert!(!shows());
    assert!(with(Bug::B44, shows));
    assert!(!shows());
}
