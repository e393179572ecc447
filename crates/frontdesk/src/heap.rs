//! Two heaps instead of one a thread, and eight for a server.
//!
//! The allocator of glibc gives every thread an arena of its own, and an arena keeps the pages of its peak. A dozen threads
//! that work one after the other on the same bytes then hold a dozen peaks: a pull of a million conversations held three
//! times what was alive at once. How many arenas there are is said in the environment of a process that starts, or by a
//! call that is `unsafe`; so the program starts itself once more, with the variable set (ADR 0016).

use std::ffi::OsString;

use frontdesk_shell::Environment;

/// Replaces this process by itself with few arenas, where the allocator has many and nobody has said how many.
///
/// Returns when there is nothing to do, and also when it cannot be done: the work is the same with more memory.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub(crate) fn limit(environment: &Environment, arguments: &[OsString]) {
    use std::os::unix::process::CommandExt as _;
    use std::process::Command;

    if is_decided(environment) {
        return;
    }
    let (Ok(program), Some((name, rest))) = (std::env::current_exe(), arguments.split_first()) else {
        return;
    };
    // Same process, same arguments, same open files; it comes back only when it failed.
    let _ = Command::new(program).arg0(name).args(rest).env(ARENAS, arenas(rest)).exec();
}

/// Other allocators have no arenas to limit.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) fn limit(_: &Environment, _: &[OsString]) {}

const ARENAS: &str = "MALLOC_ARENA_MAX";
/// With one, packing on both cores waits for the other's allocations: an import takes a fifth longer.
const FEW: &str = "2";

/// With two, the threads of a server that answers wait for each other: a tenth of its time. Its memory is its index, and
/// no thread hands another its peak.
const OF_SERVER: &str = "8";

/// How many arenas a command has. One that only looks like `serve`, because a file is called so, has some more.
fn arenas(arguments: &[OsString]) -> &'static str {
    if arguments.iter().any(|argument| argument == "serve") { OF_SERVER } else { FEW }
}

/// Whether somebody has said how many arenas there are: this program when it started itself, or the user.
fn is_decided(environment: &Environment) -> bool {
    environment.get(ARENAS).is_some()
        || environment
            .get("GLIBC_TUNABLES")
            .is_some_and(|tunables| tunables.contains("glibc.malloc.arena_max"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_has_more_wherever_it_is_named() {
        let of = |line: &str| arenas(&line.split(' ').map(OsString::from).collect::<Vec<_>>());
        assert_eq!(of("--data-dir /var/lib/frontdesk serve --demo"), OF_SERVER);
        assert_eq!(of("archive pull --interval 2026-11-01/P1D"), FEW);
    }

    #[test]
    fn what_the_user_said_stays() {
        let said = |name, value| is_decided(&Environment::from_iter([(name, value)]));
        assert!(!said("HOME", "somewhere"));
        assert!(!said("GLIBC_TUNABLES", "glibc.malloc.tcache_count=0"));
        assert!(said("GLIBC_TUNABLES", "glibc.malloc.tcache_count=0:glibc.malloc.arena_max=8"));
        assert!(said(ARENAS, "1"));
        // Set by the program itself: it starts once more, not for ever.
        assert!(said(ARENAS, FEW));
    }
}
