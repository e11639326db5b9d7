//! The control plane over real TLS, as its clients meet it.

#![expect(clippy::unwrap_used, reason = "all of this is test code")]

mod abuse;
mod admin;
mod api;
mod cases;
mod client;
mod controllers;
mod faults;
mod identity;
mod kinds;
mod life;
