use super::*;
use crate::testing::node_csr;

fn store() -> Store {
    Store::new(Vec::new(), 0, None)
}

fn label(old: &Csr, value: &str) -> Result<Csr, ApiError> {
    let mut new = old.clone();
    new.metadata.labels = Some([("l".to_owned(), value.to_owned())].into());
    Ok(new)
}

#[test]
fn every_change_has_its_own_version_and_event() {
    let store = store();
    store.create(node_csr("a", "u", &[])).unwrap();
    store.update("csr-of-a", |old| label(old, "1")).unwrap();
    store.update("csr-of-a", |old| label(old, "1")).unwrap();
    store.delete("csr-of-a", |_| Ok(())).unwrap();
    let events: Vec<_> = store.since(0).unwrap().iter().map(|e| (e.version, e.kind)).collect();
    assert_eq!(events, [(1, Kind::Added), (2, Kind::Modified), (3, Kind::Deleted)]);
    assert_eq!(store.since(2).unwrap().len(), 1);
    assert_eq!(store.get("csr-of-a").unwrap_err().code.as_u16(), 404);
}

#[test]
fn a_name_is_taken_once() {
    let store = store();
    store.create(node_csr("a", "u", &[])).unwrap();
    assert_eq!(store.create(node_csr("a", "u", &[])).unwrap_err().reason, "AlreadyExists");
}

#[test]
fn forgotten_and_future_versions_are_gone() {
    let store = Store::new(vec![node_csr("a", "u", &[])], 50, None);
    assert_eq!(store.since(49).unwrap_err().code.as_u16(), 410);
    assert_eq!(store.since(51).unwrap_err().code.as_u16(), 410);
    assert!(store.since(50).unwrap().is_empty());
    for round in 0..=LOG {
        store.update("csr-of-a", |old| label(old, &round.to_string())).unwrap();
    }
    assert_eq!(store.since(50).unwrap_err().code.as_u16(), 410);
    assert_eq!(store.since(51).unwrap().len(), LOG);
}

#[test]
fn open_requests_are_counted_per_user_and_node() {
    let store = store();
    for (node, user) in [("a", "u1"), ("b", "u1"), ("c", "u2")] {
        store.create(node_csr(node, user, &[])).unwrap();
    }
    let deny = |old: &Csr| {
        let mut new = old.clone();
        crate::api::push_condition(&mut new, "Denied", "", "");
        Ok(new)
    };
    store.update("csr-of-a", deny).unwrap();
    store.delete("csr-of-b", |_| Ok(())).unwrap();
    let mut stats = crate::Stats::default();
    store.counts().fill(&mut stats);
    assert_eq!((stats.csrs_created, stats.open_csrs, stats.open_csrs_max), (3, 1, 3));
    assert_eq!(stats.open_csrs_max_by_username, [("u1".to_owned(), 2), ("u2".to_owned(), 1)].into());
    assert_eq!(stats.open_csrs_max_by_common_name["system:node:a"], 1);
}
