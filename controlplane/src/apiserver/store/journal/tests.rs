use super::record::{base, put};
use super::*;
use crate::apiserver::store::objects::Store;
use crate::base::csr::{Csr, name};
use crate::base::files::write_private;
use crate::base::sync::lock;
use crate::testing::node_csr;

mod compaction;
mod sim;

use sim::Sim;

fn path(dir: &tempfile::TempDir) -> PathBuf {
    dir.path().join("objects.jsonl")
}

fn open(dir: &tempfile::TempDir) -> Store {
    let (journal, saved) = Journal::<Csr>::open(path(dir)).unwrap();
    Store::new(saved.objects, saved.version, Some(journal))
}

fn names(objects: &[Csr]) -> Vec<&str> {
    objects.iter().map(name).collect()
}

fn csr(node: &str, version: u64) -> Csr {
    let mut csr = node_csr(node, "u", &[]);
    csr.spec.request.0 = b"short".to_vec();
    csr.metadata.resource_version = Some(version.to_string());
    csr
}

fn journal_of(objects: &[Csr]) -> Vec<u8> {
    let lines = objects.iter().map(|object| put(object).unwrap());
    [base(0)].into_iter().chain(lines).collect::<Vec<_>>().concat()
}

#[tokio::test]
async fn objects_and_version_are_there_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    for node in ["a", "b"] {
        store.create(node_csr(node, "u", &[])).unwrap().durable.wait().await.unwrap();
    }
    store.delete_if("csr-of-b", |_| Ok(())).unwrap().durable.wait().await.unwrap();
    drop(store);
    for _ in 0..2 {
        let (_, saved) = Journal::<Csr>::open(path(&dir)).unwrap();
        assert_eq!((names(&saved.objects), saved.version), (vec!["csr-of-a"], 3));
    }
}

#[tokio::test]
async fn staged_change_is_seen_by_writers_only_until_it_is_kept() {
    let disk = Sim::default();
    let store = disk.store();
    let held = lock(&disk.0);
    let created = store.create(node_csr("a", "u", &[])).unwrap();
    assert_eq!(store.get("csr-of-a").unwrap_err().code.as_u16(), 404);
    assert_eq!(store.create(node_csr("a", "u", &[])).unwrap_err().reason, "AlreadyExists");
    let changed = store.update("csr-of-a", |old| Ok(old.clone())).unwrap();
    drop(held);
    changed.durable.wait().await.unwrap();
    created.durable.wait().await.unwrap();
    assert_eq!((store.version(), store.get("csr-of-a").is_ok()), (1, true));
}

#[test]
fn truncation_at_every_offset_loses_the_last_line_only() {
    let objects = [csr("a", 1), csr("b", 2), csr("c", 3)];
    let whole = journal_of(&objects);
    let ends: Vec<_> = whole.iter().enumerate().filter(|(_, b)| **b == b'\n').map(|(i, _)| i).collect();
    for cut in 0..whole.len() {
        let contents = read::<Csr>(&whole[..cut]).unwrap();
        let kept = ends.iter().skip(1).filter(|end| **end <= cut).count();
        assert_eq!(contents.objects, objects[..kept], "cut at {cut}");
        let is_between = cut == 0 || ends.contains(&cut) || ends.contains(&(cut - 1));
        assert_eq!(contents.unreadable.is_empty(), is_between, "cut at {cut}");
    }
}

#[test]
fn bit_flip_at_every_offset_loses_two_objects_at_most_and_names_one() {
    let objects = [csr("a", 1), csr("b", 2), csr("c", 3), csr("d", 4)];
    let whole = journal_of(&objects);
    for at in 0..whole.len() {
        for bit in 0..8 {
            let mut flipped = whole.clone();
            flipped[at] ^= 1 << bit;
            let contents = read::<Csr>(&*flipped).unwrap();
            let lost = objects.len() - contents.objects.len();
            // A line feed that is gone joins two lines.
            assert!(lost <= if whole[at] == b'\n' { 2 } else { 1 }, "{at}.{bit}: {lost}");
            assert!(contents.objects.iter().all(|object| objects.contains(object)), "{at}.{bit}");
            assert!(lost == 0 || !contents.unreadable.is_empty(), "{at}.{bit}: silent");
        }
    }
}

#[test]
fn unreadable_line_is_moved_aside_once_and_versions_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let objects = [csr("a", 1), csr("b", 2), csr("c", 3)];
    let mut bytes = journal_of(&objects);
    let damaged = put(&objects[1]).unwrap();
    let start = bytes.windows(damaged.len()).position(|window| window == damaged).unwrap();
    bytes[start + damaged.len() - 3] ^= 1;
    write_private(&path(&dir), &bytes).unwrap();
    for _ in 0..2 {
        let (_, saved) = Journal::<Csr>::open(path(&dir)).unwrap();
        assert_eq!(names(&saved.objects), ["csr-of-a", "csr-of-c"]);
        assert!(saved.version > 3, "no version is used twice");
    }
    let aside = fs::read(with_suffix(&path(&dir), ".unreadable")).unwrap();
    assert_eq!(aside, bytes[start..start + damaged.len()]);
}

