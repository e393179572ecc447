//! What CI runs, in its order.

use crate::Outcome;
use crate::cargo::run;
use crate::{browser, conformance, e2e, layers, openapi, tidy};

/// All of it.
pub(crate) fn all() -> Outcome {
    fmt()?;
    clippy()?;
    test()?;
    doc()?;
    layers::check()?;
    tidy::check()?;
    e2e::run(&[])?;
    conformance::run()?;
    openapi::run()?;
    browser::run(&[])
}

pub(crate) fn fmt() -> Outcome {
    run(&["fmt", "--all", "--check"], &[])
}

/// Lints with default features, and the published crates that have features also with none and with all.
pub(crate) fn clippy() -> Outcome {
    run(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"], &[])?;
    run(&["clippy", "-p", "frontdesk-api", "--no-default-features", "--", "-D", "warnings"], &[])?;
    run(
        &[
            "clippy",
            "-p",
            "frontdesk-api",
            "-p",
            "frontdesk-durable",
            "--all-features",
            "--",
            "-D",
            "warnings",
        ],
        &[],
    )
}

/// The README's test command.
pub(crate) fn test() -> Outcome {
    run(&["test", "--workspace"], &[])
}

pub(crate) fn doc() -> Outcome {
    run(&["doc", "--workspace", "--no-deps"], &[("RUSTDOCFLAGS", "-D warnings")])
}
