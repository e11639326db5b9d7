//! The resources that the API serves, as paths, discovery and messages name them.

use std::fmt;

use serde::{Serialize, Serializer};

/// A kind of object.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    CertificateSigningRequest,
    Lease,
    /// A question: it is answered and not stored.
    Review(ReviewKind),
}

/// A kind of review.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum ReviewKind {
    SelfSubjectAccess,
    SelfSubjectRules,
    SubjectAccess,
    SelfSubject,
}

impl Kind {
    /// The `kind` of the object.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::CertificateSigningRequest => "CertificateSigningRequest",
            Self::Lease => "Lease",
            Self::Review(ReviewKind::SelfSubjectAccess) => "SelfSubjectAccessReview",
            Self::Review(ReviewKind::SelfSubjectRules) => "SelfSubjectRulesReview",
            Self::Review(ReviewKind::SubjectAccess) => "SubjectAccessReview",
            Self::Review(ReviewKind::SelfSubject) => "SelfSubjectReview",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// The verb of a request on a resource.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Verb {
    Create,
    Delete,
    DeleteCollection,
    Get,
    List,
    Patch,
    Update,
    Watch,
}

impl Verb {
    /// The verb as roles and discovery name it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Delete => "delete",
            Self::DeleteCollection => "deletecollection",
            Self::Get => "get",
            Self::List => "list",
            Self::Patch => "patch",
            Self::Update => "update",
            Self::Watch => "watch",
        }
    }
}

impl Serialize for Verb {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Every verb of a stored kind, in the order of their names.
pub(crate) const STORED_VERBS: &[Verb] = &[
    Verb::Create,
    Verb::Delete,
    Verb::DeleteCollection,
    Verb::Get,
    Verb::List,
    Verb::Patch,
    Verb::Update,
    Verb::Watch,
];

/// A part of an object with a path of its own. `nodeclient` and `selfnodeclient`, which roles name as subresources, are
/// permissions only: no path has them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Subresource {
    Approval,
    Status,
}

impl Subresource {
    /// The verbs of every subresource.
    pub(crate) const VERBS: &[Verb] = &[Verb::Get, Verb::Patch, Verb::Update];

    /// The last segment of its path.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Approval => "approval",
            Self::Status => "status",
        }
    }
}

impl Serialize for Subresource {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// A resource: one kind of object under one path.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Resource {
    pub(crate) group: &'static str,
    pub(crate) version: &'static str,
    pub(crate) kind: Kind,
    pub(crate) plural: &'static str,
    pub(crate) singular: &'static str,
    pub(crate) short_names: &'static [&'static str],
    pub(crate) namespaced: bool,
    pub(crate) subresources: &'static [Subresource],
    pub(crate) verbs: &'static [Verb],
}

impl Resource {
    /// Returns `group/version`.
    pub(crate) fn group_version(&self) -> String {
        format!("{}/{}", self.group, self.version)
    }

    /// Returns `plural.group`, as messages name the resource.
    pub(crate) fn qualified(&self) -> String {
        format!("{}.{}", self.plural, self.group)
    }

    /// Returns the subresource of this name, if the resource has it.
    pub(crate) fn subresource(&self, name: &str) -> Option<Subresource> {
        self.subresources.iter().copied().find(|subresource| subresource.as_str() == name)
    }
}