#[test]
fn line_that_cannot_be_read_tells_its_object() {
    let mut line = put(&csr("a", 7)).unwrap();
    line[0] ^= 1;
    let contents = read::<Csr>(&*line).unwrap();
    assert_eq!(contents.unreadable[0].object, "\"csr-of-a\"");
    assert_eq!(contents.unreadable[0].why, "its checksum does not fit");
    let cut = read::<Csr>(&line[..200]).unwrap();
    assert_eq!((&*cut.unreadable[0].object, cut.unreadable[0].why), ("\"csr-of-a\"", "it is cut off"));
    let garbage = read::<Csr>(&b"\x00\x01\xff"[..]).unwrap();
    assert_eq!(garbage.unreadable[0].object, "\"unknown\"");
}

/// The file of the earlier format with a long line in its middle.
#[test]
fn old_journal_is_converted_and_a_copy_stays() {
    let dir = tempfile::tempdir().unwrap();
    let mut large = csr("large", 2);
    large.metadata.annotations = Some([("a".to_owned(), "x".repeat(18 << 20))].into());
    let line = |object: &Csr| format!("{{\"object\":{}}}\n", serde_json::to_string(object).unwrap());
    let old = [
        "{\"version\":0}\n".to_owned(),
        line(&csr("a", 1)),
        line(&large),
        "nonsense\n".to_owned(),
        line(&csr("gone", 3)),
        "{\"deleted\":\"csr-of-gone\",\"version\":4}\n".to_owned(),
        line(&csr("z", 5)),
        line(&csr("torn", 6))[..100].to_owned(),
    ];
    write_private(&path(&dir), old.concat().as_bytes()).unwrap();
    for _ in 0..2 {
        let (_, saved) = Journal::<Csr>::open(path(&dir)).unwrap();
        assert_eq!(names(&saved.objects), ["csr-of-a", "csr-of-large", "csr-of-z"]);
    }
    assert_eq!(fs::read(with_suffix(&path(&dir), ".v1")).unwrap(), old.concat().as_bytes());
    let aside = fs::read_to_string(with_suffix(&path(&dir), ".unreadable")).unwrap();
    assert_eq!(aside, format!("nonsense\n{}\n", old[7]));
}

#[tokio::test]
async fn superfluous_lines_are_dropped_while_running() {
    let disk = Sim::default();
    let store = disk.store();
    store.create(node_csr("a", "u", &[])).unwrap();
    for round in 0..2 * SLACK {
        let changed = store.update("csr-of-a", |old| {
            let mut new = old.clone();
            new.metadata.labels = Some([("l".to_owned(), round.to_string())].into());
            Ok(new)
        });
        if round % 500 == 0 {
            changed.unwrap().durable.wait().await.unwrap();
        }
    }
    store.close();
    let state = lock(&disk.0);
    let lines = state.synced.iter().filter(|byte| **byte == b'\n').count();
    assert!(lines < 2 * SLACK, "{lines} lines");
    let contents = read::<Csr>(&*state.synced).unwrap();
    assert_eq!(contents.version, 2 * SLACK as u64 + 1);
    assert_eq!(contents.objects[0].metadata.labels.as_ref().unwrap()["l"], (2 * SLACK - 1).to_string());
}

#[tokio::test]
async fn panic_of_the_writer_answers_every_change() {
    let disk = Sim::default();
    let store = disk.store();
    let created = {
        let mut held = lock(&disk.0);
        held.panics = true;
        ["a", "b", "c"].map(|node| store.create(csr(node, 0)).unwrap())
    };
    for written in created {
        let answer = tokio::time::timeout(std::time::Duration::from_secs(20), written.durable.wait()).await;
        assert_eq!(answer.expect("it hangs").unwrap_err().code.as_u16(), 503);
    }
    // The writer refuses later changes, too.
    while let Ok(written) = store.create(csr("d", 0)) {
        assert!(written.durable.wait().await.is_err());
    }
}

#[tokio::test]
async fn refusal_that_rests_on_a_staged_change_waits_for_it() {
    for fails in [false, true] {
        let disk = Sim::default();
        let store = disk.store();
        assert!(store.barrier().1.wait().await.is_ok(), "nothing is staged");
        let (failures, barrier) = {
            let mut held = lock(&disk.0);
            held.failing = if fails { vec![1] } else { Vec::new() };
            store.create(csr("a", 0)).unwrap();
            assert_eq!(store.create(csr("a", 0)).unwrap_err().reason, "AlreadyExists");
            store.barrier()
        };
        assert_eq!(barrier.wait().await.is_err(), fails, "the refusal would be wrong");
        assert_eq!(store.barrier().0, failures + u64::from(fails));
    }
}

