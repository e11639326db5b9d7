//! Decoders take any bytes: the fuzz entry points, fed by proptest.
#![allow(clippy::unwrap_used, reason = "a test's helpers are tests too")]

use certrotate_core::disk::BundleHeader;
use certrotate_core::id::Generation;
use certrotate_core::time::WallTime;
use certrotate_x509::{CertChain, bundle, fuzz, pending};
use proptest::prelude::*;
use proptest::sample::Index;

use kit::Node;

mod kit;

/// A small change: bytes of `old` are replaced by `new`.
type Edit = (Index, usize, Vec<u8>);

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let new = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..4),
        Just(b"\n".to_vec()),
        Just(b"-----BEGIN PRIVATE KEY-----\n".to_vec()),
        Just(b"-----END CERTIFICATE-----\n".to_vec()),
    ];
    prop::collection::vec((any::<Index>(), 0..6usize, new), 1..4)
}

fn edited(good: &[u8], edits: Vec<Edit>) -> Vec<u8> {
    let mut bytes = good.to_vec();
    for (at, old, new) in edits {
        let start = at.index(bytes.len() + 1);
        let end = (start + old).min(bytes.len());
        bytes.splice(start..end, new);
    }
    bytes
}

/// Good inputs, in PEM, as DER and as files, with and without their first line.
fn good_inputs() -> Vec<Vec<u8>> {
    let node = Node::new();
    let text = node.issued(|_| {}) + &node.root.pem();
    let (chain, _) = CertChain::read(text.as_bytes(), None).unwrap();
    let header = BundleHeader { generation: Generation(1), issued: WallTime::default() };
    let mut inputs = vec![text.into_bytes(), chain.ders()[0].to_vec(), node.pending.csr_pem().into()];
    for file in [
        bundle::encode(&chain, node.pending.key(), header),
        pending::encode(&node.pending, Generation(1), WallTime::default()),
    ] {
        let line = file.iter().position(|byte| *byte == b'\n').unwrap();
        inputs.push(file.to_vec());
        inputs.push(file[line + 1..].to_vec());
    }
    inputs
}

fn everything(bytes: &[u8]) {
    fuzz::certificate(bytes);
    fuzz::bundle(bytes);
    fuzz::pending(bytes);
}

#[test]
fn good_inputs_pass_the_fuzz_entry_points() {
    good_inputs().iter().for_each(|input| everything(input));
}

#[test]
fn der_with_any_one_byte_changed_is_taken_without_a_panic() {
    let der = good_inputs().swap_remove(1);
    for at in 0..der.len() {
        for value in [0, 1, 0x7f, 0x80, 0x84, 0xff, der[at] ^ 1, der[at].wrapping_add(1)] {
            let mut changed = der.clone();
            changed[at] = value;
            fuzz::certificate(&changed);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn any_bytes_are_taken_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        everything(&bytes);
    }

    #[test]
    fn any_text_is_taken_without_a_panic(text in "(-----(BEGIN|END) (CERTIFICATE|PRIVATE KEY)-----\n|[A-Za-z0-9+/=]{0,8}\r?\n|\\PC{0,3}){0,12}") {
        everything(text.as_bytes());
    }

    #[test]
    fn edited_good_inputs_are_taken_without_a_panic(edits in edits(), which: Index) {
        thread_local!(static GOOD: Vec<Vec<u8>> = good_inputs());
        let bytes = GOOD.with(|good| edited(&good[which.index(good.len())], edits));
        everything(&bytes);
    }
}
