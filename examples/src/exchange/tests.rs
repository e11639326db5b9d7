use std::time::Duration;

use certrotate_core::IssuerFault;
use certrotate_core::time::Span;

use super::{Exchange, Reply, client_config, parse};
use crate::ca::LocalCa;
use crate::stub::Stub;

fn read(text: &str) -> Result<Reply, IssuerFault> {
    parse(text.as_bytes())
}

#[test]
fn answer_with_retry_after_has_its_status_and_wait() {
    let reply =
        read("HTTP/1.1 503 \r\nretry-after: 7\r\nContent-Length: 2\r\n\r\n{}").expect("it is complete");
    assert_eq!((reply.status, reply.retry_after, &*reply.body), (503, Some(Span::from_secs(7)), &b"{}"[..]));
}

#[test]
fn answer_that_is_cut_is_no_answer() {
    let cut = read("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{}");
    assert_eq!(cut.expect_err("a byte is missing"), IssuerFault::Unreachable);
    let head = read("HTTP/1.1 200 OK\r\nContent-Le");
    assert_eq!(head.expect_err("the head is cut"), IssuerFault::Unexpected);
}

#[test]
fn answer_in_another_protocol_is_unexpected() {
    assert_eq!(read("SSH-2.0-server\r\n").expect_err("no HTTP"), IssuerFault::Unexpected);
}

#[test]
fn server_of_another_ca_is_unreachable() {
    let ca = LocalCa::new(Duration::from_secs(60)).expect("a CA");
    let other = LocalCa::new(Duration::from_secs(60)).expect("another CA");
    let stub = Stub::start(&ca, "x-token", |_| (200, String::from("{}"))).expect("a port is free");
    let call = |roots| {
        let config = client_config(&roots, None).expect("a configuration");
        let request = b"GET / HTTP/1.0\r\nContent-Length: 0\r\n\r\n";
        Exchange::new(stub.address(), config, request, |reply| reply.map(|reply| reply.status))
            .expect("it begins")
            .run()
    };
    let mut roots = rustls::RootCertStore::empty();
    roots.add(other.der().clone()).expect("a root");
    assert_eq!(call(roots.into()), Err(IssuerFault::Unreachable));
    assert_eq!(call(stub.roots().clone()), Ok(200));
}
