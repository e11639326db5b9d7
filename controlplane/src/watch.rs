//! Watches: initial events where asked for, then every change, each a line of JSON.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Bytes, Frame};
use serde_json::{Value, json};
use tokio::sync::watch::Receiver;
use tokio::time::{Instant, sleep_until};

use crate::api::Csr;
use crate::api::query::Query;
use crate::api::status::ApiError;
use crate::api::table::table;
use crate::csr::wants_table;
use crate::http_service::{Body, Call, Shared};
use crate::store::Kind;
use crate::sync::raised;

/// How long a watch lives unless it asks for less.
const LONGEST: Duration = Duration::from_secs(30 * 60);
/// How often a watch that wants them gets a bookmark.
const BOOKMARK: Duration = Duration::from_secs(60);

/// One open watch.
struct Watch {
    shared: Arc<Shared>,
    query: Query,
    as_table: bool,
    changed: Receiver<u64>,
    stop: Receiver<bool>,
    /// Everything up to here has been looked at.
    version: u64,
    ready: VecDeque<Bytes>,
    events_sent: u64,
    end: Instant,
    bookmark: Instant,
    over: bool,
}

/// Answers a watch request.
pub(crate) fn watch(shared: &Arc<Shared>, call: &Call, query: Query) -> Result<Response<Body>, ApiError> {
    let from = match query.resource_version.as_str() {
        "" | "0" => None,
        text => {
            let bad = |_| ApiError::bad_request(format!("invalid resource version {text:?}"));
            Some(text.parse::<u64>().map_err(bad)?)
        }
    };
    let now = Instant::now();
    let life =
        query.timeout_seconds.filter(|s| *s > 0).map_or(LONGEST, |s| LONGEST.min(Duration::from_secs(s)));
    let mut watch = Watch {
        changed: shared.store.subscribe(),
        stop: shared.stop.clone(),
        shared: Arc::clone(shared),
        as_table: wants_table(&call.accept),
        version: from.unwrap_or(0),
        ready: VecDeque::new(),
        events_sent: 0,
        end: now + life,
        bookmark: now + BOOKMARK,
        over: false,
        query,
    };
    if from.is_none() || watch.query.send_initial_events {
        watch.initial();
    }
    let frames = stream::unfold(watch, |mut watch| async move {
        let line = watch.next().await?;
        Some((Ok::<_, Infallible>(Frame::data(line)), watch))
    });
    let mut response = Response::new(StreamBody::new(frames).boxed_unsync());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

impl Watch {
    /// What exists, as if it were just added.
    fn initial(&mut self) {
        let (objects, version) = self.shared.store.list(&self.query.selector);
        self.version = version;
        for csr in objects {
            self.push(Kind::Added.text(), &csr);
        }
        if self.query.send_initial_events && self.query.bookmarks {
            self.push_bookmark(true);
        }
    }

    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if self.shared.faults.closes_watches() && self.events_sent >= 1 {
                return None;
            }
            if let Some(line) = self.ready.pop_front() {
                self.events_sent += 1;
                return Some(line);
            }
            if self.over {
                return None;
            }
            self.changed.borrow_and_update();
            self.take_in();
            if !self.ready.is_empty() {
                continue;
            }
            let bookmarks = self.query.bookmarks;
            let bookmark_due = tokio::select! {
                answer = self.changed.changed() => { answer.ok()?; false }
                () = raised(&mut self.stop) => return None,
                () = sleep_until(self.end) => return None,
                () = sleep_until(self.bookmark), if bookmarks => true,
            };
            if bookmark_due {
                self.bookmark = Instant::now() + BOOKMARK;
                self.push_bookmark(false);
            }
        }
    }

    fn take_in(&mut self) {
        match self.shared.store.since(self.version) {
            Ok(events) => {
                for event in events {
                    self.version = event.version;
                    if self.query.selector.selects(&event.object) {
                        self.push(event.kind.text(), &event.object);
                    }
                }
            }
            Err(error) => {
                // As kube-apiserver: the watch was accepted, so the error comes as its last event.
                self.ready.push_back(line("ERROR", error.to_json()));
                self.over = true;
            }
        }
    }

    fn push(&mut self, kind: &str, csr: &Csr) {
        let object = if self.as_table {
            let version = csr.metadata.resource_version.as_deref().unwrap_or_default();
            table([csr], version, self.query.include, self.shared.clock.now())
        } else {
            json!(csr)
        };
        self.ready.push_back(line(kind, object));
    }

    fn push_bookmark(&mut self, initial_end: bool) {
        let mut metadata = json!({"resourceVersion": self.version.to_string(), "creationTimestamp": null});
        if initial_end {
            metadata["annotations"] = json!({"k8s.io/initial-events-end": "true"});
        }
        let object = if self.as_table {
            json!({"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": metadata, "rows": []})
        } else {
            let spec = json!({"request": null, "signerName": ""});
            json!({
                "kind": "CertificateSigningRequest", "apiVersion": "certificates.k8s.io/v1",
                "metadata": metadata, "spec": spec, "status": {},
            })
        };
        self.ready.push_back(line("BOOKMARK", object));
    }
}

fn line(kind: &str, object: Value) -> Bytes {
    Bytes::from(json!({"type": kind, "object": object}).to_string() + "\n")
}
