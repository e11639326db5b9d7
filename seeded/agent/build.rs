//! See `certrotate_seeded_overlay::build`.

fn main() -> std::io::Result<()> {
    // The build time: any time before the one that the simulation begins at.
    println!("cargo::rustc-env=CERTROTATE_BUILT=1700000000");
    certrotate_seeded_overlay::build("agent")
}
