//! `certrotate demo`.

use super::{DemoArgs, asked_to_end};
use crate::demo::{self, Options};
use crate::exit::Exit;

pub(super) async fn demo(args: DemoArgs) -> Result<Exit, String> {
    let options = Options { rotations: args.rotations, keep: args.keep };
    let ended = async {
        if asked_to_end().await.is_err() {
            // Without signal handlers the demo runs to its end, or is killed.
            std::future::pending::<()>().await;
        }
    };
    let summary = demo::run(&options, ended).await?;
    if args.json {
        let json =
            serde_json::to_string(&summary).map_err(|error| format!("the summary is no JSON: {error}"))?;
        println!("{json}");
    }
    Ok(if summary.is_good() { Exit::Done } else { Exit::Internal })
}
