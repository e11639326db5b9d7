//! Connections, routes and verbs.

pub(crate) mod admin;
pub(crate) mod answer;
pub(crate) mod connection;
pub(crate) mod connections;
pub(crate) mod context;
pub(crate) mod list;
pub(crate) mod pending;
pub(crate) mod routes;
pub(crate) mod service;
mod target;
pub(crate) mod tls;
pub(crate) mod verbs;
pub(crate) mod watch;
