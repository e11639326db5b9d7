//! Sizes at their bounds, and what every error says.

mod kit;

use certrotate_x509::{
    CertChain, ClientCa, Corrupt, KeyError, KeyTypeError, MAX_CERTIFICATES, MAX_CLIENT_CAS, MAX_FILE,
    MAX_INPUT, MAX_TEXT, ReadError, RequestError,
};
use kit::{Authority, HOUR, Node, at, wall};
use rcgen::KeyPair;

#[test]
fn the_bounds_are_64_kib_of_pem_and_4_kib_more_for_a_file() {
    assert_eq!((MAX_INPUT, MAX_FILE, MAX_CERTIFICATES), (65_536, 69_632, 16));
    assert_eq!((MAX_TEXT, MAX_CLIENT_CAS), (1_048_576, 256));
}

#[test]
fn client_ca_file_above_the_bounds_is_refused() {
    let root = Authority::root("root").pem();
    let full = format!("{root}{}", " ".repeat(MAX_TEXT - root.len()));
    assert!(ClientCa::read(full.as_bytes()).is_ok());
    assert_eq!(
        ClientCa::read(format!("{full} ").as_bytes()).err(),
        Some(ReadError::TooLarge { size: MAX_TEXT + 1, most: MAX_TEXT })
    );
    assert!(ClientCa::read(root.repeat(MAX_CLIENT_CAS).as_bytes()).is_ok());
    assert_eq!(
        ClientCa::read(root.repeat(MAX_CLIENT_CAS + 1).as_bytes()).err(),
        Some(ReadError::TooMany { most: MAX_CLIENT_CAS })
    );
}

#[test]
fn ca_of_the_same_name_with_another_key_does_not_change_the_dates() {
    let node = Node {
        root: Authority::root_with("root", |ca| ca.not_after = at(60), KeyPair::generate().unwrap()),
        ..Node::new()
    };
    let other = Authority::root("root");
    let leaf = node.issued(|_| {});
    let ca = ClientCa::read(format!("{}{}", node.root.pem(), other.pem()).as_bytes()).unwrap();
    let (_, facts) = CertChain::read(leaf.as_bytes(), Some(&ca)).unwrap();
    assert_eq!(facts.not_after, wall(60), "the issuer ends first, whatever the other one says");
    assert!(wall(60) < wall(HOUR));
}

#[test]
fn every_error_says_what_is_wrong_and_what_to_do() {
    let read = [
        ReadError::TooLarge { size: 65_537, most: MAX_INPUT },
        ReadError::TooMany { most: MAX_CERTIFICATES },
        ReadError::Nothing,
        ReadError::Text { line: 3 },
        ReadError::Kind { line: 3 },
        ReadError::Base64 { line: 3 },
        ReadError::Unfinished { line: 3 },
        ReadError::TrailingBytes { block: 2 },
        ReadError::Der { block: 2 },
        ReadError::Serial { block: 1 },
        ReadError::Signature,
    ];
    let key = [KeyError::Random, KeyError::Pem(ReadError::Nothing), KeyError::Unreadable];
    let kind = [KeyTypeError];
    let request = [
        RequestError::Key(KeyError::Random),
        RequestError::Subject,
        RequestError::San,
        RequestError::Signer,
        RequestError::Duration,
        RequestError::TooLarge,
    ];
    let corrupt = [
        Corrupt::TooLarge,
        Corrupt::Empty,
        Corrupt::FirstLine,
        Corrupt::Digest,
        Corrupt::Pem(ReadError::Nothing),
        Corrupt::KeyBlock,
        Corrupt::Key(KeyError::Unreadable),
        Corrupt::RequestKey,
        Corrupt::Lines,
        Corrupt::Form,
    ];
    let read = read.iter().map(|error| format!("{error:?}: {error}"));
    let key = key.iter().map(|error| format!("{error:?}: {error}"));
    let kind = kind.iter().map(|error| format!("{error:?}: {error}"));
    let request = request.iter().map(|error| format!("{error:?}: {error}"));
    let corrupt = corrupt.iter().map(|error| format!("{error:?}: {error}"));
    let all: Vec<String> = read.chain(key).chain(kind).chain(request).chain(corrupt).collect();
    insta::assert_snapshot!("errors", all.join("\n"));
}
