//! Tokens that end before they said they would.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard},
};

use async_trait::async_trait;
use azure_core::{
    credentials::{AccessToken, TokenCredential, TokenRequestOptions},
    http::{
        Context, Request, StatusCode,
        policies::{Policy, PolicyResult},
    },
};

/// Makes a credential with an empty cache
pub(super) type Make = Box<dyn Fn() -> azure_core::Result<Arc<dyn TokenCredential>> + Send + Sync>;

/// A credential that can forget its tokens
///
/// The SDK's credentials keep a token until shortly before it ends, also one that storage has
/// refused: after a revocation or a key roll-over, or before it knew the principal. So they are
/// made anew.
pub(super) struct Renewable {
    make: Make,
    state: Mutex<State>,
}

struct State {
    credential: Arc<dyn TokenCredential>,
    /// Counts how often it was made
    generation: u64,
    /// Whether storage has taken a token of this generation
    accepted: bool,
    /// Whether it had taken one of the generation before
    was_accepted: bool,
}

impl Renewable {
    pub(super) fn new(make: Make) -> azure_core::Result<Self> {
        let state =
            State { credential: make()?, generation: 0, accepted: false, was_accepted: false };
        Ok(Self { make, state: Mutex::new(state) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Each critical section leaves a whole state, whatever panics in it.
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn generation(&self) -> u64 {
        self.state().generation
    }

    fn accepted(&self, generation: u64) {
        let mut state = self.state();
        state.accepted |= state.generation == generation;
    }

    /// Forgets the tokens of a generation that was refused, and whether to try a new one at once
    ///
    /// Not at once where no token of the generation was ever taken: a new one would hardly be. The
    /// next request gets one. Of requests that are refused together the first renews, for all.
    fn renew(&self, refused: u64) -> bool {
        let mut state = self.state();
        if state.generation != refused {
            return state.was_accepted;
        }
        let Ok(credential) = (self.make)() else { return false };
        let was_accepted = state.accepted;
        *state = State { credential, generation: refused + 1, accepted: false, was_accepted };
        was_accepted
    }
}

impl fmt::Debug for Renewable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Renewable").finish_non_exhaustive()
    }
}

#[async_trait]
impl TokenCredential for Renewable {
    async fn get_token(
        &self,
        scopes: &[&str],
        options: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        let credential = Arc::clone(&self.state().credential);
        credential.get_token(scopes, options).await
    }
}

/// Sends a request a second time where its token was taken before and is no longer
///
/// Stands before the policy that adds the token, which drops its own copy on a refusal.
#[derive(Debug)]
pub(super) struct Renew(pub(super) Arc<Renewable>);

#[async_trait]
impl Policy for Renew {
    async fn send(
        &self,
        context: &Context,
        request: &mut Request,
        next: &[Arc<dyn Policy>],
    ) -> PolicyResult {
        let Some((policy, rest)) = next.split_first() else {
            return Err(azure_core::Error::with_message(
                azure_core::error::ErrorKind::Other,
                "the pipeline has no transport",
            ));
        };
        let generation = self.0.generation();
        let response = policy.send(context, request, rest).await?;
        if response.status() != StatusCode::Unauthorized {
            self.0.accepted(generation);
            return Ok(response);
        }
        if !self.0.renew(generation) {
            return Ok(response);
        }
        request.body_mut().reset().await?;
        policy.send(context, request, rest).await
    }
}
