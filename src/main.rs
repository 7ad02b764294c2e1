//! Parse, run, exit code.

use std::process::ExitCode;

/// Payloads of megabytes come and go on several threads. The allocator of musl,
/// with which releases are built, has one lock for all of them, and glibc's
/// gives every large buffer back to the kernel, to be cleared anew.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[expect(clippy::disallowed_methods, reason = "arguments are read here")]
fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().collect();
    ExitCode::from(zadig_doctor::cli::run(&arguments) as u8)
}
