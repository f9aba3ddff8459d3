//! Requests of the kit: bounded in number and bytes, and kept for the recording.

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

/// The most requests to the storage account, those for a key and for signing in apart
pub const MAX_REQUESTS: usize = 50;

/// The most bytes that are read of all answers together
pub const MAX_BYTES: usize = 64 << 20;

/// The longest body of an answer that is not the first page
const MAX_BODY: usize = 1 << 20;

/// What kind of request it was
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestKind {
    List,
    Read,
    /// For a recording it is worth nothing unless it was refused
    Other,
    /// Without a token, or with a text that is none
    Unauthenticated,
}

/// A request and its answer
pub struct Exchange {
    pub kind: RequestKind,
    pub method: &'static str,
    /// What the request was, without any name
    pub note: String,
    pub answer: RawAnswer,
}

pub struct Client<'a> {
    pub store: &'a AzureStore,
    pub connection: &'a Connection,
    pub exchanges: Vec<Exchange>,
    pub bytes: usize,
}

/// A page and the answer that it came in
pub struct Listed {
    pub page: Page,
    pub answer: RawAnswer,
}

impl Listed {
    pub fn names(&self) -> Vec<&str> {
        self.page.blobs.iter().map(|blob| blob.name.as_str()).collect()
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.answer.body).into_owned()
    }
}

impl<'a> Client<'a> {
    pub fn new(store: &'a AzureStore, connection: &'a Connection) -> Self {
        Self { store, connection, exchanges: Vec::new(), bytes: 0 }
    }

    /// Sends a request; what it cannot be answered with is evidence of a line that is not seen
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

    pub fn check_limits(&self) -> Result<(), Finding> {
        let is_over = self.exchanges.len() >= MAX_REQUESTS || self.bytes >= MAX_BYTES;
        if is_over { Err(not_seen("the kit's own limit was reached")) } else { Ok(()) }
    }

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

    /// The URL of a listing with these parameters beside the prefix
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

    /// A listing; anything but a page is evidence
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

/// The page of an answer
pub fn listed(answer: RawAnswer) -> Result<Listed, Finding> {
    if answer.status != 200 {
        return Err(not_seen(format!("the listing was refused: {}", status_line(&answer))));
    }
    if answer.is_cut {
        return Err(not_seen("the page is larger than the kit reads"));
    }
    match Page::from_xml(&answer.body) {
        Ok(page) => Ok(Listed { page, answer }),
        Err(error) => Err(not_seen(format!("the answer is no page: {}", error.kind().as_str()))),
    }
}

fn no_answer(error: &Error) -> Finding {
    not_seen(format!("no answer: {}", error.kind().as_str()))
}

/// Status and code of an answer
pub fn status_line(answer: &RawAnswer) -> String {
    let code = code(answer).unwrap_or_else(|| "without a code".to_owned());
    if answer.status < 300 {
        answer.status.to_string()
    } else {
        format!("{} {code}", answer.status)
    }
}

/// The code of a refusal, from its header or its body, if it has the shape of one
pub fn code(answer: &RawAnswer) -> Option<String> {
    let header = answer.header("x-ms-error-code").map(str::to_owned);
    let code = header.or_else(|| element(&answer.body, "Code"))?;
    let is_code = code.len() <= 64 && code.bytes().all(|b| b.is_ascii_alphanumeric());
    is_code.then_some(code)
}

/// The text of the first element of this name
pub fn element(body: &[u8], tag: &str) -> Option<String> {
    let text = String::from_utf8_lossy(body);
    let (_, rest) = text.split_once(&format!("<{tag}>"))?;
    rest.split_once('<').map(|(text, _)| text.to_owned())
}
