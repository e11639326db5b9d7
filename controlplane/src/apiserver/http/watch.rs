//! Watches: initial events on request, then every change, each a line of JSON.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Bytes, Frame};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::watch::Receiver;
use tokio::time::{Instant, sleep_until};

use crate::apiserver::api_error::ApiError;
use crate::apiserver::change::ChangeKind;
use crate::apiserver::http::answer::Body;
use crate::apiserver::http::context::Context;
use crate::apiserver::object::{Object, key_of};
use crate::apiserver::store::event::Event;
use crate::apiserver::store::feed::Subscription;
use crate::apiserver::store::objects::Store;
use crate::apiserver::store::page::Ask;
use crate::apiserver::wire::call::Call;
use crate::apiserver::wire::form::{Form, form, only_metadata};
use crate::apiserver::wire::query::Query;
use crate::apiserver::wire::selector::Selector;
use crate::apiserver::wire::table::table;
use crate::base::sync::raised;

/// The longest lifetime of a watch; `timeoutSeconds` may shorten it.
const LONGEST: Duration = Duration::from_secs(30 * 60);
/// How often a watch that wants them gets a bookmark.
const BOOKMARK: Duration = Duration::from_secs(60);

/// One open watch.
struct Watch<T: Object> {
    context: Arc<Context>,
    store: Arc<Store<T>>,
    query: Query,
    selector: Selector,
    /// The only key that can be selected.
    key: Option<String>,
    form: Form,
    changes: Subscription<T>,
    faults: Receiver<()>,
    /// How often watches had been dropped by a fault when this one began.
    drops: u64,
    stop: Receiver<bool>,
    /// Every change up to this version was handled.
    version: u64,
    ready: VecDeque<Bytes>,
    events_sent: u64,
    end: Instant,
    bookmark: Instant,
    is_done: bool,
}

