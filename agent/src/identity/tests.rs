use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use certrotate_core::id::Generation;
use certrotate_core::time::WallTime;
use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert as _;

use super::{Identity, LiveIdentity};
use crate::keystore::tests::issue;

const START: i64 = 1_800_000_000;

fn at(secs: i64) -> WallTime {
    WallTime::from_unix_secs(secs)
}

/// An identity that is valid for a hundred seconds from [`START`].
fn identity(generation: u32) -> Identity {
    issue("node-1", START, START + 100).identity(Generation(generation))
}

fn live() -> (LiveIdentity, Arc<AtomicI64>) {
    let clock = Arc::new(AtomicI64::new(START));
    let shown = Arc::clone(&clock);
    (LiveIdentity::new(move || at(shown.load(Ordering::Relaxed))), clock)
}

#[test]
fn s1_validity_is_checked_at_each_reading() {
    let (live, _) = live();
    live.go_live(identity(1));
    for (now, expected) in [(START - 1, false), (START, true), (START + 99, true), (START + 100, false)] {
        assert_eq!(live.current(at(now)).is_some(), expected, "at {now}");
    }
}

#[test]
fn s1_handshake_after_expiry_presents_nothing() {
    let (live, clock) = live();
    live.go_live(identity(1));
    let schemes = [SignatureScheme::ECDSA_NISTP256_SHA256];
    assert!(live.has_certs() && live.resolve(&[], &schemes).is_some());
    assert!(live.resolve(&[], &[SignatureScheme::RSA_PKCS1_SHA256]).is_none(), "not what the key can do");
    clock.store(START + 100, Ordering::Relaxed);
    assert!(!live.has_certs() && live.resolve(&[], &schemes).is_none());
}

#[tokio::test]
async fn f71_subscriber_sees_every_switch_and_withdrawal() {
    let (live, _) = live();
    let mut shown = live.subscribe();
    assert!(shown.borrow_and_update().is_none());
    for generation in [1, 2] {
        live.clone().go_live(identity(generation));
        shown.changed().await.unwrap();
        let now = shown.borrow_and_update().clone().map(|identity| identity.generation());
        assert_eq!(now, Some(Generation(generation)));
    }
    live.withdraw();
    shown.changed().await.unwrap();
    assert!(shown.borrow_and_update().is_none() && live.current_now().is_none());
}

#[test]
fn s11_debug_shows_the_leaf_and_nothing_of_the_key() {
    let (live, _) = live();
    live.go_live(identity(7));
    let shown = format!("{live:?}");
    assert!(shown.contains("generation: Generation(7)") && shown.contains("system:node:node-1"), "{shown}");
    assert!(!shown.contains("key") && !shown.contains("signer"), "{shown}");
}
