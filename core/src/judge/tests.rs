use alloc::format;
use alloc::string::String;
use alloc::vec;
use core::net::{IpAddr, Ipv4Addr};

use super::*;
use crate::config::Template;
use crate::facts::Attribute;
use crate::id::LeafDigest;

const NOW: WallTime = WallTime::from_unix_secs(1_767_225_600);
const KEY: KeyDigest = KeyDigest([0xaa; 32]);
const HOUR: Span = Span::from_hours(1);

fn config() -> ConfigSpec {
    let mut config = ConfigSpec::new(Template::kubelet_client("node-1"));
    config.template.sans = vec![San::Dns("a.example".into())];
    config.chain_required = true;
    config
}

fn before(span: Span) -> WallTime {
    WallTime::from_unix_ms(NOW.unix_ms() - span.ms() as i64)
}

fn good() -> CertFacts {
    let template = config().template;
    CertFacts {
        leaf: LeafDigest([1; 32]),
        key: KEY,
        subject: template.subject,
        sans: template.sans,
        usages: template.usages,
        ca: false,
        not_before: before(Span::from_mins(5)),
        not_after: NOW.plus(HOUR),
        chain: Chain::Trusted,
    }
}

fn judged(change: impl FnOnce(&mut CertFacts)) -> Result<(), Refusal> {
    let mut facts = good();
    change(&mut facts);
    judge_issued(&config(), &KEY, &facts, NOW, NOW, Span::ZERO)
}

#[test]
fn requested_certificate_is_accepted_in_any_order_with_key_encipherment() {
    assert_eq!(judged(|_| {}), Ok(()));
    assert_eq!(judged(|facts| facts.usages = facts.usages.with(Usages::KEY_ENCIPHERMENT)), Ok(()));
    let double = |facts: &mut CertFacts| {
        facts.sans.push(San::Dns("a.example".into()));
        facts.subject.organizations.push("system:nodes".into());
    };
    assert_eq!(judged(double), Ok(()));
}

#[test]
fn every_refusal_names_expected_and_found_values() {
    type Change = fn(&mut CertFacts);
    let cases: [Change; 20] = [
        |facts| facts.key = KeyDigest([0xbb; 32]),
        |facts| facts.subject.common_name = "system:node:node-10".into(),
        |facts| facts.subject.common_name = "System:Node:Node-1".into(),
        |facts| facts.subject.organizations = vec!["system:masters".into()],
        |facts| facts.subject.organizations.push("system:masters".into()),
        |facts| facts.subject.others.push(Attribute::new(Attribute::ORGANIZATIONAL_UNIT, "unit")),
        |facts| facts.subject.others.push(Attribute { oid: String::from("2.5.4.45"), text: None }),
        |facts| facts.subject.common_name.clear(),
        |facts| facts.sans.clear(),
        |facts| facts.sans.push(San::Ip(IpAddr::V4(Ipv4Addr::LOCALHOST))),
        |facts| facts.sans = vec![San::Email("a@b".into()), San::Uri("spiffe://a".into()), San::Other],
        |facts| facts.usages = Usages::CLIENT_AUTH,
        |facts| facts.usages = facts.usages.without(Usages::CLIENT_AUTH).with(Usages::SERVER_AUTH),
        |facts| facts.usages = facts.usages.with(Usages::SERVER_AUTH),
        |facts| facts.ca = true,
        |facts| facts.chain = Chain::Untrusted,
        |facts| facts.chain = Chain::Unchecked,
        |facts| facts.not_before = NOW.plus(Span::from_ms(1)),
        |facts| facts.not_after = NOW,
        |facts| facts.not_after = NOW.plus(Span::from_ms(4999)),
    ];
    let mut texts: Vec<String> = Vec::new();
    for (number, change) in cases.into_iter().enumerate() {
        let refusal = judged(change).expect_err(&format!("case {number}"));
        let text = format!("{refusal}");
        assert!(text.contains("expected") && text.contains("found"), "{text}");
        texts.push(text);
    }
    texts.push(format!("{}", Refusal::Unreadable));
    insta::assert_snapshot!(texts.join("\n"));
}

#[test]
fn untrusted_chain_is_refused_and_unchecked_one_only_with_a_client_ca() {
    let mut config = config();
    config.chain_required = false;
    for (chain, accepted) in [(Chain::Trusted, true), (Chain::Unchecked, true), (Chain::Untrusted, false)] {
        assert_eq!(
            judge_identity(&config, &KEY, &CertFacts { chain, ..good() }).is_ok(),
            accepted,
            "{chain:?}"
        );
    }
}

