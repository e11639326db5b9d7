use super::*;
use crate::base::budgets::{LOG_BYTES, LOG_CHANGES, SCANNED_OBJECTS};
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
fn change_has_its_own_version_and_event() {
    let store = store();
    store.create(node_csr("a", "u", &[])).unwrap();
    store.update("csr-of-a", |old| label(old, "1")).unwrap();
    store.update("csr-of-a", |old| label(old, "1")).unwrap();
    store.delete_if("csr-of-a", |_| Ok(())).unwrap();
    let events: Vec<_> = store.since(0).unwrap().iter().map(|e| (e.version, e.kind)).collect();
    assert_eq!(events, [(1, ChangeKind::Added), (2, ChangeKind::Modified), (3, ChangeKind::Deleted)]);
    assert_eq!(store.since(2).unwrap().len(), 1);
    assert_eq!(store.get("csr-of-a").unwrap_err().code.as_u16(), 404);
}

#[test]
fn duplicate_name_is_refused() {
    let store = store();
    store.create(node_csr("a", "u", &[])).unwrap();
    assert_eq!(store.create(node_csr("a", "u", &[])).unwrap_err().reason, "AlreadyExists");
}

#[test]
fn forgotten_and_future_versions_are_answered_410() {
    let store = Store::new(vec![node_csr("a", "u", &[])], 50, None);
    assert_eq!(store.since(49).unwrap_err().code.as_u16(), 410);
    assert_eq!(store.since(51).unwrap_err().code.as_u16(), 410);
    assert!(store.since(50).unwrap().is_empty());
    for round in 0..=LOG_CHANGES {
        store.update("csr-of-a", |old| label(old, &round.to_string())).unwrap();
    }
    assert_eq!(store.since(50).unwrap_err().code.as_u16(), 410);
    assert_eq!(store.since(51).unwrap().len(), LOG_CHANGES);
}

#[test]
fn open_requests_are_counted_per_user_and_node() {
    let store = store();
    for (node, user) in [("a", "u1"), ("b", "u1"), ("c", "u2")] {
        store.create(node_csr(node, user, &[])).unwrap();
    }
    let deny = |old: &Csr| {
        let mut new = old.clone();
        crate::base::csr::push_condition(&mut new, "Denied", "", "");
        Ok(new)
    };
    store.update("csr-of-a", deny).unwrap();
    store.delete_if("csr-of-b", |_| Ok(())).unwrap();
    let mut stats = crate::statistics::stats::Stats::default();
    store.counts().fill(&mut stats);
    assert_eq!((stats.csrs_created, stats.open_csrs, stats.open_csrs_max), (3, 1, 3));
    assert_eq!(stats.open_csrs_max_by_username, [("u1".to_owned(), 2), ("u2".to_owned(), 1)].into());
    assert_eq!(stats.open_csrs_max_by_common_name["system:node:a"], 1);
}

#[tokio::test]
async fn watch_of_one_name_gets_no_other_changes() {
    let store = Arc::new(store());
    let mut changes = store.watch(Some("csr-of-b"));
    store.create(node_csr("a", "u", &[])).unwrap();
    store.create(node_csr("b", "u", &[])).unwrap();
    store.update("csr-of-b", |old| label(old, "1")).unwrap();
    assert_eq!((changes.next().await, changes.next().await), (Some(2), Some(3)));
    let missed = store.changes(0, Some("csr-of-a")).unwrap();
    assert_eq!((missed.events.len(), missed.version, missed.is_all), (1, 3, true));
}

#[tokio::test]
async fn slow_watch_is_cut_off_and_reads_on_in_the_log() {
    let store = Arc::new(store());
    store.create(node_csr("a", "u", &[])).unwrap();
    let mut changes = store.watch(None);
    for round in 0..2_000 {
        store.update("csr-of-a", |old| label(old, &round.to_string())).unwrap();
    }
    let mut last = 1;
    while let Some(version) = changes.next().await {
        assert_eq!(version, last + 1);
        last = version;
    }
    assert!(last < 2_001, "it was cut off");
    let missed = store.changes(last, None).unwrap();
    assert_eq!((missed.events[0].version, missed.events.len()), (last + 1, CHUNK_OBJECTS));
    assert!(!missed.is_all && missed.version == last + CHUNK_OBJECTS as u64);
}

