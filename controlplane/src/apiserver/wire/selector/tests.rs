use super::*;
use crate::testing::node_csr;

fn labelled(labels: &[(&str, &str)]) -> crate::base::csr::Csr {
    let mut csr = node_csr("n", "", &[]);
    csr.metadata.labels = Some(labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect());
    csr
}

#[test]
fn every_form_of_a_label_selector_is_read() {
    let csr = labelled(&[("app", "web"), ("tier.example.com/n", "7"), ("empty", "")]);
    for (selector, selected) in [
        ("", true),
        ("app", true),
        ("!app", false),
        ("!other", true),
        ("app=web", true),
        ("app==web", true),
        ("app = web", true),
        ("app!=web", false),
        ("other!=web", true),
        ("app in (db, web)", true),
        ("app in (db)", false),
        ("app notin (db,web)", false),
        ("other notin (x)", true),
        ("tier.example.com/n>6", true),
        ("tier.example.com/n<7", false),
        ("app>1", false),
        ("empty=", true),
        ("app=web,tier.example.com/n", true),
        ("app in (web),other", false),
    ] {
        assert_eq!(Selector::parse("", selector).unwrap().selects(&csr), selected, "{selector}");
    }
}

#[test]
fn a_selector_that_is_none_is_a_bad_request() {
    for labels in ["app in web", "app in (a", "a b", "=x", "!", "a=b/c", "app>x", "-a", "a notin (b c)", "/a"]
    {
        assert_eq!(Selector::parse("", labels).unwrap_err().code.as_u16(), 400, "{labels}");
    }
    for fields in ["x", "a b"] {
        assert_eq!(Selector::parse(fields, "").unwrap_err().code.as_u16(), 400, "{fields}");
    }
    let unknown = Selector::parse("spec.username=x", "").unwrap();
    assert_eq!(
        unknown.check::<crate::base::csr::Csr>().unwrap_err().message,
        "field label not supported: spec.username"
    );
}

#[test]
fn reg_028_every_term_of_a_field_selector_must_hold() {
    let csr = node_csr("n", "", &[]);
    let signer = "spec.signerName==kubernetes.io/kube-apiserver-client-kubelet";
    for (selector, selected) in [
        (signer.to_owned(), true),
        (format!("{signer},metadata.name=csr-of-n"), true),
        (format!("{signer},metadata.name!=csr-of-n"), false),
        ("spec.signerName!=x.y/z".to_owned(), true),
    ] {
        assert_eq!(Selector::parse(&selector, "").unwrap().selects(&csr), selected, "{selector}");
    }
}

#[test]
fn the_name_that_a_selector_is_about_is_known() {
    assert_eq!(Selector::parse("metadata.name=a", "").unwrap().name(), Some("a"));
    assert_eq!(Selector::parse("metadata.name!=a", "x").unwrap().name(), None);
    assert!(Selector::default().is_empty());
}
