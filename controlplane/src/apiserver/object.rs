//! The properties of a kind of stored object; everything else is the same for all kinds.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::io;
use std::time::SystemTime;

use k8s_openapi::Metadata;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::apiserver::api_error::{ApiError, FieldError};
use crate::apiserver::change::ChangeKind;
use crate::apiserver::resource::{Resource, Subresource};
use crate::apiserver::user::User;

/// One column of a Table.
#[derive(Debug)]
pub(crate) struct Column {
    pub(crate) name: &'static str,
    pub(crate) format: &'static str,
    pub(crate) description: &'static str,
}

/// A kind of object that is stored.
pub(crate) trait Object:
    Metadata<Ty = ObjectMeta> + Clone + Debug + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static
{
    const API: &'static Resource;
    const COLUMNS: &'static [Column];
    /// Fields for field selectors, in addition to `metadata.name` and `metadata.namespace`.
    const FIELDS: &'static [&'static str] = &[];
    /// Whether an update without a resource version is carried out.
    const UNCONDITIONAL_UPDATE: bool = true;
    /// Whether those whose account the object is on may update it: then updates count for the account, too.
    const OWNER_UPDATES: bool = false;
    /// Most bytes of memory that all objects of this kind may take.
    const STORED_BYTES: usize;
    /// Whether an update of a missing object creates it.
    const CREATE_ON_UPDATE: bool = false;
    /// Something to count while objects change.
    type Tally: Clone + Debug + Default + Send;

    /// The value of one of [`Self::FIELDS`].
    fn field(&self, _path: &str) -> &str {
        ""
    }

    /// The cells of a row, one per column.
    fn cells(&self, now: SystemTime) -> Vec<Value>;

    /// Clears the fields of a new object that its creator may not set; the metadata is clean already.
    fn begin(self, user: &User) -> Self;

    /// Why `user` may not create this, though the roles allow it: asked before the validation, as mutating admission is.
    fn admit(&self, _user: &User) -> Result<(), String> {
        Ok(())
    }

    /// Why no user may create this: asked after the validation, as validating admission is.
    fn admit_valid(&self) -> Result<(), String> {
        Ok(())
    }

    /// Makes one form of all forms that mean the same: an empty list and an absent one are equal.
    fn normalize(&mut self);

    /// Returns the errors of a new object.
    fn check(&self) -> Vec<FieldError>;

    /// `old` with what this endpoint may change taken from `new`, if that is about the same version of the same object.
    fn change(new: Self, old: &Self, subresource: Option<Subresource>, now: Time) -> Result<Self, ApiError>;

    /// Why `user` may not change `old` to this through `subresource`, though the roles allow updates.
    fn admit_change(
        &self,
        _old: &Self,
        _subresource: Option<Subresource>,
        _user: &User,
    ) -> Result<(), String> {
        Ok(())
    }

    /// Whose the object is, for the budgets: its requestor, or its namespace.
    fn account(&self) -> &str;

    /// About the memory that the object takes beside its own struct, and what it will take once it is complete.
    fn heap_size(&self) -> usize;

    /// The account, unless it has no limit of its own.
    fn limited_account(&self) -> Option<&str> {
        Some(self.account())
    }

    /// Counts that the object under this key is now `object` instead of `before`, or gone.
    fn tally(
        _tally: &mut Self::Tally,
        _kind: ChangeKind,
        _key: &str,
        _object: &Self,
        _before: Option<&Self>,
    ) {
    }
}

/// Returns the key of an object: its name, after its namespace if it has one.
pub(crate) fn key<T: Object>(object: &T) -> Cow<'_, str> {
    let meta = object.metadata();
    let name = meta.name.as_deref().unwrap_or_default();
    match meta.namespace.as_deref() {
        Some(namespace) if T::API.namespaced => Cow::Owned(key_of(Some(namespace), name)),
        _ => Cow::Borrowed(name),
    }
}

/// The key of an object of this name.
pub(crate) fn key_of(namespace: Option<&str>, name: &str) -> String {
    namespace.map_or_else(|| name.to_owned(), |namespace| format!("{namespace}/{name}"))
}

/// What an object takes.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Size {
    /// Bytes of its JSON form.
    pub(crate) json: usize,
    /// About the bytes of memory: many short texts take far more there than as JSON.
    pub(crate) memory: usize,
}

impl Size {
    /// Returns the size of an object with everything that the store keeps for it.
    pub(crate) fn of<T: Object>(object: &T) -> Self {
        let mut count = Count(0);
        // Every object has a JSON form, and counting does not fail.
        let _counted = serde_json::to_writer(&mut count, object);
        let keys = 2 * block(key(object).len() + 16) + block(object.account().len());
        let memory = OBJECT_COST + block(size_of::<T>() + 16) + keys + object.heap_size();
        Self { json: count.0, memory }
    }
}

/// The memory of the places of an object in the maps of the store.
const OBJECT_COST: usize = 256;
/// The memory of an entry in a map of texts, whose nodes may be half full.
const ENTRY_COST: usize = 96;
/// The memory of a map beside its entries: a part of a node.
const MAP_COST: usize = 512;

/// The memory of an allocation: with its header, in units of 16 bytes.
pub(crate) fn block(bytes: usize) -> usize {
    if bytes == 0 { 0 } else { (bytes + 8).next_multiple_of(16).max(32) }
}

/// The memory of a text beside the struct that it is in.
pub(crate) fn text_size(text: Option<&String>) -> usize {
    text.map_or(0, |text| block(text.len()))
}

/// The memory of a list of texts.
pub(crate) fn texts_size(list: Option<&Vec<String>>) -> usize {
    let list = list.map_or(&[][..], Vec::as_slice);
    block(size_of_val(list)) + list.iter().map(|text| block(text.len())).sum::<usize>()
}

/// The memory of a map whose values have a memory of `size` beside their own structs.
pub(crate) fn map_size<V>(map: Option<&BTreeMap<String, V>>, size: impl Fn(&V) -> usize) -> usize {
    let Some(map) = map.filter(|map| !map.is_empty()) else { return 0 };
    let entries = map.iter().map(|(key, value)| ENTRY_COST + block(key.len()) + size(value));
    MAP_COST + entries.sum::<usize>()
}

/// Counts the bytes that are written to it.
struct Count(usize);

impl io::Write for Count {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The resource version as a number; 0 if there is none.
pub(crate) fn version_of<T: Object>(object: &T) -> u64 {
    object.metadata().resource_version.as_deref().and_then(|v| v.parse().ok()).unwrap_or(0)
}
