//! A fake of the parts of Azure to which a grant is applied: Entra, Resource Manager and Microsoft
//! Graph.
//!
//! The fake is an HTTP proxy on a loopback port. A tool that is configured with the proxy and the
//! certificate authority uses the real host names, whose tunnels end here. A request for any other host
//! is refused and recorded as a stray. Therefore no endpoint has to be reconfigured, and a test sees
//! everything that a tool tries to reach.

mod assignments;
mod deployments;
mod directory;
mod graph;
mod resource_manager;
mod roles;
mod server;
mod sign_in;
mod storage;

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
};

use serde_json::{Value, json};
use tokio::sync::oneshot;

pub use self::{
    assignments::Assignment,
    directory::{
        ACCOUNT, ADMINISTRATOR, ADMINISTRATOR_SECRET, APPLICATION, Directory, GROUP, NAMESAKE,
        OTHER_PRINCIPAL, PRINCIPAL, SUBSCRIPTION, TENANT,
    },
    roles::Role,
    server::Host,
};

/// A parsed request.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    pub host: Host,
    /// The decoded path, with one slash at the start.
    pub path: String,
    /// The decoded query.
    pub query: BTreeMap<String, String>,
    /// The body, or `Null` without one.
    pub body: Value,
    pub authorization: String,
}

/// A request and its result.
#[derive(Clone, Debug)]
pub struct Recorded {
    pub request: Request,
    pub status: u16,
    /// Whether the request has changed the directory.
    pub changed: bool,
}

impl Recorded {
    /// Returns whether the request asks for a change: it is neither a read, a sign-in nor a lookup by ID.
    pub fn is_write(&self) -> bool {
        let lookup = self.request.path.ends_with("/getByIds");
        self.request.host != Host::SignIn && self.request.method != "GET" && !lookup
    }

    /// Returns method, path and status, for messages.
    pub fn line(&self) -> String {
        format!("{} {} -> {}", self.request.method, self.request.path, self.status)
    }
}

/// A response. The body is empty if it is `Null`.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub body: Value,
}

impl Reply {
    fn ok(body: Value) -> Self {
        Self { status: 200, body }
    }

    /// Returns an error of Resource Manager.
    fn error(status: u16, code: &str, message: &str) -> Self {
        Self { status, body: json!({ "error": { "code": code, "message": message } }) }
    }
}

/// The state of the fake.
#[derive(Debug)]
pub struct State {
    pub directory: Directory,
    pub requests: Vec<Recorded>,
    /// Requests for unknown hosts or paths.
    pub strays: Vec<String>,
    /// Methods and parts of paths that are refused with 403.
    pub refused: Vec<(&'static str, &'static str)>,
}

/// A running fake. Stops when dropped.
#[derive(Debug)]
pub struct Fake {
    state: Arc<Mutex<State>>,
    port: u16,
    authority: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Fake {
    pub fn start() -> Self {
        let state = State {
            directory: Directory::new(),
            requests: Vec::new(),
            strays: Vec::new(),
            refused: Vec::new(),
        };
        let state = Arc::new(Mutex::new(state));
        let (stop, stopped) = oneshot::channel();
        let (port, authority, thread) = server::start(Arc::clone(&state), stopped);
        Self { state, port, authority, stop: Some(stop), thread: Some(thread) }
    }

    /// Returns the address of the proxy.
    pub fn proxy(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Writes the certificate authority to a file.
    pub fn write_authority(&self, path: &Path) {
        std::fs::write(path, &self.authority).unwrap();
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the current directory.
    pub fn directory(&self) -> Directory {
        self.state().directory.clone()
    }

    /// Restores the initial state, and clears the recorded requests.
    pub fn reset(&self) {
        let mut state = self.state();
        state.directory = Directory::new();
        state.requests.clear();
        state.refused.clear();
    }

    /// Returns the requests since the last call.
    pub fn take_requests(&self) -> Vec<Recorded> {
        std::mem::take(&mut self.state().requests)
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        // The send fails only if the server has ended.
        let _ = self.stop.take().map(|stop| stop.send(()));
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn answer(state: &mut State, request: Request) -> Reply {
    let before = state.directory.clone();
    let refused = state
        .refused
        .iter()
        .any(|(method, part)| request.method == *method && request.path.contains(part));
    let reply = match request.host {
        Host::SignIn => sign_in::answer(&request),
        Host::ResourceManager | Host::Graph if !sign_in::is_signed_in(&request) => {
            Reply::error(401, "InvalidAuthenticationToken", "The access token is invalid.")
        }
        Host::ResourceManager | Host::Graph if refused => refusal(&request),
        Host::ResourceManager => resource_manager::answer(&mut state.directory, &request)
            .unwrap_or_else(|| {
                state.strays.push(format!("{} {}", request.method, request.path));
                Reply::error(404, "NotFound", "the fake does not know this path")
            }),
        Host::Graph => graph::answer(&mut state.directory, &request).unwrap_or_else(|| {
            state.strays.push(format!("{} {}", request.method, request.path));
            Reply::error(404, "NotFound", "the fake does not know this path")
        }),
    };
    let changed = state.directory != before;
    state.requests.push(Recorded { request, status: reply.status, changed });
    reply
}

fn refusal(request: &Request) -> Reply {
    if request.host == Host::Graph {
        let message = "Insufficient privileges to complete the operation.";
        return Reply::error(403, "Authorization_RequestDenied", message);
    }
    let verb = match request.method.as_str() {
        "GET" => "read",
        "DELETE" => "delete",
        "POST" => "action",
        _ => "write",
    };
    let message = format!(
        "The client '{ADMINISTRATOR}' with object id '{ADMINISTRATOR}' does not have authorization to perform action '{verb}' over scope '{}' or the scope is invalid. If access was recently granted, please refresh your credentials.",
        request.path
    );
    Reply::error(403, "AuthorizationFailed", &message)
}
