//! Discovery and OpenAPI documents.

pub(crate) mod documents;
pub(crate) mod openapi;
pub(crate) mod served;
