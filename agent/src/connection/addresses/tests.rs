use std::net::SocketAddr;

use super::{Addresses, order};
use crate::connection::explain;
use crate::limits;

fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

#[test]
fn families_alternate_and_repeated_addresses_count_once() {
    let found = addresses(&["[::1]:1", "[::2]:1", "[::1]:1", "127.0.0.1:1", "127.0.0.2:1", "127.0.0.3:1"]);
    let ordered = addresses(&["[::1]:1", "127.0.0.1:1", "[::2]:1", "127.0.0.2:1", "127.0.0.3:1"]);
    assert_eq!(order(found, &[]), ordered);
}

#[test]
fn silent_addresses_come_last_and_the_latest_at_the_end() {
    let learnt = Addresses::default();
    let [one, two, three] = [1, 2, 3].map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
    let ordered = || order(vec![one, two, three], &learnt.lock().silent);
    learnt.distrust(one);
    assert_eq!(ordered(), [two, three, one]);
    learnt.distrust(two);
    assert_eq!(ordered(), [three, one, two]);
    learnt.distrust(three);
    assert_eq!(ordered(), [one, two, three], "all are silent: each gets its turn");
    learnt.trust(one);
    assert_eq!(ordered(), [one, two, three]);
    learnt.distrust(one);
    assert_eq!(ordered(), [two, three, one]);
}

#[test]
fn number_of_addresses_is_bounded() {
    let many: Vec<_> = (0..200).map(|last| SocketAddr::from(([10, 0, 0, last], 443))).collect();
    assert_eq!(order(many.clone(), &[]), many[..limits::ADDRESSES]);
    let learnt = Addresses::default();
    many.iter().for_each(|address| learnt.distrust(*address));
    assert_eq!(learnt.lock().silent.len(), limits::ADDRESSES);
}

#[tokio::test]
async fn address_needs_no_lookup_and_failed_lookup_uses_last_result() {
    let learnt = Addresses::default();
    assert_eq!(learnt.lookup("::1", 7).await.unwrap(), addresses(&["[::1]:7"]));
    let error = explain(&learnt.lookup("name.invalid", 7).await.unwrap_err());
    assert!(
        error.contains("name.invalid has no address") && error.ends_with("name servers of this node"),
        "{error}"
    );
    learnt.lock().found = Some(("name.invalid".to_owned(), addresses(&["127.0.0.9:7"])));
    assert_eq!(learnt.lookup("name.invalid", 7).await.unwrap(), addresses(&["127.0.0.9:7"]));
}
