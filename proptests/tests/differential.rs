//! The shipped reading and judging of certificates against the oracle, over the whole lattice.
#![allow(clippy::unwrap_used, reason = "a test's helpers are tests too")]

use std::collections::BTreeMap;

use certrotate_core::facts::{CertFacts, Chain, Usages};
use certrotate_proptests::differential::{
    Case, Expected, Fault, Rendered, Verdict, disagreements, judged, shipped,
};
use certrotate_x509::{CertChain, ClientCa};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer as _;

#[test]
fn reader_and_judge_agree_with_the_oracle_on_every_leaf_and_path() {
    let cases: Vec<_> = Case::leaves().chain(Case::paths()).collect();
    println!("{} combinations", cases.len());
    assert!(cases.len() >= 4096, "the lattice is large enough to mean something");
    let (one, other) = cases.split_at(cases.len() / 2);
    let found: Vec<_> = std::thread::scope(|scope| {
        let other = scope.spawn(|| disagreements(shipped, other.iter().copied(), 5));
        let mut found = disagreements(shipped, one.iter().copied(), 5);
        found.extend(other.join().expect("no combination panics"));
        found
    });
    let lines: Vec<_> = found.iter().map(ToString::to_string).collect();
    assert!(found.is_empty(), "they differ:\n{}", lines.join("\n"));
}

#[test]
fn oracle_accepts_some_and_finds_every_single_fault() {
    let mut alone = BTreeMap::new();
    let mut accepted = 0;
    for case in Case::leaves().chain(Case::paths()) {
        match Expected::of(&case).faults.as_slice() {
            [] => accepted += 1,
            [fault] => *alone.entry(*fault).or_insert(0) += 1,
            [..] => {}
        }
    }
    assert!(accepted > 0 && alone.len() == 10, "{accepted} accepted, alone: {alone:?}");
    assert!(alone.contains_key(&Fault::TooShort));
}

fn client_ca(rendered: &Rendered) -> Option<ClientCa> {
    rendered.client_ca.as_ref().map(|pem| ClientCa::read(pem.as_bytes()).unwrap())
}

fn read(answer: &str, ca: Option<&ClientCa>) -> (CertChain, CertFacts) {
    CertChain::read(answer.as_bytes(), ca).unwrap()
}

/// The shipped facts, spoilt.
fn spoilt(rendered: &Rendered, spoil: impl Fn(&CertChain, &mut CertFacts)) -> Verdict {
    let (chain, mut facts) = read(&rendered.answer, client_ca(rendered).as_ref());
    spoil(&chain, &mut facts);
    judged(rendered, Some(&facts))
}

/// The certificates of an answer, each in PEM.
fn blocks(answer: &str) -> impl Iterator<Item = &str> {
    answer.split_inclusive("-----END CERTIFICATE-----\n")
}

fn any_certificate_counts(rendered: &Rendered) -> Verdict {
    let Some(ca) = client_ca(rendered) else { return shipped(rendered) };
    let (root, _) = read(rendered.client_ca.as_deref().unwrap(), None);
    let (_, root) = X509Certificate::from_der(&root.ders()[0]).unwrap();
    let (chain, mut facts) = read(&rendered.answer, Some(&ca));
    let signed = |der: &[u8]| {
        let (_, certificate) = X509Certificate::from_der(der).unwrap();
        certificate.verify_signature(Some(root.public_key())).is_ok()
    };
    if chain.ders().iter().any(|der| signed(der)) {
        facts.chain = Chain::Trusted;
    }
    judged(rendered, Some(&facts))
}

fn roots_in_the_answer_count(rendered: &Rendered) -> Verdict {
    let Some(ca) = &rendered.client_ca else { return shipped(rendered) };
    let roots: String = blocks(&rendered.answer).skip(1).chain([ca.as_ref()]).collect();
    let (_, facts) = read(&rendered.answer, Some(&ClientCa::read(roots.as_bytes()).unwrap()));
    judged(rendered, Some(&facts))
}

fn the_end_of_the_leaf_counts(rendered: &Rendered) -> Verdict {
    spoilt(rendered, |chain, facts| facts.not_after = chain.leaf_summary().not_after)
}

fn any_usage_will_do(rendered: &Rendered) -> Verdict {
    let wanted = Usages::DIGITAL_SIGNATURE.with(Usages::CLIENT_AUTH);
    spoilt(rendered, |_, facts| {
        if facts.usages.without(wanted) != facts.usages {
            facts.usages = wanted;
        }
    })
}

fn a_ca_will_do(rendered: &Rendered) -> Verdict {
    spoilt(rendered, |_, facts| facts.ca = false)
}

fn names_in_capitals_will_do(rendered: &Rendered) -> Verdict {
    spoilt(rendered, |_, facts| facts.subject.common_name.make_ascii_lowercase())
}

fn longer_names_will_do(rendered: &Rendered) -> Verdict {
    spoilt(rendered, |_, facts| facts.subject.common_name.truncate("system:node:node-1".len()))
}

#[test]
fn every_seeded_judge_bug_is_found() {
    type Judge = fn(&Rendered) -> Verdict;
    let mistakes: [(&str, Judge); 7] = [
        ("a path from any certificate of the answer", any_certificate_counts),
        ("roots that come with the answer", roots_in_the_answer_count),
        ("the leaf's end alone", the_end_of_the_leaf_counts),
        ("any of the usages", any_usage_will_do),
        ("CA:TRUE", a_ca_will_do),
        ("a name without regard to case", names_in_capitals_will_do),
        ("a name that ours is the beginning of", longer_names_will_do),
    ];
    for (what, judge) in mistakes {
        // The paths come first: they are fewer, and they or the first leaves show every seeded bug.
        let cases = Case::paths().chain(Case::leaves());
        assert!(!disagreements(judge, cases, 1).is_empty(), "{what} goes unnoticed");
    }
}
