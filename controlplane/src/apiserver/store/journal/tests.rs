use std::io::Write as _;

use super::*;
use crate::apiserver::store::objects::Store;
use crate::base::csr::{Csr, name};
use crate::testing::node_csr;

fn path(dir: &tempfile::TempDir) -> PathBuf {
    dir.path().join("objects.jsonl")
}

#[test]
fn objects_and_version_are_there_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, kept) = Journal::<Csr>::open(path(&dir)).unwrap();
    let store = Store::new(kept.objects, kept.version, Some(journal));
    store.create(node_csr("a", "u", &[])).unwrap();
    store.create(node_csr("b", "u", &[])).unwrap();
    store.delete_if("csr-of-b", |_| Ok(())).unwrap();
    drop(store);
    for _ in 0..2 {
        let (_, kept) = Journal::<Csr>::open(path(&dir)).unwrap();
        let names: Vec<_> = kept.objects.iter().map(name).collect();
        assert_eq!((names, kept.version), (vec!["csr-of-a"], 3));
    }
}

#[test]
fn a_torn_last_line_is_dropped_and_a_broken_one_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _) = Journal::<Csr>::open(path(&dir)).unwrap();
    let store = Store::new(Vec::new(), 0, Some(journal));
    store.create(node_csr("a", "u", &[])).unwrap();
    let mut file = append_private(&path(&dir)).unwrap();
    file.write_all(b"{\"object\":{\"meta").unwrap();
    assert_eq!(Journal::<Csr>::open(path(&dir)).unwrap().1.objects.len(), 1);
    let mut file = append_private(&path(&dir)).unwrap();
    file.write_all(b"nonsense\n").unwrap();
    let error = Journal::<Csr>::open(path(&dir)).map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("line 3"), "{error}");
}

#[test]
fn superfluous_lines_are_dropped_while_running() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _) = Journal::<Csr>::open(path(&dir)).unwrap();
    let store = Store::new(Vec::new(), 0, Some(journal));
    store.create(node_csr("a", "u", &[])).unwrap();
    for round in 0..SLACK + 10 {
        let changed = store.update("csr-of-a", |old| {
            let mut new = old.clone();
            new.metadata.labels = Some([("l".to_owned(), round.to_string())].into());
            Ok(new)
        });
        changed.unwrap();
    }
    let lines = std::fs::read_to_string(path(&dir)).unwrap().lines().count();
    assert!(lines < 100, "{lines} lines");
    let (_, kept) = Journal::<Csr>::open(path(&dir)).unwrap();
    assert_eq!(kept.version, SLACK as u64 + 11);
    assert_eq!(kept.objects[0].metadata.labels.as_ref().unwrap()["l"], (SLACK + 9).to_string());
}
