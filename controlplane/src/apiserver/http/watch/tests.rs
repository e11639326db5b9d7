use super::*;
use crate::base::budgets::LOG_CHANGES;
use crate::base::csr::Csr;
use crate::testing::node_csr;

/// A context that runs until the sender is dropped.
fn running() -> (tokio::sync::watch::Sender<bool>, Arc<Context>) {
    let (sender, stop) = tokio::sync::watch::channel(false);
    let mut context = crate::testing::context();
    Arc::get_mut(&mut context).unwrap().stop = stop;
    (sender, context)
}

/// The lines of a watch with this query, to its end, while `act` runs after each of them.
async fn lines(
    query: &str,
    (context, store): (&Arc<Context>, &Arc<Store>),
    mut act: impl FnMut(usize),
) -> Vec<Value> {
    let call = Call {
        accept: String::new(),
        if_none_match: String::new(),
        content_type: String::new(),
        body: Bytes::new(),
        path: String::new(),
        query: query.to_owned(),
        method: http::Method::GET,
    };
    let query = Query::parse(query).unwrap();
    let mut body = watch(context, store, &call, query, None).unwrap().into_body();
    let mut lines = Vec::new();
    act(0);
    while let Some(frame) = body.frame().await {
        lines.push(serde_json::from_slice(&frame.unwrap().into_data().unwrap()).unwrap());
        act(lines.len());
    }
    lines
}

fn touch(store: &Store, name: &str, value: usize) {
    let changed = store.update(name, |old| {
        let mut new: Csr = old.clone();
        new.metadata.labels = Some([("l".to_owned(), value.to_string())].into());
        Ok(new)
    });
    changed.unwrap();
}

#[tokio::test(start_paused = true)]
async fn watch_of_a_quiet_object_ends_with_a_bookmark_and_no_410() {
    let (_running, context) = running();
    let store = &context.store;
    store.create(node_csr("quiet", "u", &[])).unwrap();
    store.create(node_csr("busy", "u", &[])).unwrap();
    let query =
        "watch=true&fieldSelector=metadata.name%3Dcsr-of-quiet&allowWatchBookmarks=true&timeoutSeconds=5";
    let lines = lines(query, (&context, store), |count| {
        // After the existing object, the log moves on beyond the version that this watch has seen.
        if count == 1 {
            (0..=LOG_CHANGES).for_each(|round| touch(store, "csr-of-busy", round));
            touch(store, "csr-of-quiet", 1);
        }
    })
    .await;
    let kinds: Vec<_> = lines.iter().map(|line| line["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["ADDED", "MODIFIED", "BOOKMARK"], "{lines:?}");
    assert_eq!(lines[2]["object"]["metadata"]["resourceVersion"], store.version().to_string());
}

#[tokio::test(start_paused = true)]
async fn error_is_the_last_event() {
    let (_running, context) = running();
    let store = &context.store;
    store.create(node_csr("a", "u", &[])).unwrap();
    store.forget_changes();
    touch(store, "csr-of-a", 1);
    let query = "watch=true&resourceVersion=0&allowWatchBookmarks=true&timeoutSeconds=1";
    let lines = lines(query, (&context, store), |count| {
        // The watch reads on in the log, which no longer has the changes.
        if count == 0 {
            (0..2).for_each(|round| touch(store, "csr-of-a", 10 + round));
            store.forget_changes();
        }
    })
    .await;
    assert_eq!(lines.last().unwrap()["type"], "ERROR", "{lines:?}");
    assert_eq!(lines.iter().filter(|line| line["type"] == "BOOKMARK").count(), 0);
}

#[tokio::test(start_paused = true)]
async fn busy_watch_ends_in_time() {
    let (_running, context) = running();
    let store = &context.store;
    store.create(node_csr("a", "u", &[])).unwrap();
    let mut rounds = 0;
    let watching = lines("watch=true&timeoutSeconds=5", (&context, store), |_| {
        rounds += 1;
        assert!(rounds < 1_000, "the watch does not end");
        touch(store, "csr-of-a", rounds);
        // Its client is slow.
        futures_util::FutureExt::now_or_never(tokio::time::advance(Duration::from_millis(100)));
    });
    watching.await;
}
