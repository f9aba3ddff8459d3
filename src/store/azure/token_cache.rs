//! The token of a store: cached until shortly before it expires, and renewed if storage refuses it.
//!
//! One request for a token serves all calls that wait for it. Assumes nothing of the credential: one
//! that panics counts as one that returns no token.

use std::{
    fmt,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard},
};

use async_trait::async_trait;
use azure_core::{
    credentials::{AccessToken, TokenCredential, TokenRequestOptions},
    error::ErrorKind,
    http::{
        Context, Request, StatusCode,
        headers::AUTHORIZATION,
        policies::{Policy, PolicyResult},
    },
    time::{Duration, OffsetDateTime},
};
use futures::FutureExt as _;

use super::no_token::NoToken;
use crate::observe;

/// The scope of tokens for any storage account of any cloud.
pub(super) const SCOPE: &str = "https://storage.azure.com/.default";

/// How long before its expiry a token is replaced: 5 min, as in the SDK's own cache.
const REFRESH_MARGIN: Duration = Duration::minutes(5);

/// Creates a credential with an empty cache.
pub(super) type MakeCredential =
    Box<dyn Fn() -> azure_core::Result<Arc<dyn TokenCredential>> + Send + Sync>;

/// A credential that can forget its tokens.
///
/// The SDK's credentials cache a token until shortly before it expires, even if storage refuses it:
/// after a revocation or a key rollover, or because storage did not know the principal yet. They
/// have no method that clears the cache, so a new credential replaces the old one.
pub(super) struct RenewableCredential {
    make: MakeCredential,
    state: Mutex<State>,
}

/// The current source of tokens, and what storage has said about it and its predecessor.
struct State {
    source: Arc<TokenSource>,
    /// Whether storage has accepted a token of this source.
    accepted: bool,
    /// Whether storage had accepted a token of the source before this one.
    predecessor_accepted: bool,
}

/// A credential with its token. A refusal of one source's token says nothing about the next source.
struct TokenSource {
    credential: Arc<dyn TokenCredential>,
    /// Locked during a request for a token, so that one request serves all waiting calls.
    token: tokio::sync::Mutex<Option<AccessToken>>,
}

impl TokenSource {
    /// Creates a source without a token.
    fn new(credential: Arc<dyn TokenCredential>) -> Arc<Self> {
        Arc::new(Self { credential, token: tokio::sync::Mutex::new(None) })
    }

    /// Returns the cached token, or requests a new one if the cached one is about to expire.
    ///
    /// If the request fails, a cached token that is still valid is returned.
    async fn token(
        &self,
        scopes: &[&str],
        options: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        let mut cached = self.token.lock().await;
        let now = OffsetDateTime::now_utc();
        if let Some(token) = cached.as_ref().filter(|token| token.expires_on > now + REFRESH_MARGIN)
        {
            return Ok(token.clone());
        }
        // A panic comes from reading the answer, so it is reported as an unusable answer.
        let answer = AssertUnwindSafe(self.credential.get_token(scopes, options)).catch_unwind();
        let answer = answer.await.unwrap_or_else(|_| Err(NoToken::UnusableAnswer.into_error()));
        match &answer {
            Ok(token) => {
                observe::token_fetched((token.expires_on - now).try_into().unwrap_or_default());
            }
            Err(_) => {
                observe::token_failed(cached.as_ref().is_some_and(|old| old.expires_on > now));
            }
        }
        match (answer, cached.as_ref()) {
            (Ok(token), _) => Ok(cached.insert(token).clone()),
            (Err(_), Some(token)) if token.expires_on > now => Ok(token.clone()),
            (Err(error), _) => Err(error),
        }
    }
}

impl RenewableCredential {
    /// Creates the first source; it requests no token yet.
    ///
    /// # Errors
    /// Those of `make`, for example an identity endpoint that the SDK does not support.
    pub(super) fn new(make: MakeCredential) -> azure_core::Result<Self> {
        let source = TokenSource::new(make()?);
        let state = State { source, accepted: false, predecessor_accepted: false };
        Ok(Self { make, state: Mutex::new(state) })
    }

