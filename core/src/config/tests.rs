use super::*;
use alloc::format;
use alloc::vec::Vec;

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
fn invalid_configuration_is_refused_with_the_remedy() {
    type Change = fn(&mut ConfigSpec);
    let cases: [(ConfigError, Change); 5] = [
        (ConfigError::NoCommonName, |spec| spec.template.subject.common_name.clear()),
        (ConfigError::NoUsages, |spec| spec.template.usages = Usages::NONE),
        (ConfigError::NoSigner, |spec| spec.template.signer.clear()),
        (ConfigError::DurationTooShort, |spec| spec.template.duration = Some(Span::from_secs(599))),
        (ConfigError::Time("renew"), |spec| spec.timing.renew.first = Span::ZERO),
    ];
    let mut texts = Vec::new();
    for (error, change) in cases {
        let mut spec = spec();
        change(&mut spec);
        assert_eq!(Config::new(spec), Err(error));
        texts.push(format!("{error}"));
    }
    insta::assert_snapshot!(texts.join("\n"));
    let mut least = spec();
    least.template.duration = Some(Span::from_secs(600));
    assert!(Config::new(least).is_ok(), "the shortest that Kubernetes accepts");
}

#[cfg(feature = "serde")]
#[test]
fn a_configuration_from_before_there_was_a_choice_adopts() {
    let mut json = serde_json::to_value(spec()).expect("it can be written");
    let adopt = json.as_object_mut().and_then(|fields| fields.remove("adopt"));
    assert_eq!(adopt, Some(true.into()));
    assert_eq!(serde_json::from_value::<ConfigSpec>(json).expect("it can be read"), spec());
}
