use std::time::Duration;

use futures_util::stream;
use http_body_util::{Full, StreamBody};
use hyper::body::{Bytes, Frame};
use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE, LOCATION};
use hyper::http::{Response, StatusCode};
use tokio::time::Instant;

use super::{collect, failure};
use crate::connection::BoxError;
use crate::kubernetes::CallError;
use crate::limits;

/// Describes this failure: its message, and whether it is that of a `Status`.
async fn described(answer: Response<Full<Bytes>>) -> (String, bool) {
    match failure(answer, Instant::now() + limits::CALL).await {
        CallError::Failure { message, is_status, .. } => (message, is_status),
        CallError::OddStatus(_, text) => (text, false),
        other => panic!("{other:?}"),
    }
}

fn answer(status: u16, kind: Option<&str>, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = StatusCode::from_u16(status).unwrap();
    if let Some(kind) = kind {
        answer.headers_mut().insert(CONTENT_TYPE, kind.parse().unwrap());
    }
    answer
}

#[tokio::test]
async fn failure_of_a_proxy_is_described_and_hardly_quoted() {
    let page = "<html>log in\n2026 INFO forged</html>";
    for (found, text) in [
        (answer(503, Some("text/html"), page), "with 36 bytes of type text/html"),
        (answer(503, None, page), "with 36 bytes without a type"),
        (answer(503, None, ""), "with an empty body"),
        (answer(503, Some("text/plain; charset=utf-8"), "no healthy\nupstream"), "no healthy\\nupstream"),
        (answer(503, Some("application/json"), "{\"error\":1}"), "with 11 bytes of type application/json"),
        (answer(503, Some("text/plain"), vec![0xfc]), "with 1 bytes of type text/plain"),
        (answer(503, None, vec![b'x'; limits::MAX_FAILURE + 1]), "without a complete text"),
    ] {
        assert_eq!(described(found).await, (text.to_owned(), false));
    }
    let long = described(answer(503, Some("text/plain"), "x".repeat(5000))).await.0;
    assert_eq!(long.chars().count(), 161);
}

#[tokio::test]
async fn message_of_a_status_is_kept() {
    let status = r#"{"kind":"Status","apiVersion":"v1","message":"quota exceeded","reason":"Forbidden"}"#;
    assert_eq!(described(answer(403, None, status)).await, ("quota exceeded".to_owned(), true));
    let status = r#"{"kind":"Status","apiVersion":"v1","reason":"Forbidden"}"#;
    assert_eq!(described(answer(403, None, status)).await, ("Forbidden".to_owned(), true));
}

#[tokio::test]
async fn redirection_is_named_and_not_followed() {
    let mut redirection = answer(302, None, "");
    let target = format!("https://login.example/{}", "x".repeat(1000));
    redirection.headers_mut().insert(LOCATION, target.parse().unwrap());
    let (text, _) = described(redirection).await;
    assert!(text.starts_with("it redirects to https://login.example/xx") && text.len() < 200, "{text}");
    assert_eq!(described(answer(304, None, "")).await.0, "Kubernetes sends no such status");
}

#[tokio::test]
async fn compressed_failure_is_not_unpacked() {
    let mut packed = answer(503, Some("text/plain"), "\u{1f}packed");
    packed.headers_mut().insert(CONTENT_ENCODING, "gzip".parse().unwrap());
    let (text, _) = described(packed).await;
    assert_eq!(text, "with 7 bytes in an encoding that was not requested (gzip)");
}

/// An answer whose body comes byte by byte and never ends.
fn trickle(status: u16) -> Response<StreamBody<impl stream::Stream<Item = Result<Frame<Bytes>, BoxError>>>> {
    let bytes = stream::unfold((), |()| async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        Some((Ok(Frame::data(Bytes::from_static(b"x"))), ()))
    });
    let mut answer = Response::new(StreamBody::new(bytes));
    *answer.status_mut() = StatusCode::from_u16(status).unwrap();
    answer
}

#[tokio::test(start_paused = true)]
async fn body_that_trickles_ends_at_the_deadline() {
    let started = Instant::now();
    let slow = collect(trickle(200), started + limits::CALL).await.unwrap_err();
    assert!(
        matches!(&slow, CallError::Transport(error) if error.to_string().contains("check the server's log"))
    );
    assert_eq!(started.elapsed(), limits::CALL);

    let started = Instant::now();
    let failed = failure(trickle(429), started + limits::CALL).await;
    assert!(matches!(failed, CallError::Failure { status: StatusCode::TOO_MANY_REQUESTS, .. }), "{failed:?}");
    assert_eq!(started.elapsed(), limits::FAILURE_BODY);
}
