//! The checks: each sends its request, returns a result and records facts.
//!
//! [`Checks`] makes one check at a time. It knows which checks an earlier failure makes pointless, but
//! not in which order they run (`pass`) or what the facts together mean (`infer`).

mod access;
mod browser;
mod context;
mod excess;
mod network;

use std::sync::Arc;

use self::context::{Block, Context, unsupported};
use super::{
    check::{Check, Outcome},
    checked::Checked,
    facts::Facts,
    plan::Plan,
};

/// Makes checks and collects their facts.
pub(super) struct Checks {
    context: Context,
    /// The result of the list that the next list confirms.
    confirms: Option<Checked>,
}

impl Checks {
    /// Starts with the facts of earlier passes.
    pub(super) fn new(plan: Arc<Plan>, facts: Facts) -> Self {
        Self { context: Context::new(plan, facts), confirms: None }
    }

    /// Starts with a list that succeeded, which the next list confirms.
    pub(super) fn confirming(plan: Arc<Plan>, facts: Facts, list: Option<Checked>) -> Self {
        Self { context: Context::new(plan, facts), confirms: list }
    }

    /// Returns the facts so far.
    pub(super) fn facts(&self) -> &Facts {
        self.context.facts()
    }

    /// Ends the checks and returns their facts.
    pub(super) fn into_facts(self) -> Facts {
        self.context.into_facts()
    }

    /// Returns whether the container could be listed in this pass.
    pub(super) fn can_list(&self) -> bool {
        self.facts().allowed(Check::List) == Some(true)
    }

    /// Returns a skipped result if an earlier failure makes the check pointless.
    pub(super) fn blocked(&self, check: Check) -> Option<Checked> {
        match self.context.block() {
            Block::Everything(why) => Some(Checked::new(check, Outcome::Skipped, why)),
            Block::Credential(why) if needs_credential(check) => {
                Some(Checked::new(check, Outcome::Skipped, why))
            }
            Block::Credential(_) | Block::Nothing => None,
        }
    }

    /// Makes a check.
    pub(super) async fn make(&mut self, check: Check) -> Checked {
        let context = &mut self.context;
        match check {
            Check::Names => network::names(context),
            Check::Dns => network::dns(context).await,
            Check::Challenge => network::challenge(context).await,
            Check::Token => network::token(context).await,
            Check::List => {
                // A store that cannot list over a connection of its own lists again in the usual
                // way.
                if let Some(seen) = self.confirms.take()
                    && let Some(checked) = access::confirm_list(context, seen).await
                {
                    return checked;
                }
                access::list(context).await
            }
            Check::Read => access::read(context).await,
            Check::DelegationKey => access::delegation_key(context).await,
            Check::Preflight => browser::preflight(context).await,
            Check::BrowserRead => browser::browser_read(context),
            Check::OtherList | Check::OtherRead | Check::OutsidePrefix | Check::ListContainers => {
                excess::excess(context, check).await
            }
            Check::Other => unsupported(check),
        }
    }
}

/// Returns whether a check sends a request with the credential.
fn needs_credential(check: Check) -> bool {
    !matches!(check, Check::Preflight | Check::Names | Check::Dns | Check::Challenge)
}
