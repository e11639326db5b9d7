use super::*;
use crate::testing::node_csr;

#[test]
fn a_watch_as_client_go_asks_for_it_is_read() {
    let text = "allowWatchBookmarks=true&fieldSelector=metadata.name%3Dcsr-of-n&resourceVersion=5&timeoutSeconds=300&watch=true";
    let query = Query::parse(text).unwrap();
    assert!(query.watch && query.bookmarks && !query.send_initial_events);
    assert_eq!((query.resource_version.as_str(), query.timeout_seconds), ("5", Some(300)));
    assert!(query.selector.selects(&node_csr("n", "", &[])));
    assert!(!query.selector.selects(&node_csr("m", "", &[])));
}

#[test]
fn every_term_of_a_selector_must_hold() {
    let csr = node_csr("n", "", &[]);
    let signer = "spec.signerName==kubernetes.io/kube-apiserver-client-kubelet";
    for (selector, selected) in [
        (signer.to_owned(), true),
        (format!("{signer},metadata.name=csr-of-n"), true),
        (format!("{signer},metadata.name!=csr-of-n"), false),
        ("spec.signerName!=x.y/z".to_owned(), true),
    ] {
        assert_eq!(Selector::parse(&selector).unwrap().selects(&csr), selected, "{selector}");
    }
}

#[test]
fn what_is_not_built_is_refused_not_ignored() {
    for text in [
        "fieldSelector=spec.username%3Dx",
        "labelSelector=a%3Db",
        "dryRun=All",
        "continue=x",
        "fieldSelector=x",
        "watch=%zz",
    ] {
        assert_eq!(Query::parse(text).unwrap_err().code.as_u16(), 400, "{text}");
    }
    assert_eq!(Query::parse("limit=500&pretty=true&labelSelector=").unwrap(), Query::default());
}