#[tokio::test]
async fn promise_of_several_batches_fails_with_any_of_them() {
    let disk = Sim::default();
    lock(&disk.0).failing = vec![1];
    let store = disk.store();
    let mut all = store.create(csr("a", 0)).unwrap().durable;
    assert!(all.clone().wait().await.is_err());
    for node in ["b", "c"] {
        let kept = store.create(csr(node, 0)).unwrap().durable;
        kept.clone().wait().await.unwrap();
        all.and(kept);
    }
    assert!(all.wait().await.is_err());
}

#[tokio::test]
async fn failed_sync_is_cut_back_at_once() {
    let disk = Sim::default();
    lock(&disk.0).failing = vec![2];
    let store = disk.store();
    assert!(store.create(csr("a", 0)).unwrap().durable.wait().await.is_err());
    // That is before the answer.
    assert!(lock(&disk.0).written.is_empty(), "a restart would find a refused object");
}

#[test]
fn failed_replacement_leaves_the_file_and_no_other() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(path(&dir), "old").unwrap();
    let mut disk = FileDisk::open(&path(&dir)).unwrap();
    let full = || io::Error::from(io::ErrorKind::StorageFull);
    let failed = disk.replace(&mut |file| file.write_all(b"new").and_then(|()| Err(full())));
    assert!(matches!(failed, Err(NotReplaced::Unchanged(error)) if error.kind() == full().kind()));
    disk.append(b" and new").unwrap();
    assert_eq!(fs::read(path(&dir)).unwrap(), b"old and new");
    let others = fs::read_dir(dir.path()).unwrap().count();
    assert_eq!(others, 1, "no temporary file stays");
}

/// Creates some objects while the calls of these numbers fail, and checks after each that what was acknowledged is what a
/// restart finds, whichever part of the unsynced bytes the disk has.
async fn crash_anywhere(failing: &[usize]) -> usize {
    let disk = Sim::default();
    lock(&disk.0).failing = failing.to_vec();
    let store = disk.store();
    let mut acknowledged = Vec::new();
    for node in ["a", "b", "c", "d"] {
        let created = store.create(csr(node, 0));
        match created.unwrap().durable.wait().await {
            Ok(()) => acknowledged.push(format!("csr-of-{node}")),
            Err(error) => {
                assert!(error.code.as_u16() == 500 && error.message.contains("not stored"), "{error:?}");
                assert!(store.get(&format!("csr-of-{node}")).is_err(), "a failed change is not shown");
            }
        }
        let state = lock(&disk.0);
        let (from, to) = (state.synced.len().min(state.written.len()), state.written.len());
        let step = ((to - from) / 20).max(1);
        for end in (from..=to).step_by(step) {
            let image = if end == from { &state.synced[..] } else { &state.written[..end] };
            let found = read::<Csr>(image).unwrap();
            let found =
                names(&found.objects).into_iter().filter(|n| acknowledged.iter().any(|a| a == n)).count();
            assert_eq!(found, acknowledged.len(), "{failing:?}, {end} of {from}..{to}");
        }
    }
    store.close();
    lock(&disk.0).calls
}

#[tokio::test]
async fn error_at_every_call_loses_nothing_that_was_acknowledged() {
    let calls = crash_anywhere(&[]).await;
    for first in 1..=calls + 2 {
        crash_anywhere(&[first]).await;
        for second in first + 1..=calls + 4 {
            crash_anywhere(&[first, second]).await;
        }
    }
}

#[tokio::test]
async fn failed_change_leaves_the_state_and_the_budgets_as_they_were() {
    let disk = Sim::default();
    lock(&disk.0).failing = vec![3];
    let store = disk.store();
    store.create(csr("a", 0)).unwrap().durable.wait().await.unwrap();
    let failed = store.delete_if("csr-of-a", |_| Ok(())).unwrap();
    assert!(failed.durable.wait().await.is_err());
    let object = store.get("csr-of-a").unwrap();
    assert_eq!(object.account(), "u");
    let changed = store.update("csr-of-a", |old| {
        let mut new = old.clone();
        new.metadata.labels = Some([("l".to_owned(), "1".to_owned())].into());
        Ok(new)
    });
    changed.unwrap().durable.wait().await.unwrap();
    store.close();
    let late = store.create(csr("b", 0)).unwrap_err();
    assert_eq!(late.code.as_u16(), 503);
    assert_eq!(
        read::<Csr>(&*lock(&disk.0).synced).unwrap().objects[0].metadata.labels.as_ref().unwrap()["l"],
        "1"
    );
}
