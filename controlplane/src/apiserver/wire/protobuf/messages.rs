//! The messages: field numbers, JSON names and shapes. Fields that only the server sets are left out.

use crate::apiserver::resource::{Kind, ReviewKind};

/// One field of a message.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) number: u64,
    pub(super) name: &'static str,
    pub(super) shape: Shape,
    /// A list.
    pub(super) many: bool,
}

/// How a value is written.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    /// An empty one stands for none.
    Text,
    /// An empty one is one.
    Item,
    Bytes,
    Int32,
    Int64,
    Bool,
    Time,
    Message(&'static [Field]),
    /// Texts by text.
    Map,
    /// Lists of texts by text.
    Lists,
}

const fn one(number: u64, name: &'static str, shape: Shape) -> Field {
    Field { number, name, shape, many: false }
}

const fn many(number: u64, name: &'static str, shape: Shape) -> Field {
    Field { number, name, shape, many: true }
}

/// The message of a kind.
pub(super) fn of(kind: Kind) -> &'static [Field] {
    match kind {
        Kind::CertificateSigningRequest => CSR,
        Kind::Lease => LEASE,
        Kind::Review(ReviewKind::SelfSubjectAccess) => SELF_ACCESS,
        Kind::Review(ReviewKind::SelfSubjectRules) => SELF_RULES,
        Kind::Review(ReviewKind::SubjectAccess) => ACCESS,
        Kind::Review(ReviewKind::SelfSubject) => SELF,
    }
}

const OWNER: &[Field] = &[
    one(1, "kind", Shape::Item),
    one(3, "name", Shape::Item),
    one(4, "uid", Shape::Item),
    one(5, "apiVersion", Shape::Item),
    one(6, "controller", Shape::Bool),
    one(7, "blockOwnerDeletion", Shape::Bool),
];

const META: &[Field] = &[
    one(1, "name", Shape::Text),
    one(2, "generateName", Shape::Text),
    one(3, "namespace", Shape::Text),
    one(5, "uid", Shape::Text),
    one(6, "resourceVersion", Shape::Text),
    one(11, "labels", Shape::Map),
    one(12, "annotations", Shape::Map),
    many(13, "ownerReferences", Shape::Message(OWNER)),
    many(14, "finalizers", Shape::Item),
];

const CSR: &[Field] = &[
    one(1, "metadata", Shape::Message(META)),
    one(2, "spec", Shape::Message(CSR_SPEC)),
    one(3, "status", Shape::Message(CSR_STATUS)),
];

const CSR_SPEC: &[Field] = &[
    one(1, "request", Shape::Bytes),
    many(5, "usages", Shape::Item),
    one(7, "signerName", Shape::Text),
    one(8, "expirationSeconds", Shape::Int32),
];

const CSR_STATUS: &[Field] =
    &[many(1, "conditions", Shape::Message(CONDITION)), one(2, "certificate", Shape::Bytes)];

const CONDITION: &[Field] = &[
    one(1, "type", Shape::Item),
    one(2, "reason", Shape::Text),
    one(3, "message", Shape::Text),
    one(4, "lastUpdateTime", Shape::Time),
    one(5, "lastTransitionTime", Shape::Time),
    one(6, "status", Shape::Item),
];

const LEASE: &[Field] =
    &[one(1, "metadata", Shape::Message(META)), one(2, "spec", Shape::Message(LEASE_SPEC))];

const LEASE_SPEC: &[Field] = &[
    one(1, "holderIdentity", Shape::Item),
    one(2, "leaseDurationSeconds", Shape::Int32),
    one(3, "acquireTime", Shape::Time),
    one(4, "renewTime", Shape::Time),
    one(5, "leaseTransitions", Shape::Int32),
    one(6, "strategy", Shape::Item),
    one(7, "preferredHolder", Shape::Item),
];

const RESOURCE_ATTRIBUTES: &[Field] = &[
    one(1, "namespace", Shape::Text),
    one(2, "verb", Shape::Text),
    one(3, "group", Shape::Text),
    one(4, "version", Shape::Text),
    one(5, "resource", Shape::Text),
    one(6, "subresource", Shape::Text),
    one(7, "name", Shape::Text),
];

const PATH_ATTRIBUTES: &[Field] = &[one(1, "path", Shape::Text), one(2, "verb", Shape::Text)];

const SELF_ACCESS: &[Field] = &[one(2, "spec", Shape::Message(SELF_ACCESS_SPEC))];

const SELF_ACCESS_SPEC: &[Field] = &[
    one(1, "resourceAttributes", Shape::Message(RESOURCE_ATTRIBUTES)),
    one(2, "nonResourceAttributes", Shape::Message(PATH_ATTRIBUTES)),
];

const ACCESS: &[Field] = &[one(2, "spec", Shape::Message(ACCESS_SPEC))];

const ACCESS_SPEC: &[Field] = &[
    one(1, "resourceAttributes", Shape::Message(RESOURCE_ATTRIBUTES)),
    one(2, "nonResourceAttributes", Shape::Message(PATH_ATTRIBUTES)),
    one(3, "user", Shape::Text),
    many(4, "groups", Shape::Item),
    one(5, "extra", Shape::Lists),
    one(6, "uid", Shape::Text),
];

const SELF_RULES: &[Field] = &[one(2, "spec", Shape::Message(SELF_RULES_SPEC))];
const SELF_RULES_SPEC: &[Field] = &[one(1, "namespace", Shape::Text)];

const SELF: &[Field] = &[];

pub(super) const DELETE_OPTIONS: &[Field] = &[
    one(1, "gracePeriodSeconds", Shape::Int64),
    one(2, "preconditions", Shape::Message(PRECONDITIONS)),
    one(4, "propagationPolicy", Shape::Text),
    many(5, "dryRun", Shape::Item),
];

const PRECONDITIONS: &[Field] = &[one(1, "uid", Shape::Text), one(2, "resourceVersion", Shape::Text)];
