//! See `certrotate_seeded_overlay::build`.

fn main() -> std::io::Result<()> {
    // The clock's build time, which nothing here reads.
    println!("cargo::rustc-env=CERTROTATE_BUILT=0");
    certrotate_seeded_overlay::build("agent")
}
