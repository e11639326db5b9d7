//! See `certrotate_seeded_overlay::build`.

fn main() -> std::io::Result<()> {
    certrotate_seeded_overlay::build("keys")
}
