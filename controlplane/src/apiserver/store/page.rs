//! Lists: whole or in parts, as of now or as of a version that the log still knows.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use crate::apiserver::api_error::ApiError;
use crate::apiserver::object::{Object, key_of};
use crate::apiserver::store::event::Stored;
use crate::apiserver::store::objects::Store;
use crate::apiserver::store::state::Inner;
use crate::apiserver::wire::selector::Selector;
use crate::base::budgets::SCANNED_OBJECTS;
use crate::base::sync::lock;

/// The selection of a list.
#[derive(Debug, Default)]
pub(crate) struct Ask {
    pub(crate) selector: Selector,
    /// The key after which the page begins.
    pub(crate) after: Option<String>,
    /// The most objects; 0: all.
    pub(crate) limit: usize,
    /// About the most bytes; 0: all. A page has one object at least.
    pub(crate) bytes: usize,
    /// The version to show; `None`: the newest.
    pub(crate) at: Option<u64>,
}

/// One part of a list.
#[derive(Debug)]
pub(crate) struct Page<T> {
    pub(crate) objects: Vec<Arc<T>>,
    pub(crate) version: u64,
    /// The key after which there is more.
    pub(crate) next: Option<String>,
    /// How many objects follow, where it is known without looking at each.
    pub(crate) remaining: Option<usize>,
}

impl<T: Object> Store<T> {
    /// Returns a page of the list, or 410 if the log no longer reaches the requested version.
    pub(crate) fn page(&self, ask: &Ask) -> Result<Page<T>, ApiError> {
        let mut page = Page { objects: Vec::new(), version: 0, next: None, remaining: None };
        let mut scan = Scan { at: ask.at, after: ask.after.clone(), room: usize::MAX };
        if ask.bytes > 0 {
            scan.room = ask.bytes;
        }
        // A selector may leave little of many objects: others get the lock in between.
        while !self.scan(ask, &mut scan, &mut page)? {}
        Ok(page)
    }

    /// Adds a part of the store to a page; true if the page is complete.
    fn scan(&self, ask: &Ask, scan: &mut Scan, page: &mut Page<T>) -> Result<bool, ApiError> {
        let inner = lock(&self.shared.inner);
        let version = *scan.at.get_or_insert(inner.version);
        page.version = version;
        if version == inner.version
            && let Some(key) = ask.selector.name().and_then(|name| only_key::<T>(&ask.selector, name))
        {
            // Thousands of clients that each wait for one object must not make each other slow.
            let found =
                inner.objects.get(key.as_str()).filter(|stored| ask.selector.selects(&*stored.object));
            page.objects.extend(found.map(|stored| Arc::clone(&stored.object)));
            return Ok(true);
        }
        let changed = inner.changed_after(version)?;
        let limit = if ask.limit == 0 { usize::MAX } else { ask.limit };
        let mut last: Option<Arc<str>> = None;
        for (count, (key, stored)) in inner.at(&changed, scan.after.as_deref()).enumerate() {
            let is_selected = ask.selector.selects(&*stored.object);
            let is_full = page.objects.len() == limit || scan.room == 0;
            if is_selected && is_full || count == SCANNED_OBJECTS {
                page.next = last.as_deref().map(str::to_owned);
                break;
            }
            if is_selected {
                page.objects.push(Arc::clone(&stored.object));
                scan.room = scan.room.saturating_sub(stored.size.json);
            }
            last = Some(Arc::clone(key));
        }
        let is_full = page.objects.len() == limit || scan.room == 0;
        if page.next.is_some() && !is_full {
            scan.after = page.next.take();
            return Ok(false);
        }
        if page.next.is_some() && ask.selector.is_empty() && ask.selector.namespace().is_none() {
            page.remaining = Some(inner.at(&changed, last.as_deref()).count());
        }
        Ok(true)
    }
}

/// How far a page is.
struct Scan {
    at: Option<u64>,
    after: Option<String>,
    /// Bytes that the page may still have.
    room: usize,
}

/// The key of the one object of this name, if the selector leaves no choice of the namespace.
fn only_key<T: Object>(selector: &Selector, name: &str) -> Option<String> {
    match (T::API.namespaced, selector.namespace()) {
        (false, _) => Some(name.to_owned()),
        (true, Some(namespace)) => Some(key_of(Some(namespace), name)),
        (true, None) => None,
    }
}

/// The objects of an earlier version, for the keys that have changed since.
type Changed<'a, T> = BTreeMap<&'a Arc<str>, Option<&'a Stored<T>>>;

impl<T: Object> Inner<T> {
    fn changed_after(&self, version: u64) -> Result<Changed<'_, T>, ApiError> {
        // Backwards, so that the first change after the version has the last word.
        Ok(self.since(version)?.rev().map(|event| (&event.key, event.before.as_ref())).collect())
    }

    /// The objects as they were before `changed`, in the order of their keys.
    fn at<'a>(
        &'a self,
        changed: &'a Changed<'a, T>,
        after: Option<&'a str>,
    ) -> impl Iterator<Item = (&'a Arc<str>, &'a Stored<T>)> {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut now = self.objects.range::<str, _>((start, Bound::Unbounded)).peekable();
        let mut then =
            changed.iter().filter(move |(key, _)| after.is_none_or(|after| ****key > *after)).peekable();
        std::iter::from_fn(move || {
            loop {
                let now_first = match (now.peek(), then.peek()) {
                    (None, None) => return None,
                    (Some(_), None) => true,
                    (None, Some(_)) => false,
                    (Some((key, _)), Some((other, _))) => key < *other,
                };
                if now_first {
                    return now.next();
                }
                let (key, object) = then.next()?;
                now.next_if(|(other, _)| other == key);
                if let Some(object) = object {
                    return Some((key, object));
                }
            }
        })
    }
}
