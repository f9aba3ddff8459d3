//! The messages of the blob service for its error codes.
//!
//! Sources: Microsoft Learn, "Common REST API error codes" and "Blob Storage error codes". If a
//! public recording differs from the documentation, the text is that of the recording, spelling
//! mistakes included.

/// Codes and messages.
const MESSAGES: &[(&str, &str)] = &[
    ("AccountIsDisabled", "The specified account is disabled."),
    ("AccountRequiresHttps", "The account being accessed does not support http."),
    (
        "AuthenticationFailed",
        "Server failed to authenticate the request. Make sure the value of Authorization header is formed correctly including the signature.",
    ),
    ("AuthorizationFailure", "This request is not authorized to perform this operation."),
    (
        "AuthorizationPermissionMismatch",
        "This request is not authorized to perform this operation using this permission.",
    ),
    (
        "AuthorizationProtocolMismatch",
        "This request is not authorized to perform this operation using this protocol.",
    ),
    (
        "AuthorizationResourceTypeMismatch",
        "This request is not authorized to perform this operation using this resource type.",
    ),
    (
        "AuthorizationServiceMismatch",
        "This request is not authorized to perform this operation using this service.",
    ),
    (
        "AuthorizationSourceIPMismatch",
        "This request is not authorized to perform this operation using this source IP 203.0.113.7.",
    ),
    ("BlobArchived", "This operation is not permitted on an archived blob."),
    (
        "BlobBeingRehydrated",
        "This operation is not permitted because the blob is being rehydrated.",
    ),
    ("BlobNotFound", "The specified blob does not exist."),
    (
        "BlobUsesCustomerSpecifiedEncryption",
        "The blob is encrypted with customer specified encryption, but it was not provided in the request.",
    ),
    ("ConditionNotMet", "The condition specified using HTTP conditional header(s) is not met."),
    ("ContainerBeingDeleted", "The specified container is being deleted."),
    ("ContainerDisabled", "The specified container has been disabled by the administrator."),
    ("ContainerNotFound", "The specified container does not exist."),
    ("CorsPreflightFailure", "CORS not enabled or no matching rule found for this request."),
    (
        "FeatureVersionMismatch",
        "The operation for AppendBlob requires at least version 2015-02-21.",
    ),
    (
        "InsufficientAccountPermissions",
        "The account being accessed does not have sufficient permissions to execute this operation.",
    ),
    ("InternalError", "Server encountered an internal error. Please try again after some time."),
    (
        "FeatureNotYetSupportedForHierarchicalNamespaceAccounts",
        "Specified feature is not yet supported for hierarchical namespace accounts.",
    ),
    ("FilesystemNotFound", "The specified filesystem does not exist."),
    ("InvalidHeaderValue", "The value for one of the HTTP headers is not in the correct format."),
    ("InvalidInput", "One of the request inputs is not valid."),
    (
        "InvalidQueryParameterValue",
        "Value for one of the query parameters specified in the request URI is invalid.",
    ),
    ("InvalidRange", "The range specified is invalid for the current size of the resource."),
    ("InvalidResourceName", "The specifed resource name contains invalid characters."),
    ("InvalidUri", "The requested URI does not represent any resource on the server."),
    ("InvalidXmlDocument", "XML specified is not syntactically valid."),
    ("InvalidXmlNodeValue", "The value for one of the XML nodes is not in the correct format."),
    (
        "KeyBasedAuthenticationNotPermitted",
        "Key based authentication is not permitted on this storage account.",
    ),
    (
        "NoAuthenticationInformation",
        "Server failed to authenticate the request. Please refer to the information in the www-authenticate header.",
    ),
    ("OperationTimedOut", "Operation could not be completed within the specified time."),
    ("OutOfRangeInput", "One of the request inputs is out of range."),
    (
        "OutOfRangeQueryParameterValue",
        "One of the query parameters specified in the request URI is outside the permissible range.",
    ),
    ("PathNotFound", "The specified path does not exist."),
    ("PublicAccessNotPermitted", "Public access is not permitted on this storage account."),
    ("ResourceNotFound", "The specified resource does not exist."),
    ("ServerBusy", "The server is busy."),
    ("UnsupportedHttpVerb", "The resource doesn't support specified Http Verb."),
    (
        "UnsupportedQueryParameter",
        "One of the query parameters specified in the request URI is not supported.",
    ),
];

/// Returns the message for a code, or the code itself if the message is not known.
pub(super) fn message(status: u16, code: &str) -> &str {
    // This code has two messages: for a malformed header (400), and for an invalid token.
    match (status, code) {
        (400, "InvalidAuthenticationInfo") => {
            "Authentication information is not given in the correct format. Check the value of Authorization header."
        }
        (_, "InvalidAuthenticationInfo") => {
            "Server failed to authenticate the request. Please refer to the information in the www-authenticate header."
        }
        _ => MESSAGES
            .iter()
            .find_map(|(known, text)| (*known == code).then_some(*text))
            .unwrap_or(code),
    }
}
