//! certrotate-core
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod api;
mod common;
pub mod config;
mod digest;
pub mod disk;
pub mod facts;
pub mod id;
pub mod input;
pub mod judge;
mod live;
pub mod notice;
mod renewal;
pub mod rotator;
pub mod time;
pub mod times;
pub mod trace;
pub mod view;
