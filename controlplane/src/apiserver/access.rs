//! Authentication and authorization.

pub(crate) mod authenticator;
pub(crate) mod authorizer;
pub(crate) mod bootstrap_token;
pub(crate) mod roles;
pub(crate) mod token;
