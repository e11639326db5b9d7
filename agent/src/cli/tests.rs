use clap::CommandFactory as _;

use super::*;

#[test]
fn the_command_line_is_well_formed() {
    Cli::command().debug_assert();
}

#[test]
fn each_v_flag_raises_the_level_up_to_trace() {
    assert_eq!(raise(LevelFilter::INFO, 0), LevelFilter::INFO);
    assert_eq!(raise(LevelFilter::INFO, 1), LevelFilter::DEBUG);
    assert_eq!(raise(LevelFilter::ERROR, 9), LevelFilter::TRACE);
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
