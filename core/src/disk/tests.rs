use super::*;

#[test]
fn a_command_mutates_if_another_start_could_see_it() {
    let name = Name::Temporary { generation: Generation(1), file: FileNumber(1) };
    let link = DiskCommand::Symlink { name, target: Name::Current };
    for command in [DiskCommand::Create { name }, link, DiskCommand::Unlink { name }] {
        assert!(command.mutates(), "{command:?}");
    }
    assert!(DiskCommand::Rename { from: name, to: Name::Current }.mutates());
    for command in
        [DiskCommand::Lock, DiskCommand::Scan, DiskCommand::SyncDir, DiskCommand::SyncFile { name }]
    {
        assert!(!command.mutates(), "{command:?}");
    }
}
