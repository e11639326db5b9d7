//! The control plane over real TLS, as its clients meet it.

mod api;
mod client;
mod faults;
mod identity;
mod life;