#[test]
fn object_with_finalizers_is_deleted_with_the_last_one() {
    let store = store();
    let mut csr = node_csr("a", "u", &[]);
    csr.metadata.finalizers = Some(vec!["example.com/x".to_owned()]);
    store.create(csr).unwrap();
    let now = crate::base::time::api_time(std::time::UNIX_EPOCH);
    let marked = store.remove("csr-of-a", (now.clone(), false), |_| Ok(())).unwrap();
    assert!(marked.metadata.deletion_timestamp.is_some() && store.get("csr-of-a").is_ok());
    let again = store.remove("csr-of-a", (now, false), |_| Ok(())).unwrap();
    assert_eq!(again.metadata.resource_version, marked.metadata.resource_version);
    let release = |old: &Csr| {
        let mut new = old.clone();
        new.metadata.finalizers = None;
        Ok(new)
    };
    store.update("csr-of-a", release).unwrap();
    assert_eq!(store.get("csr-of-a").unwrap_err().code.as_u16(), 404);
    assert_eq!(store.since(2).unwrap()[0].kind, ChangeKind::Deleted);
}

#[test]
fn dry_run_answers_and_changes_nothing() {
    let store = store();
    assert!(store.create_unless_dry(node_csr("a", "u", &[]), true).is_ok());
    assert_eq!((store.version(), store.get("csr-of-a").is_err()), (0, true));
    store.create(node_csr("a", "u", &[])).unwrap();
    let changed = store.update_unless_dry("csr-of-a", true, |old| label(old, "x")).unwrap();
    assert!(changed.metadata.labels.is_some());
    store.remove("csr-of-a", (crate::base::time::api_time(std::time::UNIX_EPOCH), true), |_| Ok(())).unwrap();
    assert_eq!(store.get("csr-of-a").unwrap().metadata.labels, None);
}

#[test]
fn log_is_bounded_by_bytes() {
    let store = store();
    store.create(node_csr("a", "u", &[])).unwrap();
    let rounds = LOG_BYTES / (1 << 20);
    for round in 0..rounds {
        store.update("csr-of-a", |old| label(old, &format!("{round}{}", "x".repeat(1 << 20)))).unwrap();
    }
    let kept = store.since(store.version() - 10).unwrap().len();
    assert_eq!(kept, 10);
    assert_eq!(store.since(1).unwrap_err().code.as_u16(), 410);
    let inner = lock(&store.shared.inner);
    assert!(inner.log_bytes <= LOG_BYTES && inner.log.len() < rounds);
}

#[test]
fn selector_finds_the_last_of_many_objects() {
    use crate::apiserver::store::page::Ask;
    let mut objects: Vec<_> = (0..2 * SCANNED_OBJECTS + 7)
        .map(|n| {
            let mut csr = Csr::default();
            csr.metadata.name = Some(format!("csr-{n:08}"));
            csr
        })
        .collect();
    for n in [3, SCANNED_OBJECTS, 2 * SCANNED_OBJECTS + 6] {
        objects[n].spec.signer_name = "example.com/x".to_owned();
    }
    let store = Store::new(objects, 1, None);
    let query =
        crate::apiserver::wire::query::Query::parse("fieldSelector=spec.signerName%3Dexample.com/x").unwrap();
    for (limit, found, is_last) in [(0, 3, true), (1, 1, false), (2, 2, false), (3, 3, true)] {
        let page = store.page(&Ask { selector: query.selector.clone(), limit, ..Ask::default() }).unwrap();
        assert_eq!((page.objects.len(), page.next.is_none()), (found, is_last), "{limit}");
    }
    let all = store.page(&Ask::default()).unwrap();
    assert_eq!((all.objects.len(), all.next, all.remaining), (2 * SCANNED_OBJECTS + 7, None, None));
}
