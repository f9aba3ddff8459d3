//! Runs the Azure CLI for a token: with a time limit, a bound on what it prints, and an error for each
//! way in which it fails.
//!
//! The SDK makes the command and reads the token. What the CLI prints is never quoted, because its
//! output has the token.

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

/// The CLI takes a second or two; with an update check or a slow disk some more
const LIMIT: Duration = Duration::from_secs(25);

/// A token has some kilobytes, and warnings before it hardly more
const MAX_OUTPUT_BYTES: u64 = 1 << 20;

/// Why the Azure CLI gave no token
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum CliFailure {
    Missing,
    SignedOut,
    /// The authority's number in what it printed
    Refused(String),
    Failed(Option<i32>),
    NoToken,
    Old,
    Hangs(Duration),
}

impl CliFailure {
    pub(super) fn to_error(&self) -> Error {
        let error = |detail, what: &str| {
            Error::new(ErrorKind::CredentialUnavailable, format!("sign in: {what}"))
                .with_detail(detail)
                .in_sign_in()
        };
        match self {
            Self::Missing => error(
                Detail::CliMissing,
                "the Azure CLI is not installed, or `az` is not in PATH; install it, or give the store another credential",
            ),
            Self::SignedOut => {
                error(Detail::CliSignedOut, "nobody is signed in to the Azure CLI; run `az login`")
            }
            Self::Refused(code) => Error::from_sign_in(None, Some(code), None),
            Self::Failed(code) => {
                let code = code.map_or_else(|| "a signal".to_owned(), |code| code.to_string());
                error(
                    Detail::CliFailed,
                    &format!(
                        "the Azure CLI ended with {code}; run `az account get-access-token` in a terminal to see why"
                    ),
                )
            }
            Self::NoToken => error(
                Detail::CliOutput,
                "the Azure CLI printed something other than a token in JSON; compare `az account get-access-token -o json` in a terminal, and look for a wrapper script named `az`",
            ),
            Self::Old => error(
                Detail::CliOutput,
                "the Azure CLI is older than 2.54 and does not say when its tokens end; run `az upgrade`",
            ),
            Self::Hangs(limit) => error(
                Detail::CliHangs,
                &format!(
                    "the Azure CLI gave no token within {} and was stopped; run `az account get-access-token` in a terminal to see what it waits for",
                    humantime::format_duration(*limit)
                ),
            ),
        }
    }
}

impl fmt::Display for CliFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the Azure CLI gave no token")
    }
}

impl std::error::Error for CliFailure {}

/// Runs the CLI for the SDK
#[derive(Debug)]
pub(super) struct AzureCli {
    limit: Duration,
}

impl AzureCli {
    /// The CLI, which ends before a store's calls do
    pub(super) fn within(deadline: Duration) -> Self {
        Self { limit: LIMIT.min(deadline.mul_f32(0.8)) }
    }
}

#[async_trait]
impl Executor for AzureCli {
    async fn run(&self, program: &OsStr, args: &[&OsStr]) -> io::Result<Output> {
        let output = tokio::time::timeout(self.limit, output(program, args));
        let output = output.await.map_err(|_| {
            let whole =
                Duration::from_millis(self.limit.as_millis().try_into().unwrap_or(u64::MAX));
            io::Error::other(CliFailure::Hangs(whole))
        })??;
        match failure(&output) {
            Some(failure) => Err(io::Error::other(failure)),
            None => Ok(output),
        }
    }
}

/// Runs a program to its end; dropping the future stops it
async fn output(program: &OsStr, args: &[&OsStr]) -> io::Result<Output> {
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.kill_on_drop(true);
    // `az` is a script that starts Python: a group of their own, so that both can be stopped.
    #[cfg(unix)]
    command.process_group(0);
    let mut child = Running(command.spawn()?);
    let (stdout, stderr) = (child.0.stdout.take(), child.0.stderr.take());
    let (stdout, stderr, status) =
        tokio::join!(first_bytes(stdout), first_bytes(stderr), child.0.wait());
    Ok(Output { status: status?, stdout: stdout?, stderr: stderr? })
}

/// Reads a stream to its end and keeps its first bytes
async fn first_bytes(stream: Option<impl AsyncRead + Unpin>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let Some(stream) = stream else { return Ok(bytes) };
    let mut stream = stream.take(MAX_OUTPUT_BYTES);
    stream.read_to_end(&mut bytes).await?;
    tokio::io::copy(&mut stream.into_inner(), &mut tokio::io::sink()).await?;
    Ok(bytes)
}

/// A program that is stopped, with all that it has started, if it is dropped before its end
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // The child has not been waited for, so its number is still its own.
        #[cfg(unix)]
        if let Some(id) = self.0.id().and_then(|id| i32::try_from(id).ok())
            && let Some(id) = rustix::process::Pid::from_raw(id)
        {
            let _ = rustix::process::kill_process_group(id, rustix::process::Signal::KILL);
        }
    }
}

/// Why an output has no token, if so
fn failure(output: &Output) -> Option<CliFailure> {
    if output.status.success() {
        return no_token(&output.stdout);
    }
    let text = String::from_utf8_lossy(&output.stderr);
    if is_missing(output.status, &text) {
        return Some(CliFailure::Missing);
    }
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

/// Whether the shell found no program, in the words of the shells of Unix and of Windows
fn is_missing(status: ExitStatus, text: &str) -> bool {
    status.code() == Some(127) || text.contains("is not recognized as an internal")
}

fn no_token(stdout: &[u8]) -> Option<CliFailure> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Token {
        access_token: String,
        #[serde(rename = "expires_on")]
        expires_on: Option<i64>,
    }
    match serde_json::from_slice::<Token>(stdout) {
        // It becomes the value of a header.
        Ok(token)
            if token.access_token.is_empty()
                || !token.access_token.bytes().all(|b| b.is_ascii_graphic()) =>
        {
            Some(CliFailure::NoToken)
        }
        Ok(Token { expires_on: None, .. }) => Some(CliFailure::Old),
        Ok(_) => None,
        Err(_) => Some(CliFailure::NoToken),
    }
}
