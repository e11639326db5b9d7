//! The HTTPS API: connections, routes, verbs, objects and their rules.
//!
//! Imports point down this list only: `controller_port`, `http`, `discovery` and `store`, `kinds`, `access`, `wire`,
//! `object`, and the types that these share.

pub(crate) mod access;
pub(crate) mod api_error;
pub(crate) mod attributes;
pub(crate) mod change;
pub(crate) mod controller_port;
pub(crate) mod discovery;
pub(crate) mod http;
pub(crate) mod kinds;
pub(crate) mod object;
pub(crate) mod resource;
pub(crate) mod store;
pub(crate) mod user;
pub(crate) mod wire;
