use http_body_util::BodyExt as _;
use serde_json::Value;

use super::*;
use crate::base::csr::Csr;
use crate::testing::node_csr;

fn store(count: usize) -> Store {
    let template = node_csr("x", "u", &[]);
    let store = Store::new(Vec::new(), 0, None);
    for index in 0..count {
        let mut csr = template.clone();
        csr.metadata.name = Some(format!("c{index:05}"));
        store.create(csr).unwrap();
    }
    store
}

fn page(store: &Store<Csr>, query: &Query, namespace: Option<&str>) -> Result<Page<Csr>, ApiError> {
    super::page(store, query, namespace).map(|(_, page)| page)
}

fn names(page: &Page<Csr>) -> Vec<&str> {
    page.objects.iter().map(|csr| crate::base::csr::name(csr)).collect()
}

#[test]
fn a_list_in_parts_is_of_one_version_whatever_happens_meanwhile() {
    let store = store(5);
    let first = page(&store, &Query { limit: 2, ..Query::default() }, None).unwrap();
    assert_eq!((names(&first), first.remaining), (vec!["c00000", "c00001"], Some(3)));
    store.delete_if("c00002", |_| Ok(())).unwrap();
    store
        .update("c00003", |old| {
            Ok(Csr {
                metadata: {
                    let mut m = old.metadata.clone();
                    m.labels = Some([("l".to_owned(), "v".to_owned())].into());
                    m
                },
                ..old.clone()
            })
        })
        .unwrap();
    let mut late = node_csr("x", "u", &[]);
    late.metadata.name = Some("c00002b".to_owned());
    store.create(late).unwrap();
    let token = Token { version: first.version, after: first.next.unwrap() }.write();
    let rest = page(&store, &Query { limit: 10, next: token, ..Query::default() }, None).unwrap();
    assert_eq!((names(&rest), rest.version, &rest.next), (vec!["c00002", "c00003", "c00004"], 5, &None));
    assert_eq!(rest.objects[1].metadata.labels, None, "as it was");
    let now = page(&store, &Query::default(), None).unwrap();
    assert_eq!(names(&now), ["c00000", "c00001", "c00002b", "c00003", "c00004"]);
}

#[test]
fn continue_at_forgotten_version_is_410_with_a_fresh_token() {
    let store = store(3);
    let first = page(&store, &Query { limit: 1, ..Query::default() }, None).unwrap();
    store.delete_if("c00002", |_| Ok(())).unwrap();
    store.forget_changes();
    let token = Token { version: first.version, after: first.next.unwrap() }.write();
    let gone = page(&store, &Query { next: token, ..Query::default() }, None).unwrap_err();
    assert_eq!((gone.code.as_u16(), gone.reason), (410, "Expired"));
    let rest = page(&store, &Query { next: gone.next.unwrap(), ..Query::default() }, None).unwrap();
    assert_eq!(names(&rest), ["c00001"]);
}

#[test]
fn versions_are_met_exactly_or_at_least_and_the_future_is_told_as_such() {
    let store = store(3);
    store.delete_if("c00000", |_| Ok(())).unwrap();
    let ask = |version: &str, version_match| {
        let query = Query { resource_version: version.to_owned(), version_match, ..Query::default() };
        page(&store, &query, None).map(|page| page.objects.len()).map_err(|e| e.code.as_u16())
    };
    assert_eq!(ask("3", VersionMatch::Exact), Ok(3));
    assert_eq!(ask("1", VersionMatch::Exact), Ok(1));
    assert_eq!(ask("3", VersionMatch::NotOlderThan), Ok(2));
    assert_eq!(ask("9", VersionMatch::Unset), Err(504));
    assert_eq!(ask("x", VersionMatch::Unset), Err(400));
    assert!(Token::read("nonsense").is_err());
}

/// The pieces of a list without a limit; `between` runs after the first.
async fn read(store: &Arc<Store<Csr>>, between: impl FnOnce()) -> (Vec<usize>, io::Result<Value>) {
    let response =
        list(&crate::testing::context(), store, (&Call::default(), &Query::default()), None).unwrap();
    assert!(!response.headers().contains_key(http::header::CONTENT_LENGTH));
    let mut body = response.into_body();
    let (mut bytes, mut pieces, mut between) = (Vec::new(), Vec::new(), Some(between));
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => {
                let piece = frame.into_data().unwrap();
                bytes.extend_from_slice(&piece);
                pieces.push(piece.len());
            }
            Err(error) => return (pieces, Err(error)),
        }
        between.take().into_iter().for_each(|between| between());
    }
    (pieces, Ok(serde_json::from_slice(&bytes).unwrap()))
}

#[tokio::test]
async fn long_list_is_of_one_version_and_comes_in_small_pieces() {
    let store = Arc::new(store(400));
    let (pieces, document) = read(&store, || {
        store.delete_if("c00399", |_| Ok(())).unwrap();
        store.delete_if("c00000", |_| Ok(())).unwrap();
    })
    .await;
    let document = document.unwrap();
    assert_eq!(document["items"].as_array().unwrap().len(), 400);
    assert_eq!(document["metadata"], json!({"resourceVersion": "400"}));
    assert!(pieces.len() > 3 && pieces.iter().all(|piece| *piece < 2 * PIECE_BYTES), "{pieces:?}");
}

#[tokio::test]
async fn list_behind_the_log_is_cut_off() {
    let store = Arc::new(store(400));
    let (pieces, document) = read(&store, || {
        store.delete_if("c00399", |_| Ok(())).unwrap();
        store.forget_changes();
    })
    .await;
    let error = document.unwrap_err();
    assert!(!pieces.is_empty() && error.to_string().contains("too old resource version"), "{error}");
}
