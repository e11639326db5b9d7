use super::*;
use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use crate::facts::{Attribute, San, Usages};
use crate::time::Span;

fn spec() -> ConfigSpec {
    ConfigSpec::new(Template::kubelet_client("node-1"))
}

#[test]
fn node_template_equals_the_kubelet_request() {
    let config = Config::new(spec()).expect("it is valid");
    let template = config.template();
    assert_eq!(format!("{}", template.subject), "O=system:nodes, CN=system:node:node-1");
    assert_eq!(format!("{}", template.usages), "digital signature, client auth");
    assert_eq!(template.signer, "kubernetes.io/kube-apiserver-client-kubelet");
    assert_eq!((template.sans.len(), template.duration), (0, None));
    assert_eq!(config.spec(), &spec());
    assert_eq!(config.timing(), &Timing::default());
}

#[test]
fn serving_template_equals_the_kubelet_request() {
    let template = Template::kubelet_serving("node-1", &["node-1.example"], &[[10, 0, 0, 1].into()]);
    assert_eq!(template.subject, Template::kubelet_client("node-1").subject);
    assert_eq!(format!("{}", template.usages), "digital signature, server auth");
    assert_eq!(template.signer, "kubernetes.io/kubelet-serving");
    assert_eq!(template.sans, [San::Dns("node-1.example".into()), San::Ip([10, 0, 0, 1].into())]);
    assert!(Config::new(ConfigSpec::new(template)).is_ok());
    let without_names = ConfigSpec::new(Template::kubelet_serving("node-1", &[], &[]));
    assert_eq!(Config::new(without_names), Err(ConfigError::NoServerName));
}

#[test]
fn invalid_configuration_is_refused_with_the_remedy() {
    let unit = |oid: &str| Attribute::new(oid, "unit");
    type Change<'a> = &'a dyn Fn(&mut ConfigSpec);
    let cases: &[(&str, Change<'_>)] = &[
        ("no name", &|spec| spec.template.subject.common_name.clear()),
        ("no usage", &|spec| spec.template.usages = Usages::NONE),
        ("server without a name", &|spec| spec.template.usages = Usages::SERVER_AUTH),
        ("empty organization", &|spec| spec.template.subject.organizations.push(String::new())),
        ("empty attribute", &|spec| spec.template.subject.others.push(Attribute::new("1.2.3", ""))),
        ("empty name", &|spec| spec.template.sans.push(San::Uri(String::new()))),
        ("many attributes", &|spec| spec.template.subject.others = vec![unit("1.2.3"); MAX_NAMES + 1]),
        ("many organizations", &|spec| spec.template.subject.organizations = vec!["a".into(); MAX_NAMES + 1]),
        ("many names", &|spec| spec.template.sans = vec![San::Dns("a".into()); MAX_NAMES + 1]),
        ("long signer", &|spec| spec.template.signer = "a".repeat(MAX_NAME + 1)),
        ("long common name", &|spec| spec.template.subject.common_name = "a".repeat(MAX_NAME + 1)),
        ("long name", &|spec| spec.template.sans.push(San::Uri("a".repeat(MAX_NAME + 1)))),
        ("long template", &|spec| spec.template.sans = vec![San::Dns("a".repeat(MAX_NAME)); 17]),
        ("attribute without text", &|spec| {
            spec.template.subject.others.push(Attribute { text: None, ..unit("1.2.3") });
        }),
        ("other name", &|spec| spec.template.sans.push(San::Other)),
        ("short lifetime", &|spec| spec.template.duration = Some(Span::from_secs(599))),
        ("lifetime below the limit", &|spec| {
            spec.template.shortest_duration = Span::ZERO;
            spec.template.duration = Some(spec.timing.lifetime_left.min);
        }),
        ("wait of zero", &|spec| spec.timing.renew.first = Span::ZERO),
    ];
    let mut texts = Vec::new();
    for (case, change) in cases {
        let mut spec = spec();
        change(&mut spec);
        let error = Config::new(spec).expect_err(case);
        texts.push(format!("{case}: {error}"));
    }
    insta::assert_snapshot!(texts.join("\n"));
}

#[test]
fn attribute_types_are_object_identifiers_without_their_own_field() {
    let checked = |oid: &str| {
        let mut spec = spec();
        spec.template.subject.others.push(Attribute::new(oid, "unit"));
        Config::new(spec).map(drop)
    };
    for good in [Attribute::COUNTRY, Attribute::DOMAIN_COMPONENT, "1.2.4294967295", "2.39.0"] {
        assert_eq!(checked(good), Ok(()), "{good}");
    }
    let long = "1.2".to_owned() + &".3".repeat(19);
    for bad in
        ["", "unit", "1.2", "1.2.", "1..2.3", "1.2.03", "3.2.1", "1.40.1", "1.2.4294967296", "1.2.+3", &long]
    {
        assert_eq!(checked(bad), Err(ConfigError::Attribute), "{bad}");
    }
    assert_eq!(checked(Attribute::COMMON_NAME), Err(ConfigError::Attribute));
    assert_eq!(checked(Attribute::ORGANIZATION), Err(ConfigError::Attribute));
}

#[test]
fn greatest_template_is_accepted() {
    let mut spec = spec();
    spec.template.signer = "a".repeat(MAX_NAME);
    spec.template.subject.organizations = vec!["a".into(); MAX_NAMES];
    spec.template.subject.others = vec![Attribute::new("1.2.3", "a"); MAX_NAMES];
    spec.template.sans = vec![San::Uri("a".repeat(100)); MAX_NAMES];
    spec.template.duration = Some(Span::from_secs(600));
    assert!(Config::new(spec).is_ok());
}

#[test]
fn template_of_another_issuer_needs_no_common_name_and_no_signer() {
    let spec = |duration| {
        let template =
            Template::new("", Usages::CLIENT_AUTH).with_san(San::Uri("spiffe://example.org/a".into()));
        let mut spec = ConfigSpec::new(template.with_duration(duration));
        spec.timing.lifetime_left.min = Span::from_ms(500);
        spec
    };
    assert!(Config::new(spec(Span::from_secs(1))).is_ok());
    let (requested, shortest) = (Span::from_ms(999), Span::from_secs(1));
    assert_eq!(Config::new(spec(requested)), Err(ConfigError::DurationTooShort { requested, shortest }));
}

#[cfg(feature = "serde")]
#[test]
fn a_configuration_from_before_there_was_a_choice_adopts() {
    let mut json = serde_json::to_value(spec()).expect("it can be written");
    let adopt = json.as_object_mut().and_then(|fields| fields.remove("adopt"));
    assert_eq!(adopt, Some(true.into()));
    assert_eq!(serde_json::from_value::<ConfigSpec>(json).expect("it can be read"), spec());
}
