//! The terminal: output that may be a pipe which nobody reads any more.

use std::{
    fmt,
    io::{self, Write as _},
};

/// Prints a line; whether somebody still reads
///
/// `println!` panics if the standard output cannot be written. Here a closed pipe, as of `head`, is no
/// error: the work goes on, or ends as the caller likes. A full disk is one.
pub fn print(line: fmt::Arguments<'_>) -> Result<bool, String> {
    let mut out = io::stdout().lock();
    match writeln!(out, "{line}").and_then(|()| out.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(format!("could not write to the standard output: {error}")),
    }
}

/// Prints a line as `println!` does, by [`print`]
macro_rules! say {
    ($($text:tt)*) => { $crate::terminal::print(format_args!($($text)*)) };
}
pub(crate) use say;

/// Prints a line to standard error as `eprintln!` does, and goes on if that is closed
macro_rules! note {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), $($text)*);
    }};
}
pub(crate) use note;
