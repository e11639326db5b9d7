//! Watches: initial events on request, then every change, each a line of JSON.

use std::collections::VecDeque;
use std::io;
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
use crate::base::budgets::{CHUNK_BYTES, CHUNK_OBJECTS, WATCH_LIFETIME};
use crate::base::sync::raised;

#[cfg(test)]
mod tests;

/// How often a watch that wants them gets a bookmark.
const BOOKMARK: Duration = Duration::from_secs(60);

/// Marks the answer to a watch, which lasts longer than others.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lasting;

/// Something to send.
enum Ready<T> {
    Initial(Arc<T>),
    Change(Event<T>),
    Bookmark { version: u64, is_initial_end: bool },
    Error(Box<ApiError>),
}

/// One open watch.
struct Watch<T: Object> {
    context: Arc<Context>,
    store: Arc<Store<T>>,
    query: Query,
    selector: Selector,
    /// The only key that can be selected.
    key: Option<String>,
    form: Form,
    changes: Subscription,
    faults: Receiver<()>,
    /// How often watches had been dropped by a fault when this one began.
    drops: u64,
    stop: Receiver<bool>,
    /// Every change up to this version was taken.
    version: u64,
    /// The existing objects that are still to be sent.
    initial: Option<Ask>,
    /// The log may have changes that were not taken.
    is_behind: bool,
    /// What was taken and is to be sent: one chunk, and no line of it before the client wants it.
    ready: VecDeque<Ready<T>>,
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
    let has_initial = from.is_none() || query.send_initial_events;
    // Subscribed before the version is read: a change is in the log up to then, or comes through the subscription.
    let changes = store.watch(key.as_deref());
    let version = from.filter(|_| !has_initial).unwrap_or_else(|| store.version());
    let initial = has_initial.then(|| Ask {
        selector: selector.clone(),
        limit: CHUNK_OBJECTS,
        bytes: CHUNK_BYTES,
        at: Some(version),
        after: None,
    });
    let now = Instant::now();
    let lifetime = query
        .timeout_seconds
        .filter(|s| *s > 0)
        .map_or(WATCH_LIFETIME, |s| WATCH_LIFETIME.min(Duration::from_secs(s)));
    let watch = Watch {
        faults: context.faults.subscribe(),
        drops: context.faults.watch_drops(),
        stop: context.stop.clone(),
        context: Arc::clone(context),
        store: Arc::clone(store),
        form: form(&call.accept),
        selector,
        key,
        changes,
        version,
        initial,
        // After existing objects every change comes through the subscription.
        is_behind: !has_initial,
        ready: VecDeque::new(),
        events_sent: 0,
        end: now + lifetime,
        bookmark: now + BOOKMARK,
        is_done: false,
        query,
    };
    let frames = stream::unfold(watch, |mut watch| async move {
        let line = watch.next().await?;
        Some((Ok::<_, io::Error>(Frame::data(line)), watch))
    });
    let mut response = Response::new(StreamBody::new(frames).boxed_unsync());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.extensions_mut().insert(Lasting);
    Ok(response)
}

