use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::vec;

use super::*;
use crate::facts::CertFacts;
use crate::time::{Span, WallTime};

fn subject(common_name: &str, organizations: &[&str]) -> Subject {
    let organizations = organizations.iter().map(ToString::to_string).collect();
    Subject { common_name: common_name.into(), organizations, others: vec![] }
}

#[test]
fn text_of_a_certificate_cannot_leave_or_colour_its_line() {
    let found =
        subject("node\n2026-01-01 INFO all is well\u{1b}[2J", &["a\u{85}\u{202e}\u{2028}\\b \"it's\""]);
    let said =
        Refusal::Subject { expected: Box::new(subject("node", &[])), found: Box::new(found) }.to_string();
    assert_eq!(
        said,
        "its subject is wrong: expected CN=node, found O=a\\u{85}\\u{202e}\\u{2028}\\\\b \"it's\", CN=node\\n2026-01-01 INFO all is well\\u{1b}[2J"
    );
    let found = vec![San::Dns("a\tb".into()), San::Uri("c\r".into()), San::Email("d\0".into())];
    assert_eq!(list(&found), "DNS:a\\tb, URI:c\\r, email:d\\0");
}

#[test]
fn long_text_is_cut_after_its_beginning() {
    let just = "é".repeat(LONGEST);
    assert_eq!(subject(&just, &[]).to_string(), alloc::format!("CN={just}"));
    assert_eq!(subject(&alloc::format!("{just}x"), &[]).to_string(), alloc::format!("CN={just}…"));
}

#[test]
fn of_many_names_the_first_are_shown_and_the_others_counted() {
    let all = ["a"; MOST + 2];
    assert_eq!(subject("n", &all[..MOST]).to_string(), alloc::format!("{}CN=n", "O=a, ".repeat(MOST)));
    assert_eq!(
        subject("n", &all).to_string(),
        alloc::format!("{}2 more organizations, CN=n", "O=a, ".repeat(MOST))
    );
    let sans = vec![San::Other; MOST + 1];
    assert_eq!(list(&sans[..MOST]), ["another kind"; MOST].join(", "));
    assert_eq!(list(&sans), alloc::format!("{} and 1 more", ["another kind"; MOST].join(", ")));
}

#[test]
fn short_lifetime_is_refused_with_the_configured_limit() {
    let mut config = crate::config::ConfigSpec::new(crate::config::Template::kubelet_client("node-1"));
    config.timing.lifetime_left = crate::timing::LifetimeLeft { share: 250, min: Span::from_secs(90) };
    for (lifetime, limit) in [(Span::from_mins(60), "15m0s"), (Span::from_mins(4), "1m30s")] {
        let key = crate::id::KeyDigest([1; 32]);
        let now = WallTime::from_unix_secs(1_800_000_000);
        let facts = CertFacts {
            key,
            leaf: crate::id::LeafDigest([2; 32]),
            subject: config.template.subject.clone(),
            sans: vec![],
            usages: config.template.usages,
            ca: false,
            not_before: now,
            not_after: now.plus(lifetime),
            chain: Chain::Trusted,
        };
        let judged_at = facts.not_after.minus(Span::from_secs(60));
        let refusal = crate::judge::judge_issued(&config, &key, &facts, judged_at, now, Span::ZERO);
        let text = refusal.expect_err("a minute is too little").to_string();
        assert!(
            text.contains(&alloc::format!("expected {limit} at least of its lifetime of {lifetime}")),
            "{text}"
        );
    }
}
