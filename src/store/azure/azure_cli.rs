//! Runs the Azure CLI for a token, with a time limit, an output limit, and one error per failure.
//!
//! The SDK builds the command line and parses the token. The output is never quoted in an error,
//! because it contains the token.

use std::{
    ffi::OsStr,
    fmt, io,
    process::{ExitStatus, Output, Stdio},
    time::Duration,
};

use async_trait::async_trait;
use azure_identity::Executor;
use serde::Deserialize;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    process::{Child, Command},
};

use crate::error::{Detail, Error, ErrorKind, sign_in_code};

/// The time limit for the CLI. It takes 1 to 2 s, and more with an update check or a slow disk.
const LIMIT: Duration = Duration::from_secs(25);

/// The limit for each output stream: 1 MiB. A token has a few KiB, and so have the warnings.
const MAX_OUTPUT_BYTES: u64 = 1 << 20;

/// Why the Azure CLI returned no token.
///
/// Each failure has its own advice, because "the CLI failed" helps nobody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum CliFailure {
    /// The program `az` was not found.
    NotInstalled,
    /// The CLI asks for `az login`.
    SignedOut,
    /// The authority refused the sign-in with this AADSTS code.
    Refused(String),
    /// The CLI exited with this status, or was ended by a signal.
    Failed(Option<i32>),
    /// The output is not a token in JSON.
    NoToken,
    /// The output has no expiry in UTC, as before version 2.54.
    Outdated,
    /// The CLI did not exit within this time and was stopped.
    TimedOut(Duration),
}

impl CliFailure {
    /// Returns the error that callers see.
    pub(super) fn to_error(&self) -> Error {
        // All failures have one kind, and the detail tells a diagnosis which cause it is.
        let error = |detail, what: &str| {
            Error::new(ErrorKind::CredentialUnavailable, format!("sign in: {what}"))
                .with_detail(detail)
                .in_sign_in()
        };
        match self {
            Self::NotInstalled => error(
                Detail::CliMissing,
                "the Azure CLI is not installed, or `az` is not in PATH; install it, or use another credential",
            ),
            Self::SignedOut => {
                error(Detail::CliSignedOut, "nobody is signed in to the Azure CLI; run `az login`")
            }
            // The CLI was refused by Entra itself: the same error as for any other credential.
            Self::Refused(code) => Error::from_sign_in(None, Some(code), None),
            Self::Failed(code) => {
                let status = code.map_or_else(
                    || "was ended by a signal".to_owned(),
                    |code| format!("exited with status {code}"),
                );
                error(
                    Detail::CliFailed,
                    &format!(
                        "the Azure CLI {status}; run `az account get-access-token` in a terminal to see why"
                    ),
                )
            }
            Self::NoToken => error(
                Detail::CliOutput,
                "the output of the Azure CLI is not a token in JSON; run `az account get-access-token -o json` in a terminal to compare, and look for a wrapper script named `az`",
            ),
            Self::Outdated => error(
                Detail::CliOutput,
                "the Azure CLI is older than version 2.54 and does not report in UTC when its tokens expire; run `az upgrade`",
            ),
            Self::TimedOut(limit) => error(
                Detail::CliHangs,
                &format!(
                    "the Azure CLI returned no token within {} and was stopped; run `az account get-access-token` in a terminal to see what it waits for",
                    humantime::format_duration(*limit)
                ),
            ),
        }
    }
}

impl fmt::Display for CliFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the Azure CLI returned no token")
    }
}

impl std::error::Error for CliFailure {}

/// The SDK's way to run a program, with the limits of this module.
#[derive(Debug)]
pub(super) struct AzureCli {
    limit: Duration,
}

impl AzureCli {
    /// Creates a runner with a limit of 25 s, or 80 % of the store's deadline if that is less.
    pub(super) fn within(deadline: Duration) -> Self {
        // Less than the deadline, so that the specific error comes before the general timeout.
        Self { limit: LIMIT.min(deadline.mul_f32(0.8)) }
    }
}

