//! The checks of least privilege: requests that the service should refuse.
//!
//! They only read, and they reveal no data: the other container and the other prefix have random names
//! that do not exist. The service answers 403 to a principal that lacks access, and 404 to one that has
//! it.

use super::{
    super::{
        cause::Cause,
        check::{Check, Outcome},
        checked::Checked,
    },
    context::{Context, certain, is_denied, random_name, unsupported},
};
use crate::{error::ErrorKind, name::ContainerName, store::Question};

/// Checks that a request beyond the connection's needs is refused.
pub(super) async fn excess(context: &mut Context, check: Check) -> Checked {
    let Some((question, cause)) = question(context, check) else { return unsupported(check) };
    let (result, evidence) = context.ask(question).await;
    let allowed = match &result {
        Ok(answer) if !answer.known => return unsupported(check),
        Ok(_) => Some(true),
        Err(error) => match error.kind() {
            // Only a principal with access learns that the name does not exist.
            ErrorKind::ContainerNotFound | ErrorKind::BlobNotFound => Some(true),
            _ => is_denied(error).then_some(false),
        },
    };
    context.facts_mut().set_allowed(check, allowed);
    match allowed {
        Some(false) => Checked::new(check, Outcome::Passed, "refused").with(evidence),
        Some(true) => certain(check, Outcome::Warned, cause, evidence),
        None => {
            let note = "undetermined: the request failed for another reason than access";
            Checked::new(check, Outcome::Skipped, note).with(evidence)
        }
    }
}

/// Returns the request of a check, and the cause to report if the request is allowed.
///
/// Returns `None` if no container name can be made.
fn question(context: &Context, check: Check) -> Option<(Question, Cause)> {
    let connection = context.plan().connection();
    let other = || ContainerName::try_from(random_name()).ok();
    Some(match check {
        Check::OutsidePrefix => {
            let container = connection.container().clone();
            let prefix = format!("{}/", random_name());
            (Question::ListOther { container, prefix }, Cause::PrefixNotLimited)
        }
        Check::ListContainers => (Question::ListContainers, Cause::ContainersListable),
        Check::OtherList => {
            let prefix = connection.prefix().as_str().to_owned();
            (Question::ListOther { container: other()?, prefix }, Cause::BroadAccess)
        }
        _ => {
            // Both names are random, so a 404 means that the principal may read anywhere.
            let (container, blob) = (other()?, random_name());
            (Question::ReadOther { container, blob }, Cause::BroadAccess)
        }
    })
}
