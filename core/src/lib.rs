//! certrotate-core
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod api;
pub mod config;
pub mod disk;
pub mod facts;
pub mod id;
pub mod input;
pub mod judge;
pub mod notice;
pub mod time;
pub mod times;
