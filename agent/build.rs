//! Notes when the program is built: no honest clock shows less when it runs.
//!
//! `SOURCE_DATE_EPOCH` (seconds since 1970, reproducible-builds.org) stands for it where it is set: the same sources then make the
//! same program, and the clock of the machine that builds is not believed.

use std::env::{self, VarError};
use std::time::SystemTime;

const FIXED: &str = "SOURCE_DATE_EPOCH";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed={FIXED}");
    let built: u64 = match env::var(FIXED) {
        Ok(fixed) => match fixed.parse() {
            Ok(seconds) => seconds,
            Err(_) => panic!("{FIXED} is {fixed:?}, and not a number of seconds since 1970"),
        },
        Err(VarError::NotPresent) => {
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
            // A clock that shows less than 1970 says nothing.
            now.map_or(0, |since| since.as_secs())
        }
        Err(VarError::NotUnicode(_)) => panic!("{FIXED} is not a number of seconds since 1970"),
    };
    println!("cargo::rustc-env=CERTROTATE_BUILT={built}");
}
