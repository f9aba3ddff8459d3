//! Output to a terminal or to a pipe whose reader may have ended.
//!
//! `println!` panics if nobody reads the output, for example in `sync | head -1`. These macros do
//! not.

use std::{
    fmt,
    io::{self, Write as _},
};

/// Prints a line to standard output. Returns `false` if its reader has ended.
///
/// Fails if the line cannot be written for any other reason, for example because a disk is full.
pub fn print(line: fmt::Arguments<'_>) -> Result<bool, String> {
    let mut out = io::stdout().lock();
    match writeln!(out, "{line}").and_then(|()| out.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(format!("could not write to standard output: {error}")),
    }
}

/// Prints a line to standard output, as `println!` does, and returns the result of [`print`].
macro_rules! say {
    ($($text:tt)*) => { $crate::terminal::print(format_args!($($text)*)) };
}
pub(crate) use say;

/// Prints a line to standard error, as `eprintln!` does, and ignores errors.
macro_rules! note {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), $($text)*);
    }};
}
pub(crate) use note;