#[async_trait]
impl Executor for AzureCli {
    async fn run(&self, program: &OsStr, args: &[&OsStr]) -> io::Result<Output> {
        // A timeout drops the future, and with it the running program.
        let output = tokio::time::timeout(self.limit, output(program, args));
        let output = output.await.map_err(|_| {
            // In whole milliseconds, because the message shows the limit.
            let rounded =
                Duration::from_millis(self.limit.as_millis().try_into().unwrap_or(u64::MAX));
            io::Error::other(CliFailure::TimedOut(rounded))
        })??;
        match failure(&output) {
            // The reason travels inside the I/O error that this interface of the SDK allows.
            Some(failure) => Err(io::Error::other(failure)),
            None => Ok(output),
        }
    }
}

/// Runs a program to its end. Dropping the future stops the program.
async fn output(program: &OsStr, args: &[&OsStr]) -> io::Result<Output> {
    let mut command = Command::new(program);
    // No input: an interactive prompt would otherwise wait until the time limit.
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.kill_on_drop(true);
    // `az` is a script that starts Python: a process group, so that both can be stopped.
    #[cfg(unix)]
    command.process_group(0);
    let mut child = Running(command.spawn()?);
    let (stdout, stderr) = (child.0.stdout.take(), child.0.stderr.take());
    // All three at once: a full pipe that nobody reads would block the program.
    let (stdout, stderr, status) =
        tokio::join!(read_bounded(stdout), read_bounded(stderr), child.0.wait());
    Ok(Output { status: status?, stdout: stdout?, stderr: stderr? })
}

/// Returns the first bytes of a stream, and reads the rest so that the program does not block.
async fn read_bounded(stream: Option<impl AsyncRead + Unpin>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let Some(stream) = stream else { return Ok(bytes) };
    let mut stream = stream.take(MAX_OUTPUT_BYTES);
    stream.read_to_end(&mut bytes).await?;
    tokio::io::copy(&mut stream.into_inner(), &mut tokio::io::sink()).await?;
    Ok(bytes)
}

/// A running program, which is killed with all its children if it is dropped before its end.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // INVARIANT: `id` is `None` after `wait` has returned, so the ID is not that of a later process.
        #[cfg(unix)]
        if let Some(id) = self.0.id().and_then(|id| i32::try_from(id).ok())
            && let Some(id) = rustix::process::Pid::from_raw(id)
        {
            // An error only means that the group has already ended.
            let _ = rustix::process::kill_process_group(id, rustix::process::Signal::KILL);
        }
    }
}

/// Returns why an output contains no token, or `None` if it contains one.
fn failure(output: &Output) -> Option<CliFailure> {
    if output.status.success() {
        return token_problem(&output.stdout);
    }
    let text = String::from_utf8_lossy(&output.stderr);
    if is_missing(output.status, &text) {
        return Some(CliFailure::NotInstalled);
    }
    // Before `az login`, which the CLI also suggests for refusals that a new login does not fix.
    if let Some(code) = sign_in_code(&text) {
        return Some(CliFailure::Refused(code));
    }
    let is_signed_out = text.contains("az login");
    Some(if is_signed_out {
        CliFailure::SignedOut
    } else {
        CliFailure::Failed(output.status.code())
    })
}

/// Returns whether the shell found no program, by the exit status of Unix and the text of Windows.
fn is_missing(status: ExitStatus, text: &str) -> bool {
    // The SDK starts the CLI through a shell, so a missing program is an exit status and no error.
    status.code() == Some(127) || text.contains("is not recognized as an internal")
}

/// Returns why the printed JSON is not a usable token, or `None` if it is one.
fn token_problem(stdout: &[u8]) -> Option<CliFailure> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Token {
        access_token: String,
        #[serde(rename = "expires_on")]
        expires_on: Option<i64>,
    }
    match serde_json::from_slice::<Token>(stdout) {
        // The token becomes the value of a header.
        Ok(token)
            if token.access_token.is_empty()
                || !token.access_token.bytes().all(|b| b.is_ascii_graphic()) =>
        {
            Some(CliFailure::NoToken)
        }
        Ok(Token { expires_on: None, .. }) => Some(CliFailure::Outdated),
        Ok(_) => None,
        Err(_) => Some(CliFailure::NoToken),
    }
}
