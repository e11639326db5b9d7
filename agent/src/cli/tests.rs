use clap::CommandFactory as _;

use super::*;

#[test]
fn the_command_line_is_well_formed() {
    Cli::command().debug_assert();
}

#[test]
fn each_v_flag_raises_the_level_up_to_trace() {
    let detail = |level, http| Detail { level, http };
    assert_eq!(raise(LevelFilter::INFO, 0), detail(LevelFilter::INFO, false));
    assert_eq!(raise(LevelFilter::INFO, 1), detail(LevelFilter::DEBUG, false));
    assert_eq!(raise(LevelFilter::INFO, 2), detail(LevelFilter::TRACE, false));
    assert_eq!(raise(LevelFilter::INFO, 3), detail(LevelFilter::TRACE, true));
    assert_eq!(raise(LevelFilter::ERROR, 9), detail(LevelFilter::TRACE, true));
}

#[test]
fn rotation_is_on_by_default_and_off_by_flag() {
    let rotates = |args: &[&str]| match Cli::try_parse_from(args).expect("good flags").command {
        Command::Run(args) => args.rotate_certificates,
        other => panic!("{other:?}"),
    };
    assert!(rotates(&["certrotate", "run"]));
    assert!(rotates(&["certrotate", "run", "--rotate-certificates"]));
    assert!(!rotates(&["certrotate", "run", "--rotate-certificates=false"]));
}
