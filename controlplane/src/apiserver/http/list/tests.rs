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

#[tokio::test]
async fn a_long_list_comes_in_pieces_that_are_one_document() {
    let store = store(400);
    let objects = store.page(&Ask::default()).unwrap().objects;
    let response = send(b"{\"items\":[".to_vec(), objects, |csr: &Csr, out| {
        serde_json::to_writer(out, csr).unwrap();
    });
    assert!(!response.headers().contains_key(http::header::CONTENT_LENGTH));
    let mut body = response.into_body();
    let (mut bytes, mut pieces) = (Vec::new(), 0);
    while let Some(frame) = body.frame().await {
        bytes.extend_from_slice(frame.unwrap().data_ref().unwrap());
        pieces += 1;
    }
    let document: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(document["items"].as_array().unwrap().len(), 400);
    assert!(pieces > 3 && bytes.len() / pieces < 2 * PIECE, "{pieces} pieces of {} bytes", bytes.len());
}
