//! Crate front page to follow.
pub mod clock;
pub mod kubeconfig;
pub mod tls;