    /// Locks the state, for a moment and never across an await.
    fn state(&self) -> MutexGuard<'_, State> {
        // INVARIANT: each critical section replaces whole values, so a poisoned state is consistent.
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Returns the current source; a renewal replaces it for later requests only.
    fn source(&self) -> Arc<TokenSource> {
        Arc::clone(&self.state().source)
    }

    /// Records that storage has accepted a token of `source`, unless the source was replaced.
    fn accepted(&self, source: &Arc<TokenSource>) {
        let mut state = self.state();
        state.accepted |= Arc::ptr_eq(&state.source, source);
    }

    /// Replaces a source whose token was refused, and returns whether to retry at once.
    ///
    /// A retry makes sense only if storage accepted an earlier token: otherwise the new token would
    /// be refused too, and only the next request uses it. If several requests are refused together,
    /// the first one replaces the source for all of them.
    fn renew(&self, refused: &Arc<TokenSource>) -> bool {
        let mut state = self.state();
        if !Arc::ptr_eq(&state.source, refused) {
            return state.predecessor_accepted;
        }
        // Without a new credential the old one stays, and the refusal is the answer.
        let Ok(credential) = (self.make)() else { return false };
        let predecessor_accepted = state.accepted;
        observe::token_renewed(predecessor_accepted);
        *state =
            State { source: TokenSource::new(credential), accepted: false, predecessor_accepted };
        predecessor_accepted
    }
}

impl fmt::Debug for RenewableCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RenewableCredential").finish_non_exhaustive()
    }
}

#[async_trait]
impl TokenCredential for RenewableCredential {
    async fn get_token(
        &self,
        scopes: &[&str],
        options: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        self.source().token(scopes, options).await
    }
}

/// The pipeline policy that adds the token to each request.
///
/// Any answer except 401 counts as an accepted token: a 403 means that storage knows the principal.
///
/// It sends a request a second time if storage refuses a token that it accepted before. The SDK's own
/// policy keeps one token for all requests and drops it on each refusal: if many requests are refused
/// together, some of them drop the new token, or get the old one again.
#[derive(Debug)]
pub(super) struct Bearer {
    credential: Arc<RenewableCredential>,
    scope: &'static str,
}

impl Bearer {
    /// Creates a policy that requests tokens with this scope.
    pub(super) fn new(credential: Arc<RenewableCredential>, scope: &'static str) -> Self {
        Self { credential, scope }
    }

    /// Sends the request with a token, and returns the answer with the source of the token.
    async fn send_once(
        &self,
        context: &Context<'_>,
        request: &mut Request,
        next: &[Arc<dyn Policy>],
    ) -> azure_core::Result<(Arc<TokenSource>, azure_core::http::AsyncRawResponse)> {
        let other = |what| azure_core::Error::with_message(ErrorKind::Other, what);
        if request.url().scheme() != "https" {
            return Err(other("a token is never sent without TLS"));
        }
        let (policy, rest) =
            next.split_first().ok_or_else(|| other("the pipeline has no transport"))?;
        let source = self.credential.source();
        let token = source.token(&[self.scope], None).await?;
        request.insert_header(AUTHORIZATION, format!("Bearer {}", token.token.secret()));
        let response = policy.send(context, request, rest).await?;
        if response.status() != StatusCode::Unauthorized {
            self.credential.accepted(&source);
        }
        Ok((source, response))
    }
}

#[async_trait]
impl Policy for Bearer {
    async fn send(
        &self,
        context: &Context,
        request: &mut Request,
        next: &[Arc<dyn Policy>],
    ) -> PolicyResult {
        let (source, response) = self.send_once(context, request, next).await?;
        if response.status() != StatusCode::Unauthorized || !self.credential.renew(&source) {
            return Ok(response);
        }
        request.body_mut().reset().await?;
        Ok(self.send_once(context, request, next).await?.1)
    }
}