impl<T: Object> Watch<T> {
    /// The next line. The client reads it before the one after it is made.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if self.context.faults.closes_watches() && self.events_sent >= 1
                || self.context.faults.watch_drops() != self.drops
            {
                return None;
            }
            if let Some(ready) = self.ready.pop_front() {
                let Some(line) = self.line_of(ready) else { continue };
                self.events_sent += 1;
                return Some(line);
            }
            if self.is_done {
                return None;
            }
            if Instant::now() >= self.end {
                // Also of a watch that always has something to send.
                self.end_in_time();
                continue;
            }
            if self.initial.is_some() {
                self.read_initial();
            } else if self.is_behind {
                self.read_log();
            } else {
                self.wait().await?;
            }
        }
    }

    /// Waits for a change, a bookmark or the end; `None`: the watch ends now.
    async fn wait(&mut self) -> Option<()> {
        let bookmarks = self.query.bookmarks;
        tokio::select! {
            biased;
            () = raised(&mut self.stop) => return None,
            change = self.changes.next() => match change.map(|version| (version, self.store.event(version))) {
                Some((version, _)) if version <= self.version => {}
                Some((_, Some(event))) => self.push_change(event),
                Some((_, None)) => self.is_behind = true,
                None => {
                    // The queue was full once.
                    self.changes = self.store.watch(self.key.as_deref());
                    self.is_behind = true;
                }
            },
            fault = self.faults.changed() => if fault.is_err() { return None },
            () = sleep_until(self.end) => self.end_in_time(),
            () = sleep_until(self.bookmark), if bookmarks => {
                self.bookmark = Instant::now() + BOOKMARK;
                self.push_bookmark();
            }
        }
        Some(())
    }

    /// Takes the next existing objects: they are sent as if they were just added.
    fn read_initial(&mut self) {
        let Some(mut ask) = self.initial.take() else { return };
        match self.store.page(&ask) {
            Ok(page) => {
                self.ready.extend(page.objects.into_iter().map(Ready::Initial));
                if page.next.is_some() {
                    ask.after = page.next;
                    self.initial = Some(ask);
                } else if self.query.send_initial_events && self.query.bookmarks {
                    self.ready.push_back(Ready::Bookmark { version: self.version, is_initial_end: true });
                }
            }
            Err(error) => self.push_error(error),
        }
    }

    /// Takes the next changes from the log.
    fn read_log(&mut self) {
        match self.store.changes(self.version, self.key.as_deref()) {
            Ok(changes) => {
                self.is_behind = !changes.is_all;
                changes.events.into_iter().for_each(|event| self.push_change(event));
                self.version = self.version.max(changes.version);
            }
            Err(error) => self.push_error(error),
        }
    }

    /// As kube-apiserver: the watch is accepted, and the error is its last event.
    fn push_error(&mut self, error: ApiError) {
        self.ready.push_back(Ready::Error(Box::new(error)));
        self.is_done = true;
    }

    fn push_change(&mut self, event: Event<T>) {
        self.version = event.version;
        self.ready.push_back(Ready::Change(event));
    }

    /// Ends the watch at its time, with a bookmark if the client wants them and has seen all existing objects.
    fn end_in_time(&mut self) {
        if self.query.bookmarks && self.initial.is_none() {
            self.push_bookmark();
        }
        self.is_done = true;
    }

    /// Says up to where everything has been shown.
    fn push_bookmark(&mut self) {
        // Changes that are not sent yet come first. Those up to this version are in the queue or, if it was full, in the log.
        // The log is not read without need: it may no longer reach the last change of a quiet object.
        let version = self.store.version();
        while let Some(next) = self.changes.try_next() {
            match self.store.event(next) {
                Some(event) if next > self.version => self.push_change(event),
                Some(_) => {}
                None => self.is_behind = true,
            }
        }
        if self.changes.has_overflowed() {
            self.changes = self.store.watch(self.key.as_deref());
            self.is_behind = true;
        }
        while self.is_behind && !self.is_done {
            self.read_log();
        }
        if self.is_done {
            return;
        }
        self.version = self.version.max(version);
        self.ready.push_back(Ready::Bookmark { version: self.version, is_initial_end: false });
    }

    fn line_of(&self, ready: Ready<T>) -> Option<Bytes> {
        Some(match ready {
            Ready::Initial(object) => line(ChangeKind::Added.text(), &self.present(&object)),
            Ready::Change(event) => return self.change(&event),
            Ready::Bookmark { version, is_initial_end } => self.bookmark(version, is_initial_end),
            Ready::Error(error) => line("ERROR", &error.to_json()),
        })
    }

    /// Translates a change by the selector: an object that becomes selected is added, one that no longer is is deleted.
    fn change(&self, event: &Event<T>) -> Option<Bytes> {
        let before = event.before.as_ref().is_some_and(|stored| self.selector.selects(&*stored.object));
        let now = event.kind != ChangeKind::Deleted && self.selector.selects(&*event.object);
        let kind = match (before, now) {
            (false, true) => ChangeKind::Added,
            (true, true) => ChangeKind::Modified,
            (true, false) => ChangeKind::Deleted,
            (false, false) => return None,
        };
        Some(if kind == event.kind && self.form == Form::Whole {
            // The same for every watch: written once.
            event.line.get_or_init(|| line(kind.text(), &*event.object)).clone()
        } else {
            line(kind.text(), &self.present(&event.object))
        })
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

    fn bookmark(&self, version: u64, is_initial_end: bool) -> Bytes {
        let mut metadata = json!({"resourceVersion": version.to_string(), "creationTimestamp": null});
        if is_initial_end {
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
        line("BOOKMARK", &object)
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