#[test]
fn certificate_is_valid_from_not_before_until_before_not_after() {
    let (start, end) = (NOW, NOW.plus(HOUR));
    let at = |ms: i64| judge_time(WallTime::from_unix_ms(NOW.unix_ms() + ms), start, end);
    assert!(matches!(at(-1), Err(Refusal::NotYetValid { .. })));
    assert_eq!((at(0), at(3_599_999)), (Ok(()), Ok(())));
    assert!(matches!(at(3_600_000), Err(Refusal::Expired { .. })));
    for now in [WallTime::MIN, NOW, WallTime::MAX] {
        assert!(judge_time(now, NOW, NOW).is_err(), "an empty lifetime is never valid");
        assert!(judge_time(now, end, start).is_err(), "nor one that ends before it starts");
    }
}

#[test]
fn backdated_certificate_is_judged_by_its_lifetime_after_the_request() {
    let year = Span::from_hours(8760);
    let facts = CertFacts { not_before: before(year), not_after: NOW.plus(HOUR), ..good() };
    assert_eq!(
        judge_issued(&config(), &KEY, &facts, NOW, NOW, Span::ZERO),
        Ok(()),
        "an hour, all of it left"
    );
    let waited = before(Span::from_hours(10));
    let refusal = judge_issued(&config(), &KEY, &facts, NOW, waited, Span::ZERO);
    assert_eq!(
        refusal,
        Err(Refusal::TooShort { left: HOUR, least: Span::from_mins(66), lifetime: Span::from_hours(11) })
    );
    let late = judge_issued(&config(), &KEY, &facts, NOW, NOW.plus(year), Span::ZERO);
    assert_eq!(late, Ok(()), "a clock that went back does not count against it");
}

#[test]
fn certificate_with_just_the_least_lifetime_left_is_accepted() {
    let (born, least) = (before(Span::from_mins(54)), Span::from_mins(6));
    let left = |not_after| {
        let facts = CertFacts { not_before: born, not_after, ..good() };
        judge_issued(&config(), &KEY, &facts, NOW, born, Span::ZERO)
    };
    assert_eq!(left(NOW.plus(least)), Ok(()));
    let refusal = left(NOW.plus(least).minus(Span::from_ms(10)));
    assert!(matches!(refusal, Err(Refusal::TooShort { .. })), "{refusal:?}");
}

#[test]
fn found_certificate_with_other_names_or_usages_is_of_an_old_template() {
    let found = |change: fn(&mut CertFacts)| {
        let mut facts = good();
        change(&mut facts);
        judge_found(&config(), &KEY, &facts)
    };
    assert_eq!(found(|_| {}), Ok(false));
    assert_eq!(found(|facts| facts.sans.clear()), Ok(true));
    assert_eq!(found(|facts| facts.sans.push(San::Dns("b.example".into()))), Ok(true));
    assert_eq!(found(|facts| facts.usages = Usages::CLIENT_AUTH), Ok(true));
    assert_eq!(found(|facts| facts.usages = facts.usages.with(Usages::SERVER_AUTH)), Ok(true));
    let also_a_ca = |facts: &mut CertFacts| {
        facts.sans.clear();
        facts.ca = true;
    };
    assert_eq!(found(also_a_ca), Err(Refusal::Ca));
    assert!(matches!(found(|facts| facts.subject.common_name.push('0')), Err(Refusal::Subject { .. })));
    assert!(matches!(found(|facts| facts.chain = Chain::Untrusted), Err(Refusal::Chain { .. })));
}

#[test]
fn templates_are_equal_in_any_order() {
    let one = Template {
        sans: vec![San::Dns("a.example".into()), San::Ip(IpAddr::V4(Ipv4Addr::LOCALHOST))],
        ..config().template
    };
    let mut other = one.clone();
    other.sans.reverse();
    assert!(same_request(&one, &other));
    let changes: [fn(&mut Template); 5] = [
        |template| template.subject.common_name.push('0'),
        |template| template.sans.truncate(1),
        |template| template.usages = Usages::CLIENT_AUTH,
        |template| template.signer.push('0'),
        |template| template.duration = Some(HOUR),
    ];
    for change in changes {
        let mut other = one.clone();
        change(&mut other);
        assert!(!same_request(&one, &other), "{other:?}");
    }
}
