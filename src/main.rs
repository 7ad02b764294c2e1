//! Parse, run, exit code.

use std::process::ExitCode;

#[expect(clippy::disallowed_methods, reason = "arguments are read here")]
fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().collect();
    ExitCode::from(zadig_doctor::cli::run(&arguments) as u8)
}
