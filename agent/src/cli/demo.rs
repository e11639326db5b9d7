//! `certrotate demo`.

use serde::Serialize;

use super::{DemoArgs, asked_to_end};
use crate::demo::{self, Options, chaos};
use crate::exit::Exit;

/// Renewals that are shown where nothing goes wrong.
const ROTATIONS: u32 = 5;

pub(super) async fn demo(args: DemoArgs, own_mounts: bool) -> Result<Exit, String> {
    let ended = async {
        if asked_to_end().await.is_err() {
            // Without signal handlers the demo runs to its end, or is killed.
            std::future::pending::<()>().await;
        }
    };
    let good = if args.chaos {
        let seed = match args.seed {
            Some(seed) => seed,
            None => u64::from(random()?),
        };
        let rotations = args.rotations.unwrap_or(chaos::plan::DECK as u32);
        let options = chaos::Options { seed, rotations, keep: args.keep, own_mounts };
        let summary = chaos::run(&options, ended).await?;
        show(args.json, &summary)?;
        summary.is_good()
    } else {
        let options = Options { rotations: args.rotations.unwrap_or(ROTATIONS), keep: args.keep };
        let summary = demo::run(&options, ended).await?;
        show(args.json, &summary)?;
        summary.is_good()
    };
    Ok(if good { Exit::Done } else { Exit::Internal })
}

fn show(json: bool, summary: &impl Serialize) -> Result<(), String> {
    if json {
        let json =
            serde_json::to_string(summary).map_err(|error| format!("the summary is no JSON: {error}"))?;
        println!("{json}");
    }
    Ok(())
}

/// Short enough to be typed again.
fn random() -> Result<u32, String> {
    use ring::rand::SecureRandom as _;
    let mut bytes = [0; 4];
    let filled = ring::rand::SystemRandom::new().fill(&mut bytes);
    filled.map_err(|_| "the system gives no randomness; give --seed".to_owned())?;
    Ok(u32::from_le_bytes(bytes))
}
