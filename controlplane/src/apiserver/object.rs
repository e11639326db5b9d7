//! The properties of a kind of stored object; everything else is the same for all kinds.

use std::borrow::Cow;
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

/// Bytes of the JSON form of an object.
pub(crate) fn encoded_size<T: Object>(object: &T) -> usize {
    let mut count = Count(0);
    // Every object has a JSON form, and counting does not fail.
    let _counted = serde_json::to_writer(&mut count, object);
    count.0
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
