//! When the file is written anew, and what a failure of that stops.

use super::*;

fn large(round: usize, bytes: usize) -> Csr {
    let mut object = csr("a", 0);
    object.metadata.annotations = Some([("a".to_owned(), format!("{}{round}", "0".repeat(bytes)))].into());
    object
}

/// Changes the object in each of these rounds, and waits for each change.
async fn patch_often(store: &Store, rounds: std::ops::RangeInclusive<usize>, bytes: usize) {
    for round in rounds {
        let written = match store.get("csr-of-a") {
            Ok(_) => store.update("csr-of-a", |_| Ok(large(round, bytes))),
            Err(_) => store.create(large(round, bytes)),
        };
        written.unwrap().durable.wait().await.unwrap();
    }
}

#[tokio::test]
async fn superseded_bytes_are_bounded() {
    let (slack, bytes) = (1 << 20, 20 << 10);
    let disk = Sim::default();
    let store = disk.store_with_slack(slack);
    let rounds = 3 * slack / bytes;
    patch_often(&store, 1..=rounds, bytes).await;
    store.close();
    let state = lock(&disk.0);
    assert!(state.largest < slack + 5 * bytes, "{} bytes", state.largest);
    let contents = read::<Csr>(&*state.synced).unwrap();
    let annotations = contents.objects[0].metadata.annotations.as_ref().unwrap();
    assert_eq!(annotations["a"], large(rounds, bytes).metadata.annotations.unwrap()["a"]);
}

#[tokio::test]
async fn failed_compaction_stops_no_write_and_is_tried_again() {
    let (slack, bytes) = (1 << 20, 20 << 10);
    let disk = Sim::default();
    let store = disk.store_with_slack(slack);
    lock(&disk.0).refuses_new = true;
    patch_often(&store, 1..=slack / bytes + 4, bytes).await;
    let tried = lock(&disk.0).replaced;
    assert_eq!(tried, 1);
    lock(&disk.0).refuses_new = false;
    patch_often(&store, 1..=slack / 8 / bytes + 1, bytes).await;
    store.close();
    let state = lock(&disk.0);
    assert_eq!(state.replaced, tried + 1, "tried again after an eighth of the slack");
    assert!(state.synced.len() < slack / 4, "{} bytes", state.synced.len());
}

#[tokio::test]
async fn superseded_lines_are_removed_before_the_disk_is_full() {
    let slack = 1 << 20;
    let disk = Sim::default();
    let store = disk.store_with_slack(slack);
    lock(&disk.0).room = Some(slack);
    patch_often(&store, 1..=200, 20 << 10).await;
    let state = lock(&disk.0);
    assert!((5..20).contains(&state.replaced), "{} times", state.replaced);
}
