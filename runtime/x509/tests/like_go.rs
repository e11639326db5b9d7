//! Chains that Go's `crypto/x509` judged. kube-apiserver verifies client certificates with that, so the verdicts must be equal.
//! `tests/go/chains.go` makes the file.
#![allow(clippy::unwrap_used, reason = "a test's helpers are tests too")]

use certrotate_core::config::{ConfigSpec, Template};
use certrotate_core::facts::{CertFacts, Chain};
use certrotate_core::judge::{Refusal, judge_identity, judge_time};
use certrotate_x509::{CertChain, ClientCa, bundle};

use kit::NOW;

mod kit;

const CHAINS: &str = include_str!("go/chains.txt");

/// The reason why facts are refused; none if they are not.
fn reason(facts: &CertFacts) -> String {
    let mut config = ConfigSpec::new(Template::kubelet_client("node-1"));
    config.chain_required = true;
    // Alternative names are there for the name constraints alone.
    config.template.sans.clone_from(&facts.sans);
    let judged = judge_identity(&config, &facts.key, facts)
        .and_then(|()| judge_time(NOW, facts.not_before, facts.not_after));
    match judged {
        Ok(()) => String::new(),
        Err(Refusal::Chain { found: Chain::Rejected(fault) }) => format!("{fault:?}"),
        Err(Refusal::Chain { found }) => format!("{found:?}"),
        Err(Refusal::Expired { .. }) => "Expired".into(),
        Err(Refusal::NotYetValid { .. }) => "NotYetValid".into(),
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn every_chain_is_judged_as_go_judges_it_with_the_true_reason() {
    let mut chains = 0;
    for case in CHAINS.split("## ").filter(|case| !case.is_empty()) {
        let mut lines = case.lines();
        let (name, go) = (lines.next().unwrap(), lines.next().unwrap());
        let expected = lines.next().unwrap().strip_prefix("# reason: ").unwrap();
        let (roots, chain) = case.split_once("# chain\n").unwrap();
        let ca = ClientCa::read(roots.as_bytes()).unwrap();
        let (read, facts) = CertChain::read(chain.as_bytes(), Some(&ca)).unwrap();
        assert_eq!(reason(&facts), expected, "{name}");
        assert_eq!(go, if expected.is_empty() { "# go: accepted" } else { "# go: refused" }, "{name}");

        let key = certrotate_x509::SecretKey::generate().unwrap();
        let header = certrotate_core::disk::BundleHeader {
            generation: certrotate_core::id::Generation(1),
            issued: NOW,
        };
        let again = bundle::decode(&bundle::encode(&read, &key, header), Some(&ca)).unwrap();
        assert_eq!(again.facts, facts, "{name}: it is the same from a bundle");
        chains += 1;
    }
    assert!(chains >= 95, "{chains} chains");
}
