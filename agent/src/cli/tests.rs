use clap::CommandFactory as _;

use super::*;

#[test]
fn the_command_line_is_well_formed() {
    Cli::command().debug_assert();
}

#[test]
fn each_v_logs_one_level_more_and_no_more_than_all() {
    assert_eq!(levels(0, LevelFilter::INFO), LevelFilter::INFO);
    assert_eq!(levels(1, LevelFilter::INFO), LevelFilter::DEBUG);
    assert_eq!(levels(9, LevelFilter::ERROR), LevelFilter::TRACE);
}

#[test]
fn rotation_is_on_unless_it_is_switched_off() {
    let rotates = |args: &[&str]| match Cli::try_parse_from(args).expect("good flags").command {
        Command::Run(args) => args.rotate_certificates,
        other => panic!("{other:?}"),
    };
    assert!(rotates(&["certrotate", "run"]));
    assert!(rotates(&["certrotate", "run", "--rotate-certificates"]));
    assert!(!rotates(&["certrotate", "run", "--rotate-certificates=false"]));
}
