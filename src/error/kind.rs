//! The kinds of errors: one word for each situation that a caller handles differently.

use crate::coded::coded_enum;

coded_enum! {
    /// The kind of an error, to match on.
    ///
    /// Each variant says when it happens, whether it is transient, and what to do. A transient error may
    /// disappear by itself, so the same request may succeed later; [`Error::is_transient`] returns this.
    /// A [scan](crate::Scan) retries transient errors itself. The exact cause is in
    /// [`Error::detail`], [`Error::code`] and the message.
    ///
    /// [`Error::is_transient`]: crate::Error::is_transient
    /// [`Error::detail`]: crate::Error::detail
    /// [`Error::code`]: crate::Error::code
    ///
    /// The code is stable, for logs and APIs:
    ///
    /// ```
    /// use azure_asset_sync::ErrorKind;
    ///
    /// assert_eq!(ErrorKind::PermissionDenied.as_str(), "permission_denied");
    /// assert_eq!("throttled".parse(), Ok(ErrorKind::Throttled));
    /// ```
    pub enum ErrorKind by as_str {
        /// The settings are incomplete, invalid or contradict each other.
        ///
        /// For example, a token for an endpoint without TLS. Not transient. Correct the setting that the
        /// message names; nothing was sent.
        Config = "config",
        /// The service's [`HostPolicy`](crate::HostPolicy) does not allow a host of the connection.
        ///
        /// The host is the endpoint, the authority, or an IP address that one of them resolves to. Not
        /// transient, and nothing was sent. If you operate the host, build the store with the line of code
        /// in the message; otherwise ask the customer for the account's own endpoint.
        HostRefused = "host_refused",
        /// The storage account belongs to another tenant than the customer on record.
        ///
        /// Not transient. Do not read the account for this customer, and ask which account they mean.
        TenantMismatch = "tenant_mismatch",
        /// The authority refused the credential.
        ///
        /// The secret is wrong or has expired, or the tenant does not know the application. Not transient.
        /// Correct or renew the credential; [`Error::code`](crate::Error::code) has the AADSTS number.
        CredentialRejected = "credential_rejected",
        /// The authority does not know the tenant.
        ///
        /// Not transient. Correct the tenant or the cloud of the connection.
        TenantNotFound = "tenant_not_found",
        /// No token could be obtained, for a reason on this machine.
        ///
        /// For example, the Azure CLI is not installed or there is no managed identity. Not transient. Set
        /// up the source that the message names.
        CredentialUnavailable = "credential_unavailable",
        /// The storage account did not accept the token or the shared access signature.
        ///
        /// The credential has expired, is for another account or cloud, or there is none and the container is not
        /// public. Not transient. Correct the credential, or the clock of this machine.
        Unauthenticated = "unauthenticated",
        /// The principal or signature is valid, but does not allow this operation.
        ///
        /// A role assignment is missing, has too narrow a scope or a condition, or has not propagated yet;
        /// or the account's network rules refuse this machine. Not transient, although a new role
        /// assignment can take minutes: [`Probe::wait`](crate::Probe::wait) waits for it. Assign the role,
        /// or change the network rules.
        PermissionDenied = "permission_denied",
        /// The storage account does not exist, or its host name has no IP address.
        ///
        /// Not transient. Correct the account name or the cloud of the connection.
        AccountNotFound = "account_not_found",
        /// The container does not exist in the account, or is being deleted.
        ///
        /// Not transient. Correct the container name of the connection.
        ContainerNotFound = "container_not_found",
        /// The blob or the requested version of it does not exist.
        ///
        /// Not transient. It was probably deleted after it was listed; list again.
        BlobNotFound = "blob_not_found",
        /// The blob was overwritten after it was listed, so its ETag does not match.
        ///
        /// Not transient. List the blob again and use its new ETag.
        BlobChanged = "blob_changed",
        /// The range is empty or starts after the end of the blob.
        ///
        /// Not transient. Request a range within the blob's length.
        RangeNotSatisfiable = "range_not_satisfiable",
        /// The service or this crate refused the request as malformed or unsupported.
        ///
        /// For example, a blob name that has no URL. Not transient. Correct the request as the message
        /// says.
        BadRequest = "bad_request",
        /// No connection could be made, or it broke: refused, reset, no route, no DNS answer.
        ///
        /// Transient, except if the host name does not exist. Check the endpoint and the network if it
        /// persists.
        Unreachable = "unreachable",
        /// The TLS certificate of the endpoint is not trusted, or no TLS version is shared.
        ///
        /// Not transient. Check for a proxy that inspects TLS, or add the certificate authority.
        Untrusted = "untrusted",
        /// The service asks for fewer requests.
        ///
        /// Transient. Wait for [`Error::retry_after`](crate::Error::retry_after), and send fewer requests
        /// at a time.
        Throttled = "throttled",
        /// The service failed with an error of its own.
        ///
        /// Transient. Try again later; give the request ID to Azure support if it persists.
        Unavailable = "unavailable",
        /// The complete answer did not arrive within a timeout or deadline.
        ///
        /// Transient. Check the network, request less, or set a longer deadline.
        Timeout = "timeout",
        /// The connection closed before the answer was complete.
        ///
        /// Transient. Try again; check for a proxy if it persists.
        Truncated = "truncated",
        /// The answer is complete, but does not come from Azure Blob Storage.
        ///
        /// For example, the login page of a proxy. Not transient. Check the endpoint and the proxy
        /// variables.
        UnexpectedAnswer = "unexpected_answer",
        /// The answer exceeds a limit of the store.
        ///
        /// Not transient. Request a smaller page or range.
        TooLarge = "too_large",
        /// The service returned the same continuation marker twice, so the listing would never end.
        ///
        /// Not transient. Report it to the operator of the endpoint; it is a fault of the service.
        RepeatedMarker = "repeated_marker",
        /// The service returned names out of order, so the listing may lack some.
        ///
        /// Not transient. Report it to the operator of the endpoint; it is a fault of the service.
        OutOfOrder = "out_of_order",
        /// The sink could not write a batch.
        ///
        /// Not transient. The cause says why, for example a full disk; fix it and run again.
        Sink = "sink",
        /// The state of a sync could not be read or written.
        ///
        /// For example, the disk is full or a permission is missing. Not transient. Fix it and run the job
        /// again; it resumes from the last checkpoint.
        State = "state",
        /// Another run holds the lock of the state, or has taken it over from this run.
        ///
        /// Not transient. Wait until the other run has ended.
        StateBusy = "state_busy",
        /// The state is damaged, has an unknown format, or belongs to another container.
        ///
        /// Not transient. Use another state folder, or restore the folder from a backup.
        StateInvalid = "state_invalid",
        /// A run was aborted or cancelled before it did anything, or not started because the service shuts
        /// down.
        ///
        /// Not transient. Start the run again; it resumes from the last checkpoint.
        Cancelled = "cancelled",
        /// A sink or a store of the caller has panicked.
        ///
        /// Not transient. Correct the panic that the message names and run again; the run resumes from the
        /// last checkpoint.
        Panicked = "panicked",
    }
}
