//! The access that each operation requires: Microsoft Learn, "Permissions for calling data
//! operations".

use super::{
    access::RequiredAccess,
    identity::CONTAINER,
    refusal::Refusal,
    request::{BlobRequest, Operation},
    state::State,
    user_delegation,
    values::ticks,
};
use crate::condition::{
    self,
    catalog::{BLOBS, CONTAINERS, DELEGATION_KEY},
};

/// Returns the access that an operation requires, with the attributes that conditions test.
pub(super) fn required_access<'a>(
    request: &BlobRequest<'_>,
    operation: Operation<'a>,
    state: &State,
) -> RequiredAccess<'a> {
    let read = || condition::Request::new(format!("{BLOBS}/read"));
    // The time is a text here, because conditions compare times as attributes.
    let data = |container, request| {
        let is_hierarchical = state.behavior().is_hierarchical();
        RequiredAccess::data(container, request, is_hierarchical, ticks(state.now()))
    };
    match operation {
        // Container operations are control-plane actions, which conditions for blobs do not limit.
        Operation::ListContainers => RequiredAccess::action(None, format!("{CONTAINERS}/read")),
        Operation::DelegationKey => RequiredAccess::action(None, DELEGATION_KEY),
        Operation::ContainerProperties(container) => {
            RequiredAccess::action(Some(container), format!("{CONTAINERS}/read"))
        }
        Operation::ContainerAcl(container) => {
            RequiredAccess::action(Some(container), format!("{CONTAINERS}/getAcl/action"))
        }
        Operation::ListBlobs(container) => {
            let mut list = read().suboperation("Blob.List");
            // An attribute is absent, not empty, if the request does not have the parameter.
            if let Some(prefix) = request.parameter("prefix") {
                list = list.request(&format!("{BLOBS}:prefix"), prefix);
            }
            if let Some(include) = request.parameter("include").filter(|text| !text.is_empty()) {
                let include: condition::Values = include.split(',').collect();
                list = list.request(&format!("{BLOBS}:include"), include);
            }
            data(container, list)
        }
        Operation::ReadBlob(container, blob) => {
            let old_version = request.old_version();
            let mut get = read()
                .resource(&format!("{BLOBS}:path"), blob)
                .resource(&format!("{BLOBS}:isCurrentVersion"), old_version.is_none());
            if let Some((attribute, value)) = old_version {
                get = get.request(&format!("{BLOBS}:{attribute}"), value);
            }
            data(container, get)
        }
    }
}

/// Checks that the cloud's own shared access signature allows a request.
///
/// The signature allows reading and listing the container `assets`, and nothing else.
///
/// # Errors
/// Fails with 403 as the real service does: with a signature that does not match for a different
/// container, and with a missing permission for a different operation.
pub(super) fn check_signature(
    request: &BlobRequest<'_>,
    required: &RequiredAccess<'_>,
) -> Result<(), Refusal> {
    match required.container() {
        Some(CONTAINER) if required.is_data() => Ok(()),
        // The service signs the resource of the request, so a signature for another one differs.
        Some(container) if container != CONTAINER => {
            Err(user_delegation::no_match(&user_delegation::service_signature(request)))
        }
        _ => Err(Refusal::new(403, "AuthorizationPermissionMismatch")),
    }
}
