use std::path::Path;

use proptest::prelude::*;
use proptest::sample::Index;

use super::*;

/// The committed inputs of a target.
fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target);
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().map(|path| std::fs::read(path).unwrap()).collect()
}

/// An input with some bytes changed, and perhaps the end of another one.
fn bent(inputs: &[Vec<u8>], which: [Index; 2], cut: Index, changes: &[(Index, u8)]) -> Vec<u8> {
    let mut bytes = which[0].get(inputs).clone();
    if bytes.is_empty() {
        return bytes;
    }
    for (at, byte) in changes {
        let at = at.index(bytes.len());
        bytes[at] = *byte;
    }
    if changes.len().is_multiple_of(2) {
        bytes.truncate(cut.index(bytes.len()));
        bytes.extend_from_slice(which[1].get::<Vec<u8>>(inputs));
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn requests_that_are_bent_anywhere_are_answered_as_requests(
        which: [Index; 2], cut: Index, changes in prop::collection::vec((any::<Index>(), any::<u8>()), 0..12),
    ) {
        http(&bent(&corpus("plane"), which, cut, &changes));
    }

    #[test]
    fn mutated_request_is_refused_or_signed_as_requested(
        which: [Index; 2], cut: Index, changes in prop::collection::vec((any::<Index>(), any::<u8>()), 0..12),
    ) {
        csr(&bent(&corpus("plane_csr"), which, cut, &changes));
    }

    #[test]
    fn any_bytes_at_all_are_taken_calmly(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        http(&bytes);
        csr(&bytes);
    }
}

#[test]
fn inputs_of_the_corpus_go_all_the_way_to_a_certificate() {
    // A node's suits three of the four signers' rules, a server's two, a user's two.
    for (input, signers) in [
        ("node-signed", 3),
        ("server-signed", 2),
        ("user-signed", 2),
        ("asks-to-be-a-ca", 2),
        ("a-name-that-is-none", 0),
        ("empty", 0),
    ] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/plane_csr").join(input);
        assert_eq!(certificates(&std::fs::read(path).unwrap()), signers, "{input}");
    }
}
