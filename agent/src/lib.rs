//! Crate front page to follow.
pub mod api;
pub mod clock;
pub mod connection;
pub mod details;
pub mod directory;
pub mod driver;
pub mod identity;
pub mod keystore;
pub mod kubeconfig;
pub mod tls;
