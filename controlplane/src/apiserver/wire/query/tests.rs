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
fn what_would_change_the_answer_and_is_not_understood_is_refused() {
    for text in [
        "labelSelector=a%20b",
        "dryRun=Some",
        "fieldSelector=x",
        "watch=%zz",
        "limit=many",
        "limit=-1",
        "fieldValidation=Maybe",
        "resourceVersion=1&resourceVersionMatch=About",
        "resourceVersionMatch=Exact",
    ] {
        assert_eq!(Query::parse(text).unwrap_err().code.as_u16(), 400, "{text}");
    }
    assert_eq!(Query::parse("limit=&pretty=true&labelSelector=&dryRun=").unwrap(), Query::default());
}

#[test]
fn a_part_of_a_list_is_asked_for_by_limit_and_continue() {
    let query = Query::parse(
        "limit=500&continue=abc&labelSelector=a%3Db&resourceVersion=7&resourceVersionMatch=Exact",
    );
    let query = query.unwrap();
    assert_eq!((query.limit, query.next.as_str()), (500, "abc"));
    assert_eq!((query.resource_version.as_str(), query.version_match), ("7", VersionMatch::Exact));
    assert!(!query.selector.selects(&node_csr("n", "", &[])));
}
