//! The command line that the examples share: `--help`, and one line and exit code 2 for a wrong
//! call.

use std::{error::Error, ffi::OsStr, process::ExitCode};

use lexopt::Parser;

use crate::terminal::{note, say};

/// The arguments of an example.
pub trait Arguments: Default {
    /// Takes the option `--name`, with its value from the parser. Returns `false` if there is no
    /// such option.
    fn option(&mut self, name: &str, parser: &mut Parser) -> Result<bool, lexopt::Error>;

    /// Takes an argument that is not an option. Returns `false` if the example takes none.
    fn value(&mut self, _value: &OsStr) -> Result<bool, lexopt::Error> {
        Ok(false)
    }

    /// Checks that the arguments fit together.
    fn check(&self) -> Result<(), String> {
        Ok(())
    }
}

/// Reads the arguments of the process.
///
/// Prints the help, or what is wrong with the arguments, and returns the exit code if the example
/// must not run.
pub fn read<T: Arguments>(program: &str, help: &str) -> Result<T, ExitCode> {
    match parse() {
        Ok(Some(arguments)) => Ok(arguments),
        Ok(None) => Err(match say!("{help}") {
            Ok(_) => ExitCode::SUCCESS,
            Err(error) => {
                note!("{program}: {error}");
                ExitCode::FAILURE
            }
        }),
        Err(error) => {
            note!("{program}: {}; see --help", without_values(&*error));
            Err(ExitCode::from(2))
        }
    }
}

/// Returns `None` if the help is wanted.
fn parse<T: Arguments>() -> Result<Option<T>, Box<dyn Error>> {
    use lexopt::prelude::*;
    let mut arguments = T::default();
    let mut parser = Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("help") | Short('h') => return Ok(None),
            Long(name) => {
                // A copy, because the name borrows the parser, which the option needs for its
                // value.
                let name = name.to_owned();
                if !arguments.option(&name, &mut parser)? {
                    return Err(Long(&name).unexpected().into());
                }
            }
            Value(value) if arguments.value(&value)? => {}
            other => return Err(other.unexpected().into()),
        }
    }
    arguments.check()?;
    Ok(Some(arguments))
}

/// Describes an error without the values on the command line, because a value may be a secret that
/// is in the wrong place.
fn without_values(error: &(dyn Error + 'static)) -> String {
    match error.downcast_ref() {
        Some(lexopt::Error::UnexpectedArgument(_)) => "unexpected argument".to_owned(),
        Some(lexopt::Error::UnexpectedValue { option, .. }) => format!("{option} takes no value"),
        Some(lexopt::Error::ParsingFailed { .. }) => "an option needs a number".to_owned(),
        Some(lexopt::Error::NonUnicodeValue(_)) => "an argument is not UTF-8".to_owned(),
        _ => error.to_string(),
    }
}
