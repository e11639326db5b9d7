//! A node certificate that renews itself.
pub mod api;
pub mod clock;
pub mod connection;
pub mod directory;
pub mod driver;
pub mod exit;
pub mod identity;
pub mod keystore;
pub mod kubeconfig;
pub mod node;
pub mod report;
pub mod tls;
