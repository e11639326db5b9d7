//! Requests and answers in the forms that clients read and write.

pub(crate) mod call;
pub(crate) mod decode;
pub(crate) mod definitions;
pub(crate) mod form;
pub(crate) mod patch;
pub(crate) mod path;
pub(crate) mod protobuf;
pub(crate) mod query;
pub(crate) mod selector;
pub(crate) mod table;
