//! `frontdesk man`

use std::path::Path;

use clap::CommandFactory;
use clap_mangen::Man;
use frontdesk_durable::{OsDir, publish};
use frontdesk_shell::{Exit, Failure, Printer};

use crate::args::{Cli, ManArgs};

pub(crate) fn run(arguments: &ManArgs, printer: &Printer) -> Result<Exit, Failure> {
    let root = built();
    match &arguments.out {
        None => printer.raw(&page(chosen(&root, &arguments.command)?.clone())?)?,
        Some(folder) => {
            let written = write_all(&root, folder)?;
            printer.talk(format_args!("{written} pages in {}", folder.display()));
        }
    }
    Ok(Exit::Done)
}

/// The command line with the full name of every command known.
fn built() -> clap::Command {
    let mut root = Cli::command().disable_help_subcommand(true);
    root.build();
    root
}

fn chosen<'c>(root: &'c clap::Command, names: &[String]) -> Result<&'c clap::Command, Failure> {
    names.iter().try_fold(root, |command, name| {
        command.find_subcommand(name).ok_or_else(|| {
            let known: Vec<&str> = command.get_subcommands().map(clap::Command::get_name).collect();
            let message =
                format!("{} has no command {name:?}", command.get_display_name().unwrap_or("frontdesk"));
            let failure = Failure::new(Exit::Usage, "bad_argument", message);
            if known.is_empty() { failure } else { failure.hint(format!("it has: {}", known.join(", "))) }
        })
    })
}

/// Writes `frontdesk.1`, `frontdesk-archive.1`, `frontdesk-archive-pull.1`, …; returns how many.
fn write_all(root: &clap::Command, folder: &Path) -> Result<usize, Failure> {
    let failed = |error: &std::io::Error| {
        Failure::new(Exit::Storage, "storage", format!("cannot write man pages into {}", folder.display()))
            .caused_by(error)
    };
    let dir = OsDir::open_or_create(folder).map_err(|error| failed(&error))?;
    let mut waiting = vec![root];
    let mut written = 0;
    while let Some(command) = waiting.pop() {
        let man = Man::new(command.clone());
        publish(&dir, &man.get_filename(), &page(command.clone())?).map_err(|error| failed(&error))?;
        written += 1;
        waiting.extend(command.get_subcommands().filter(|command| !command.is_hide_set()));
    }
    Ok(written)
}

fn page(command: clap::Command) -> Result<Vec<u8>, Failure> {
    let mut text = Vec::new();
    Man::new(command).render(&mut text).map_err(|error| {
        Failure::new(Exit::Unexpected, "man", "cannot make the man page").caused_by(&error)
    })?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_carries_the_whole_name_and_the_examples() {
        let root = built();
        let pull = chosen(&root, &["archive".into(), "pull".into()]).unwrap();
        let text = String::from_utf8(page(pull.clone()).unwrap()).unwrap();
        assert!(text.contains("frontdesk\\-archive\\-pull"), "{text}");
        assert!(text.contains("Examples:") && text.contains("look\\-back"), "{text}");
        let failure = chosen(&root, &["archive".into(), "pul".into()]).unwrap_err();
        assert_eq!(failure.exit(), Exit::Usage);
        assert!(failure.to_string().contains("pull"), "{failure}");
    }

    #[test]
    fn every_command_has_a_page() {
        let dir = tempfile::tempdir().unwrap();
        let written = write_all(&built(), dir.path()).unwrap();
        let names: Vec<String> = std::fs::read_dir(dir.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        assert_eq!(names.len(), written, "{names:?}");
        for name in ["frontdesk.1", "frontdesk-archive.1", "frontdesk-archive-pull.1", "frontdesk-man.1"] {
            assert!(names.iter().any(|known| known == name), "{name} is missing: {names:?}");
        }
    }
}
