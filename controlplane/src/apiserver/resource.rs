//! The resources that the API serves, as paths, discovery and messages name them.

/// A kind of object as paths, discovery and messages name it.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Resource {
    pub(crate) group: &'static str,
    pub(crate) version: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) plural: &'static str,
    pub(crate) singular: &'static str,
    pub(crate) short_names: &'static [&'static str],
    pub(crate) namespaced: bool,
    /// Parts with a path of their own; each can be read and written.
    pub(crate) subresources: &'static [&'static str],
    pub(crate) verbs: &'static [&'static str],
}

impl Resource {
    /// `group/version`.
    pub(crate) fn group_version(&self) -> String {
        format!("{}/{}", self.group, self.version)
    }

    /// `plural.group`, as messages name the resource.
    pub(crate) fn qualified(&self) -> String {
        format!("{}.{}", self.plural, self.group)
    }
}

/// Everything that can be done to a stored kind.
pub(crate) const STORED_VERBS: &[&str] =
    &["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