/// Answers a watch request.
pub(crate) fn watch<T: Object>(
    context: &Arc<Context>,
    store: &Arc<Store<T>>,
    call: &Call,
    query: Query,
    namespace: Option<&str>,
) -> Result<Response<Body>, ApiError> {
    let from = match query.resource_version.as_str() {
        "" | "0" => None,
        text => {
            let bad = |_| ApiError::bad_request(format!("invalid resource version {text:?}"));
            Some(text.parse::<u64>().map_err(bad)?)
        }
    };
    let selector = query.selector.clone().within(namespace);
    let known_place = !T::API.namespaced || namespace.is_some();
    let key = selector.name().filter(|_| known_place).map(|name| key_of(namespace, name));
    let initial = from.is_none() || query.send_initial_events;
    let mut ready = VecDeque::new();
    let mut first = Vec::new();
    let (version, missed, changes) = loop {
        let start = match from {
            Some(version) if !initial => version,
            _ => {
                let page = store.page(&Ask { selector: selector.clone(), ..Ask::default() })?;
                first = page.objects;
                page.version
            }
        };
        match store.watch(start, key.as_deref()) {
            Ok((missed, changes)) => break (start, missed, changes),
            // The log was dropped between the list and the watch: list again.
            Err(_) if initial => {}
            Err(gone) => {
                // As kube-apiserver: the watch is accepted, and the error is its only event.
                ready.push_back(line("ERROR", &gone.to_json()));
                let (_, changes) = store.watch(store.version(), key.as_deref())?;
                break (start, Vec::new(), changes);
            }
        }
    };
    let now = Instant::now();
    let lifetime =
        query.timeout_seconds.filter(|s| *s > 0).map_or(LONGEST, |s| LONGEST.min(Duration::from_secs(s)));
    let mut watch = Watch {
        faults: context.faults.subscribe(),
        drops: context.faults.watch_drops(),
        stop: context.stop.clone(),
        context: Arc::clone(context),
        store: Arc::clone(store),
        form: form(&call.accept),
        is_done: !ready.is_empty(),
        selector,
        key,
        changes,
        version,
        ready,
        events_sent: 0,
        end: now + lifetime,
        bookmark: now + BOOKMARK,
        query,
    };
    if initial {
        watch.push_initial(&first);
    }
    missed.into_iter().for_each(|event| watch.push_change(&event));
    let frames = stream::unfold(watch, |mut watch| async move {
        let line = watch.next().await?;
        Some((Ok::<_, Infallible>(Frame::data(line)), watch))
    });
    let mut response = Response::new(StreamBody::new(frames).boxed_unsync());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

impl<T: Object> Watch<T> {
    /// Sends the existing objects as if they were just added.
    fn push_initial(&mut self, objects: &[Arc<T>]) {
        for object in objects {
            let presented = self.present(object);
            self.ready.push_back(line(ChangeKind::Added.text(), &presented));
        }
        if self.query.send_initial_events && self.query.bookmarks {
            self.push_bookmark(true);
        }
    }

    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if self.context.faults.closes_watches() && self.events_sent >= 1
                || self.context.faults.watch_drops() != self.drops
            {
                return None;
            }
            if let Some(line) = self.ready.pop_front() {
                self.events_sent += 1;
                return Some(line);
            }
            if self.is_done {
                return None;
            }
            let bookmarks = self.query.bookmarks;
            tokio::select! {
                biased;
                () = raised(&mut self.stop) => return None,
                change = self.changes.next() => match change {
                    Some(event) => self.push_change(&event),
                    None => self.catch_up(),
                },
                fault = self.faults.changed() => if fault.is_err() { return None },
                () = sleep_until(self.end) => {
                    if !bookmarks {
                        return None;
                    }
                    self.push_bookmark(false);
                    self.is_done = true;
                }
                () = sleep_until(self.bookmark), if bookmarks => {
                    self.bookmark = Instant::now() + BOOKMARK;
                    self.push_bookmark(false);
                }
            }
        }
    }

    /// The queue was full once: reads on in the log.
    fn catch_up(&mut self) {
        match self.store.watch(self.version, self.key.as_deref()) {
            Ok((missed, changes)) => {
                self.changes = changes;
                missed.iter().for_each(|event| self.push_change(event));
            }
            Err(error) => {
                self.ready.push_back(line("ERROR", &error.to_json()));
                self.is_done = true;
            }
        }
    }

    /// Translates a change by the selector: an object that becomes selected is added, one that no longer is is deleted.
    fn push_change(&mut self, event: &Event<T>) {
        self.version = event.version;
        let before = event.before.as_deref().is_some_and(|object| self.selector.selects(object));
        let now = event.kind != ChangeKind::Deleted && self.selector.selects(&*event.object);
        let kind = match (before, now) {
            (false, true) => ChangeKind::Added,
            (true, true) => ChangeKind::Modified,
            (true, false) => ChangeKind::Deleted,
            (false, false) => return,
        };
        let text = if kind == event.kind && self.form == Form::Whole {
            // The same for every watch: written once.
            event.line.get_or_init(|| line(kind.text(), &*event.object)).clone()
        } else {
            line(kind.text(), &self.present(&event.object))
        };
        self.ready.push_back(text);
    }

    fn present(&self, object: &T) -> Value {
        match self.form {
            Form::Whole => json!(object),
            Form::Metadata => only_metadata(object),
            Form::Table => {
                let version = object.metadata().resource_version.as_deref().unwrap_or_default();
                table([object], version, self.query.include, self.context.clock.now())
            }
        }
    }

    /// Says up to where everything has been shown.
    fn push_bookmark(&mut self, initial_end: bool) {
        if !initial_end {
            // A change that is not in the queue now is newer than this version, or not for this watch.
            let version = self.store.version();
            while let Some(event) = self.changes.try_next() {
                self.push_change(&event);
            }
            self.version = self.version.max(version);
        }
        let mut metadata = json!({"resourceVersion": self.version.to_string(), "creationTimestamp": null});
        if initial_end {
            metadata["annotations"] = json!({"k8s.io/initial-events-end": "true"});
        }
        let object = match self.form {
            Form::Table => {
                json!({"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": metadata, "rows": []})
            }
            Form::Metadata => {
                json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata})
            }
            Form::Whole => {
                let mut object =
                    json!({"kind": T::API.kind, "apiVersion": T::API.group_version(), "metadata": metadata});
                if T::API.plural == "certificatesigningrequests" {
                    // Fields that clients may take for required.
                    object["spec"] = json!({"request": null, "signerName": ""});
                    object["status"] = json!({});
                }
                object
            }
        };
        self.ready.push_back(line("BOOKMARK", &object));
    }
}

#[derive(Serialize)]
struct Line<'a, O> {
    r#type: &'a str,
    object: &'a O,
}

fn line(kind: &str, object: &impl Serialize) -> Bytes {
    // Every stored object and every document has a JSON form.
    let mut line = serde_json::to_vec(&Line { r#type: kind, object }).unwrap_or_default();
    line.push(b'\n');
    Bytes::from(line)
}
