//! Sends the requests of the kit, limits their number and size, and keeps the responses for the
//! recording.

use azure_asset_sync::{
    AzureStore, Connection, Error,
    store::{
        Page,
        azure::{RawAnswer, RawRequest},
    },
};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;

use super::lines::{Finding, not_seen};

/// The largest number of requests to the storage account, without sign-ins.
pub const MAX_REQUESTS: usize = 50;

/// The largest size of all responses together: 64 MiB.
pub const MAX_BYTES: usize = 64 << 20;

/// The largest size of a response that is not the first page: 1 MiB.
const MAX_BODY: usize = 1 << 20;

/// The kind of a request, which decides how its response is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestKind {
    /// A listing.
    List,
    /// A read of a blob.
    Read,
    /// Any other request; only its refusals are recorded.
    Other,
    /// A request without a token, or with an invalid one.
    Unauthenticated,
}

/// A request and its response.
pub struct Exchange {
    pub kind: RequestKind,
    pub method: &'static str,
    /// A description of the request without names.
    pub note: String,
    pub answer: RawAnswer,
}

/// Sends requests and keeps the responses.
pub struct Client<'a> {
    pub store: &'a AzureStore,
    pub connection: &'a Connection,
    pub exchanges: Vec<Exchange>,
    pub bytes: usize,
}

/// A page and its response.
pub struct Listed {
    pub page: Page,
    pub answer: RawAnswer,
}

impl Listed {
    /// Returns the names of the page, in the order of the service.
    pub fn names(&self) -> Vec<&str> {
        self.page.blobs.iter().map(|blob| blob.name.as_str()).collect()
    }

    /// Returns the body of the response as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.answer.body).into_owned()
    }
}

impl<'a> Client<'a> {
    /// Creates a client that has sent nothing.
    pub fn new(store: &'a AzureStore, connection: &'a Connection) -> Self {
        Self { store, connection, exchanges: Vec::new(), bytes: 0 }
    }

    /// Sends a request. If there is no response, the error is a finding "not seen".
    pub async fn send(
        &mut self,
        kind: RequestKind,
        method: &'static str,
        note: &str,
        request: RawRequest,
    ) -> Result<RawAnswer, Finding> {
        self.check_limits()?;
        let answer = self.store.exchange(request).await.map_err(|error| no_answer(&error))?;
        self.record(kind, method, note, &answer);
        Ok(answer)
    }

    /// Fails if a limit of the kit was reached.
    pub fn check_limits(&self) -> Result<(), Finding> {
        let is_over = self.exchanges.len() >= MAX_REQUESTS || self.bytes >= MAX_BYTES;
        if is_over { Err(not_seen("a limit of the kit was reached")) } else { Ok(()) }
    }

    /// Keeps a response for the recording.
    pub fn record(
        &mut self,
        kind: RequestKind,
        method: &'static str,
        note: &str,
        answer: &RawAnswer,
    ) {
        self.bytes += answer.body.len();
        let (note, answer) = (note.to_owned(), answer.clone());
        self.exchanges.push(Exchange { kind, method, note, answer });
    }

    /// Returns the URL of a listing with these parameters and the prefix.
    pub fn list_url(&self, parameters: &[(&str, &str)]) -> Url {
        let mut query = "restype=container&comp=list".to_owned();
        let prefix = self.connection.prefix().as_str();
        let prefix = Some(("prefix", prefix)).filter(|(_, prefix)| !prefix.is_empty());
        for (key, value) in parameters.iter().copied().chain(prefix) {
            let value = utf8_percent_encode(value, NON_ALPHANUMERIC);
            query += &format!("&{key}={value}");
        }
        let mut url = self.connection.container_url();
        url.set_query(Some(&query));
        url
    }

    /// Lists a page. Any other response is a finding.
    pub async fn list(&mut self, parameters: &[(&str, &str)]) -> Result<Listed, Finding> {
        let shown = |(key, value): &(&str, &str)| match *key {
            "maxresults" | "include" | "delimiter" => format!("{key}={value}"),
            key => key.to_owned(),
        };
        let keys: Vec<_> = parameters.iter().map(shown).collect();
        let note = format!("list with {}", keys.join(", "));
        let request =
            RawRequest::get(self.list_url(parameters)).header("accept", "application/xml");
        let most = if self.exchanges.is_empty() { MAX_BYTES } else { MAX_BODY };
        let answer = self.send(RequestKind::List, "GET", &note, request.at_most(most)).await?;
        listed(answer)
    }
}

/// Decodes the page of a response.
pub fn listed(answer: RawAnswer) -> Result<Listed, Finding> {
    if answer.status != 200 {
        return Err(not_seen(format!("the listing was refused: {}", status_line(&answer))));
    }
    if answer.is_cut {
        return Err(not_seen("the page is larger than the limit of the kit"));
    }
    match Page::from_xml(&answer.body) {
        Ok(page) => Ok(Listed { page, answer }),
        Err(error) => {
            Err(not_seen(format!("the response is not a page: {}", error.kind().as_str())))
        }
    }
}

/// Returns the finding for a request without a response.
fn no_answer(error: &Error) -> Finding {
    not_seen(format!("no response: {}", error.kind().as_str()))
}

/// Returns the status and the code of a response.
pub fn status_line(answer: &RawAnswer) -> String {
    let code = code(answer).unwrap_or_else(|| "without a code".to_owned());
    if answer.status < 300 {
        answer.status.to_string()
    } else {
        format!("{} {code}", answer.status)
    }
}

/// Returns the code of a refusal, from its header or its body, if it has the form of a code.
pub fn code(answer: &RawAnswer) -> Option<String> {
    let header = answer.header("x-ms-error-code").map(str::to_owned);
    let code = header.or_else(|| element(&answer.body, "Code"))?;
    let is_code = code.len() <= 64 && code.bytes().all(|b| b.is_ascii_alphanumeric());
    is_code.then_some(code)
}

/// Returns the text of the first element with this name.
pub fn element(body: &[u8], tag: &str) -> Option<String> {
    let text = String::from_utf8_lossy(body);
    let (_, rest) = text.split_once(&format!("<{tag}>"))?;
    rest.split_once('<').map(|(text, _)| text.to_owned())
}
