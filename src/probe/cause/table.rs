//! The causes of failure, one row each.
//!
//! A row is: variant, stable code, layer, wizard step, whether waiting helps, problem, remedy.
//! The texts are clauses without a capital and without a period, so that a line can join them. They name
//! things as the Azure portal does, and say whose turn it is: the customer, or the service that
//! connects. To add a cause, add a row here and its codes in `code/table.rs`.

use super::super::class::{Layer, Retry, WizardStep};

causes! {
    // Values that the user entered. Source: Microsoft Learn, "Naming rules and restrictions for Azure
    // resources" and "Naming and referencing containers, blobs, and metadata".
    InvalidAccountName "invalid_account_name" Input BlobDetails Never,
        "the storage account name is not valid",
        "correct the storage account name: 3 to 24 lowercase letters and digits";
    InvalidContainerName "invalid_container_name" Input BlobDetails Never,
        "the container name is not valid",
        "correct the container name: 3 to 63 lowercase letters, digits and single hyphens";
    InvalidTenant "invalid_tenant" Input BlobDetails Never,
        "the tenant is neither a GUID nor a domain name",
        "enter the customer's Directory (tenant) ID";
    // The most frequent mistake in scripts: the portal shows both IDs under app registrations.
    ApplicationIdAsObjectId "application_id_as_object_id" Input AssignRole Never,
        "the role is assigned to the application (client) ID instead of the service principal's object ID",
        "assign the role to the object ID of the service principal (Enterprise applications), not to the application (client) ID";
    // Found by comparing the grant with the token; Azure itself only denies access.
    WrongPrincipal "wrong_principal" Input AssignRole Never,
        "the role is assigned to another principal than the one that signs in",
        "assign the role to the object ID of the principal that signs in";
    Misconfigured "misconfigured" Input BlobDetails Never,
        "the configuration contradicts itself",
        "read the message: connection, credential and endpoint must belong together";
    HostRefused "host_refused" Input BlobDetails Never,
        "the host policy of the service forbids the endpoint, the authority, or the address that it resolves to",
        "use the storage account's own blob endpoint; for an emulator or a private endpoint, the operator of the service must allow the host";

    // DNS, TCP and TLS. Source: measured, see the test `probe_hosts`.
    // Never: a host name that does not exist is a wrong name, not a change that propagates.
    AccountNotFound "account_not_found" Dns BlobDetails Never,
        "the storage account's host name does not exist: the account name is misspelled, the account was deleted or is in another cloud, or it has a DNS zone endpoint",
        "check the storage account name, and copy its blob endpoint from `az storage account show`";
    PrivateEndpoint "private_endpoint" Dns Confirm Never,
        "the storage account resolves to a private address that cannot be reached from here",
        "connect the service to the private network and allow the address in its host policy, or enable public network access for the service's addresses";
    // Transient, unlike an account that does not exist: the answer was no answer.
    NameServiceFailed "name_service_failed" Dns Confirm Transient,
        "the DNS server does not answer",
        "try again; check the DNS settings of the machine that this runs on";
    Unreachable "unreachable" Tcp Confirm Transient,
        "the endpoint does not accept connections",
        "check the outbound firewall and the proxy of the machine that this runs on, and the port of a custom endpoint";
    UntrustedCertificate "untrusted_certificate" Tls Confirm Never,
        "the endpoint's TLS certificate is not trusted: a proxy inspects the traffic, or a custom domain has no certificate of its own",
        "use the storage account's own endpoint, or trust the certificate authority of the proxy";
    TlsVersion "tls_version" Tls Confirm Never,
        "the endpoint and this machine support no common TLS version",
        "enable TLS 1.2 or 1.3 on the storage account or the proxy";
    HttpsRequired "https_required" Storage Confirm Never,
        "the storage account requires secure transfer (HTTPS)",
        "use an https endpoint";

    // Sign-in. Source: Microsoft Learn, "Microsoft Entra authentication and authorization error codes";
    // the Azure CLI and managed identities: measured, see the test
    // `credentials_here`.
    TenantNotFound "tenant_not_found" Entra ServicePrincipal Never,
        "Microsoft Entra ID does not know the tenant: the tenant or the cloud is wrong",
        "correct the Directory (tenant) ID, or choose the cloud of the tenant";
    TenantMalformed "tenant_malformed" Entra ServicePrincipal Never,
        "the tenant is neither a GUID nor a domain name",
        "enter the customer's Directory (tenant) ID";
    RequestMalformed "request_malformed" Entra ServicePrincipal Never,
        "Microsoft Entra ID rejects the tenant, the application or the request as malformed",
        "enter the tenant ID and the application (client) ID again";
    WrongCloud "wrong_cloud" Entra ServicePrincipal Never,
        "the tenant is in another national cloud",
        "choose the cloud of the customer's subscription";
    CrossCloud "cross_cloud" Entra ServicePrincipal Never,
        "the application is registered in another national cloud than the tenant",
        "register the application in the customer's cloud";
    // Propagating: a new service principal is not known everywhere at once.
    ServicePrincipalMissing "service_principal_missing" Entra ServicePrincipal Propagating,
        "the customer's tenant has no service principal for this application, or it has not propagated yet",
        "create the service principal in the customer's tenant, or wait if it was just created";
    // "Secret ID" and "Value" are columns of the same table in the portal.
    SecretWrong "secret_wrong" Entra ServicePrincipal Never,
        "the client secret is wrong; often the secret ID was copied instead of the value",
        "the service, not the customer, must correct the client secret";
    SecretExpired "secret_expired" Entra ServicePrincipal Never,
        "the client secret has expired",
        "the service, not the customer, must create a new client secret or use a certificate";
    SecretMissing "secret_missing" Entra ServicePrincipal Never,
        "the sign-in request has neither a client secret nor an assertion",
        "the service, not the customer, must configure its credential: AZURE_CLIENT_SECRET, AZURE_CLIENT_CERTIFICATE_PATH or AZURE_FEDERATED_TOKEN_FILE in the examples";
    PublicClient "public_client" Entra ServicePrincipal Never,
        "the application is registered as a public client, which has no client secret",
        "the service must register the application as a confidential client";
    CertificateRejected "certificate_rejected" Entra ServicePrincipal Never,
        "Microsoft Entra ID rejects the client certificate or its signature: the certificate is not registered, expired or revoked, or has another key",
        "the service must upload the certificate that it signs with to the app registration";
    AssertionMalformed "assertion_malformed" Entra ServicePrincipal Never,
        "the client assertion is malformed, or was made for another application or authority",
        "the service must correct how it creates the client assertion";
    AssertionTime "assertion_time" Entra ServicePrincipal Transient,
        "the client assertion is not valid at this time: a clock is wrong, or the assertion was used too late",
        "synchronize the clock of the machine that this runs on, and create a new assertion";
    ApplicationDisabled "application_disabled" Entra ServicePrincipal Never,
        "the application is disabled in the customer's tenant",
        "the customer's administrator must enable the enterprise application";
    ResourceUnknown "resource_unknown" Entra ServicePrincipal Never,
        "the tenant does not know the resource that the token is for",
        "request the scope https://storage.azure.com/.default in the customer's tenant";
    ResourceDisabled "resource_disabled" Entra ServicePrincipal Never,
        "Azure Storage is disabled in the customer's tenant, or the tenant's subscription has lapsed",
        "the customer's administrator must enable the enterprise application Azure Storage, or renew the subscription";
    ScopeInvalid "scope_invalid" Entra ServicePrincipal Never,
        "the scope of the token request is not valid",
        "request the scope https://storage.azure.com/.default";
    ConditionalAccess "conditional_access" Entra ServicePrincipal Never,
        "a Conditional Access policy of the customer's tenant blocks the sign-in, for example by location",
        "the customer's administrator must exclude the service principal from the policy, or allow the service's addresses";
    InteractionRequired "interaction_required" Entra ServicePrincipal Never,
        "a user signs in, and a policy requires multifactor authentication or a managed device",
        "sign in as a service principal, or sign in again with `az login`";
    TenantRestricted "tenant_restricted" Entra ServicePrincipal Never,
        "a proxy of the service restricts the tenants that may be signed in to",
        "the proxy must not add Restrict-Access-To-Tenants for this tenant";
    TenantBlocked "tenant_blocked" Entra ServicePrincipal Never,
        "Microsoft has blocked the customer's tenant, for example after long inactivity",
        "the customer's administrator must have the tenant enabled again";
    NotAServicePrincipal "not_a_service_principal" Entra ServicePrincipal Never,
        "the sign-in names a user who does not exist in the tenant",
        "sign in as a service principal, with the client credentials flow";
    SignInExpired "sign_in_expired" Entra ServicePrincipal Never,
        "the sign-in of a user has expired",
        "sign in again with `az login`";
    ConsentMissing "consent_missing" Entra ServicePrincipal Never,
        "the tenant has not consented to the application",
        "the customer's administrator must grant admin consent to the application";
    // AADSTS50194 and AADSTS9001023.
    AuthorityInvalid "authority_invalid" Entra ServicePrincipal Never,
        "a service principal cannot sign in at /common or /consumers",
        "sign in to the customer's own tenant";
    // AADSTS50196.
    SignInLoop "sign_in_loop" Entra ServicePrincipal Transient,
        "Microsoft Entra ID sees the same sign-in repeated too often",
        "reuse tokens until they expire, and wait at least 5 min";
    SignInUnavailable "sign_in_unavailable" Entra ServicePrincipal Transient,
        "Microsoft Entra ID is temporarily unavailable",
        "try again later";
    SignInThrottled "sign_in_throttled" Entra ServicePrincipal Transient,
        "Microsoft Entra ID throttles the sign-in",
        "wait as long as the answer says, and try again";
    // Propagating: federated credentials take about a minute.
    FederationMissing "federation_missing" Entra ServicePrincipal Propagating,
        "the application has no federated credential for this subject, issuer and audience, or it has not propagated yet",
        "correct subject, issuer and audience (`api://AzureADTokenExchange`) of the federated credential";
    // The OAuth errors `invalid_client` and `invalid_grant`, with a number that has no row.
    CredentialRejected "credential_rejected" Entra ServicePrincipal Never,
        "Microsoft Entra ID rejects the credential",
        "look up the AADSTS number at https://login.microsoftonline.com/error; check application, client secret and tenant";
    CredentialUnavailable "credential_unavailable" Entra ServicePrincipal Never,
        "this machine could not obtain a token",
        "set up the credential on the machine that this runs on";
    AzureCliMissing "azure_cli_missing" Entra ServicePrincipal Never,
        "the Azure CLI is not installed on the machine that this runs on, or `az` is not in its PATH",
        "install the Azure CLI, or give the store another credential";
    AzureCliSignedOut "azure_cli_signed_out" Entra ServicePrincipal Never,
        "nobody is signed in to the Azure CLI",
        "run `az login`";
    AzureCliFailed "azure_cli_failed" Entra ServicePrincipal Never,
        "the Azure CLI failed with an error",
        "run `az account get-access-token` in a terminal, and read its message";
    AzureCliOutput "azure_cli_output" Entra ServicePrincipal Never,
        "the Azure CLI printed something other than a token",
        "run `az account get-access-token -o json` in a terminal: it must print JSON and nothing else";
    AzureCliHangs "azure_cli_hangs" Entra ServicePrincipal Never,
        "the Azure CLI returned no token in time and was stopped",
        "run `az account get-access-token` in a terminal to see what it waits for";
    IdentityEndpointMissing "identity_endpoint_missing" Entra ServicePrincipal Never,
        "the machine that this runs on has no managed identity endpoint",
        "run in Azure with a managed identity, or give the store another credential";
    IdentityUnknown "identity_unknown" Entra ServicePrincipal Never,
        "the managed identity endpoint does not know the identity",
        "assign a managed identity to the machine or app, or correct the client ID of the user-assigned identity";
    TokenFileUnreadable "token_file_unreadable" Entra ServicePrincipal Never,
        "the token file of the Kubernetes workload cannot be read",
        "check AZURE_FEDERATED_TOKEN_FILE, and that the pod mounts the token";

    // Azure Resource Manager. Source: Microsoft Learn, "Troubleshoot Azure RBAC", "Troubleshoot Azure
    // role assignment conditions" and "Troubleshoot common Azure deployment errors".
    AssignmentForbidden "assignment_forbidden" Arm AssignRole Never,
        "the signed-in user may not assign roles here",
        "have an Owner or a Role Based Access Control Administrator of the storage account assign the role";
    ManagementForbidden "management_forbidden" Arm AssignRole Never,
        "the signed-in user may not do this to the resource",
        "have an Owner of the storage account run the command, or assign a role that allows the action in the message";
    DenyAssignment "deny_assignment" Arm AssignRole Never,
        "a deny assignment forbids this, whatever roles are assigned",
        "ask who created the deny assignment: a managed application, a deployment stack or an administrator";
    SubscriptionNotFound "subscription_not_found" Arm AssignRole Never,
        "the tenant that the command ran in has no such subscription",
        "check the subscription ID, and sign in to the tenant of the subscription";
    ResourceGroupNotFound "resource_group_not_found" Arm AssignRole Never,
        "the subscription has no such resource group",
        "check the resource group name and the subscription";
    ManagedResourceNotFound "managed_resource_not_found" Arm AssignRole Never,
        "Azure Resource Manager finds no such resource",
        "check the names of the storage account, its resource group and its subscription";
    // Git Bash rewrites an argument that starts with a slash to a Windows path.
    ScopeMalformed "scope_malformed" Arm AssignRole Never,
        "the scope has no subscription: it was cut off, or the shell rewrote it",
        "give the complete scope; in Git Bash, run `export MSYS_NO_PATHCONV=1` first";
    RoleUnknown "role_unknown" Arm AssignRole Never,
        "the role definition does not exist in this directory, or not at this scope",
        "check the role definition ID; create a custom role before it is assigned";
    PrincipalTypeMismatch "principal_type_mismatch" Arm AssignRole Never,
        "the object ID belongs to a user, a group or an app registration, not to a service principal",
        "assign the role to the object ID of the service principal: `az ad sp show --id <application id> --query id`";
    PrincipalMalformed "principal_malformed" Arm AssignRole Never,
        "the object ID of the principal is empty or malformed",
        "assign the role to the object ID of the service principal: `az ad sp show --id <application id> --query id`";
    // Microsoft Learn recommends to set `principalType`, which skips the lookup.
    PrincipalNotReplicated "principal_not_replicated" Arm AssignRole Propagating,
        "the service principal was just created and has not propagated yet",
        "set the principal type to ServicePrincipal, and try again in 1 min";
    // Azure keeps one assignment for each principal, role and scope.
    AssignmentExists "assignment_exists" Arm AssignRole Never,
        "the role is already assigned here, with another condition or without one",
        "change the existing role assignment instead of adding another";
    AssignmentNameTaken "assignment_name_taken" Arm AssignRole Never,
        "a role assignment with this name has another principal, role or scope",
        "use the name that the grant computes from scope, principal and role";
    ConditionInvalid "condition_invalid" Arm AssignRole Never,
        "Azure rejects the condition",
        "paste the condition as plain text with condition version 2.0, and check it with the linter";
    // In double quotes, shells replace `$Resource` by nothing.
    ConditionMangled "condition_mangled" Arm AssignRole Never,
        "the shell replaced a part of the condition that starts with `$`",
        "pass the condition in a file, or quote it for the shell";
    DirectoryReadForbidden "directory_read_forbidden" Arm AssignRole Never,
        "the signed-in user may not look up the principal in the directory",
        "pass the object ID of the principal with `--assignee-object-id` and `--assignee-principal-type`";
    AssignmentLimit "assignment_limit" Arm AssignRole Never,
        "the subscription has reached Azure's limit of role assignments",
        "remove role assignments that are no longer needed";
    PrincipalCreationForbidden "principal_creation_forbidden" Arm ServicePrincipal Never,
        "the signed-in user may not create service principals in this tenant",
        "have a Cloud Application Administrator of the tenant create the service principal";
    ScopeLocked "scope_locked" Arm AssignRole Never,
        "a resource lock forbids changes to the storage account",
        "remove the lock while the role is assigned";
    PolicyForbids "policy_forbids" Arm AssignRole Never,
        "an Azure Policy forbids the role assignment",
        "ask the owner of the policy";

    // Authentication at the blob service. Source: Microsoft Learn, "Common REST API error codes" and
    // "Authorize with Microsoft Entra ID"; the details of signatures: recorded answers.
    NoCredential "no_credential" Storage Confirm Never,
        "the request has no credential, and the container is not public",
        "give the store a credential";
    // Transient: every pass gets a new token. A wrong clock is a cause of its own.
    TokenExpired "token_expired" Storage Confirm Transient,
        "the access token has expired",
        "get a new token and try once more";
    TokenAudience "token_audience" Storage Confirm Never,
        "the access token is for another service",
        "request the scope https://storage.azure.com/.default";
    TokenIssuer "token_issuer" Storage Confirm Never,
        "the access token was issued by another tenant than that of the storage account's subscription",
        "sign in to the tenant that the storage account names in its challenge";
    TokenInvalid "token_invalid" Storage Confirm Never,
        "the storage account rejects the access token",
        "get a new token; check the authority that issues it";
    HeaderMalformed "header_malformed" Storage Confirm Never,
        "the Authorization header is malformed",
        "send `Bearer` and the token";
    // The code `AuthenticationFailed` without a detail that names the reason.
    SignatureRejected "signature_rejected" Storage Confirm Never,
        "the storage account rejects the signature or the API version of the request",
        "create a new shared access signature, and check the clock of the machine that this runs on";
    SasLifetime "sas_lifetime" Storage Confirm Never,
        "the shared access signature has expired or is not valid yet",
        "create a new shared access signature, and check its start and expiry time";
    SasExpired "sas_expired" Storage Confirm Never,
        "the shared access signature has expired, by its expiry time `se`",
        "create a new shared access signature with a later expiry time";
    SasNotYetValid "sas_not_yet_valid" Storage Confirm Never,
        "the shared access signature is not valid yet, by its start time `st`",
        "wait until the start time, or create a shared access signature without one";
    SasRights "sas_rights" Storage Confirm Never,
        "the shared access signature lacks the permission to list or to read",
        "create a shared access signature for the container with the permissions Read and List (`sp=rl`)";
    SasCut "sas_cut" Storage Confirm Never,
        "the shared access signature is incomplete: its `sig` is too short or too long for a signature",
        "copy the complete shared access signature";
    // Inferred from the `Date` header of the answer; Azure itself reports an expired token.
    ClockSkew "clock_skew" Storage Confirm Never,
        "the clock of the machine that this runs on is wrong",
        "synchronize the clock of the machine that this runs on";
    // A 401 after a successful sign-in.
    JustAssigned "just_assigned" Storage Confirm Propagating,
        "the storage account does not know the principal yet",
        "wait until the role assignment has taken effect";

    // Authorization at the blob service. Source: Microsoft Learn, "Troubleshoot Azure RBAC",
    // "Troubleshoot role assignment conditions" and "Configure Azure Storage firewalls".
    // The code `AuthorizationPermissionMismatch`. Azure does not say which of the reasons it is.
    AccessMissing "access_missing" Storage Confirm Propagating,
        "access denied: the role assignment is missing or has not propagated yet, or a deny assignment forbids the request",
        "assign Storage Blob Data Reader to the principal, with the condition for this container, or wait until the assignment has taken effect";
    // Reported only while a wait goes on.
    PartlyInEffect "partly_in_effect" Storage Confirm Propagating,
        "some requests are allowed and others are not: the role assignment has not reached all front ends yet",
        "wait until the role assignment has taken effect everywhere";
    // Inferred: listing containers and getting a key are allowed, so the role is on the account.
    ConditionMismatch "condition_mismatch" Storage Confirm Propagating,
        "the principal has a role on the storage account, but its condition does not allow this container, or the change has not propagated yet",
        "compare container and prefix in the condition with those of the connection, letter by letter";
    // Never, but a wait gives it time: two front ends that disagree look the same.
    ListNotCovered "list_not_covered" Storage Confirm Never,
        "blobs can be read but not listed: the condition limits the blob path, which a list request does not have",
        "add a clause for Blob.List to the condition that compares the prefix of the request";
    ReadNotCovered "read_not_covered" Storage Confirm Never,
        "blobs can be listed but not read: the condition allows lists only",
        "add a clause for reads to the condition that compares the container and the blob path";
    ContainersOutOfScope "containers_out_of_scope" Storage Confirm Never,
        "the storage account's containers cannot be listed, because the role is assigned on the container",
        "do not list containers; access to this one container is enough";
    KeyOutOfScope "key_out_of_scope" Storage Confirm Never,
        "no user delegation key for view links can be obtained, because the role is assigned on the container and the key belongs to the storage account",
        "also assign Storage Blob Delegator on the storage account, or do without view links";
    // Inferred: listing containers is allowed, but getting a key is not.
    ManagementRoleOnly "management_role_only" Storage Confirm Never,
        "the principal has a role to manage the storage account, but none to read its data",
        "assign Storage Blob Data Reader; Owner, Contributor and Reader do not include access to data";
    // The code `AuthorizationFailure`, which is not about roles.
    Firewall "firewall" Storage Confirm Never,
        "the storage account's firewall refuses this caller",
        "add the service's outbound IP addresses under Networking, Firewalls and virtual networks";
    OperationForbidden "operation_forbidden" Storage Confirm Never,
        "the credential does not allow this operation of the blob service; the firewall is not the cause",
        "check what the shared access signature or the role allows";
    SasAddress "sas_address" Storage Confirm Never,
        "the shared access signature is limited to other IP addresses",
        "create a shared access signature without allowed IP addresses, or with those of the service";
    SasProtocol "sas_protocol" Storage Confirm Never,
        "the shared access signature is for HTTPS only",
        "use an https endpoint";
    SasService "sas_service" Storage Confirm Never,
        "the shared access signature does not include the blob service",
        "create a shared access signature for the blob service";
    SasResourceType "sas_resource_type" Storage Confirm Never,
        "the shared access signature does not include containers and blobs",
        "create a shared access signature with the allowed resource types Container and Object";
    KeysForbidden "keys_forbidden" Storage Confirm Never,
        "the storage account does not allow account keys, nor signatures made with them",
        "sign in with Microsoft Entra ID: give the store a token credential";
    PublicAccessForbidden "public_access_forbidden" Storage Confirm Never,
        "the storage account does not allow anonymous access",
        "give the store a credential";

    // Resources and requests. Source: Microsoft Learn, "Blob Storage error codes" and "Common REST API
    // error codes".
    ResourceNotFound "resource_not_found" Storage Confirm Never,
        "the storage account or the container does not exist, or is not public",
        "check the names, and give the store a credential";
    AccountDisabled "account_disabled" Storage Confirm Never,
        "the storage account is disabled, for example because its subscription is",
        "the customer must enable the subscription or the storage account again";
    AccountRestricted "account_restricted" Storage Confirm Never,
        "this endpoint of the storage account does not serve such requests",
        "use the storage account's primary endpoint";
    EncryptionPolicy "encryption_policy" Storage Confirm Never,
        "the container's encryption policy forbids the request",
        "the customer must change the encryption scope of the container";
    EncryptionKeyMissing "encryption_key_missing" Storage Confirm Never,
        "the customer-managed encryption key is revoked or missing, so no blob can be read",
        "the customer must restore the key in the key vault";
    CustomerKey "customer_key" Storage Confirm Never,
        "the blob is encrypted with a customer-provided key, which each request must bring",
        "exclude the blob; it cannot be read without the key";
    ContainerNotFound "container_not_found" Storage Confirm Never,
        "the storage account has no such container",
        "correct the container name";
    // The name is blocked for at least 30 s (Microsoft Learn, "Delete Container").
    ContainerBeingDeleted "container_being_deleted" Storage Confirm Transient,
        "the container is being deleted",
        "wait until the container is deleted or created again";
    ContainerDisabled "container_disabled" Storage Confirm Never,
        "the container is disabled",
        "the customer must contact Azure support";
    BlobNotFound "blob_not_found" Storage Confirm Never,
        "the blob was deleted after it was listed",
        "skip the blob; the next sync does not list it";
    BlobArchived "blob_archived" Storage Confirm Never,
        "the blob is in the archive tier and cannot be read",
        "rehydrate the blob, or exclude it";
    // Up to 15 hours with standard priority (Microsoft Learn, "Blob rehydration").
    BlobRehydrating "blob_rehydrating" Storage Confirm Transient,
        "the blob is being rehydrated from the archive tier",
        "try again in some hours";
    AddressInvalid "address_invalid" Storage Confirm Never,
        "the service rejects the URL as malformed",
        "report the name of the blob: its URL was not built correctly";
    NameInvalid "name_invalid" Storage Confirm Never,
        "the service rejects the name of the container or the blob",
        "correct the container name";
    QueryInvalid "query_invalid" Storage Confirm Never,
        "the service rejects a query parameter of the request",
        "report the request with its request ID: the answer names the parameter and its value";
    HeaderInvalid "header_invalid" Storage Confirm Never,
        "the service rejects a header of the request, or a header is missing",
        "report the request with its request ID: this storage account does not accept one of its headers";
    VersionInvalid "version_invalid" Storage Confirm Never,
        "the service does not know the API version of the request, or the version is too old for the container",
        "update the emulator, or start Azurite with `--skipApiVersionCheck`; if the storage account is in Azure, report the problem";
    BlobChanged "blob_changed" Storage Confirm Never,
        "the blob has changed since it was listed",
        "list the blob again";
    RangeInvalid "range_invalid" Storage Confirm Never,
        "the requested range starts after the end of the blob",
        "list the blob again; it may have changed";
    FeatureUnsupported "feature_unsupported" Storage Confirm Never,
        "this kind of storage account does not support the request",
        "use another endpoint of the storage account, or do without the feature";
    Throttled "throttled" Storage Confirm Transient,
        "the service throttles requests",
        "wait as long as the answer says, and send fewer requests at a time";
    ServiceTimeout "service_timeout" Storage Confirm Transient,
        "the service did not finish the request within its own timeout",
        "try again with a smaller page";
    ServiceFailed "service_failed" Storage Confirm Transient,
        "the service failed with an internal error",
        "try again later";
    Gateway "gateway" Storage Confirm Transient,
        "a proxy or gateway between this machine and the service failed",
        "try again; check the proxy";
    RequestTimeout "request_timeout" Storage Confirm Transient,
        "the request timed out",
        "try again; check the network";
    AnswerBrokeOff "answer_broke_off" Storage Confirm Transient,
        "the connection closed before the answer was complete",
        "try again; check the network";
    NotAzure "not_azure" Storage Confirm Never,
        "the answer does not come from Azure Blob Storage, but from a proxy, a login page or another service",
        "check the endpoint, and any proxy on the way";
    BadRequest "bad_request" Storage Confirm Never,
        "the service rejects the request as malformed",
        "check the endpoint, the container and the prefix";

    // Browsers. Source: Microsoft Learn, "Cross-Origin Resource Sharing (CORS) support for Azure
    // Storage"; that the service expands `*` in exposed headers: measured.
    // Propagating: a rule takes about a minute.
    CorsMissing "cors_missing" Cors Cors Propagating,
        "no CORS rule of the blob service allows pages of this origin to read, or the rule has not propagated yet",
        "add a rule under Resource sharing (CORS), Blob service, with the origin, the methods GET, HEAD and OPTIONS and the allowed header range";
    // A warning: videos play, but a player cannot seek.
    CorsIncomplete "cors_incomplete" Cors Cors Never,
        "a CORS rule allows pages of this origin to read, but hides the headers that a player needs to seek",
        "expose the headers content-length, content-range, accept-ranges and etag in the CORS rule";
    PreflightMalformed "preflight_malformed" Cors Cors Never,
        "the preflight request lacks the headers of a browser",
        "send Origin and Access-Control-Request-Method";

    // Answers that are not errors. Source: measured against Azure and the small cloud.
    EmptyListing "empty_listing" Semantic Sync Never,
        "no blob in the container starts with the prefix",
        "check the prefix: letter case, a slash at the end, no slash at the start, and no container name in it";
    BroadAccess "broad_access" Semantic Confirm Never,
        "the principal can read another container: a second role assignment without the condition allows it",
        "list all role assignments of the principal, and remove the one that is too wide";
    PrefixNotLimited "prefix_not_limited" Semantic Confirm Never,
        "names outside the prefix can be listed too, because the condition does not limit the prefix",
        "limit the condition to the prefix, if that matters";
    ContainersListable "containers_listable" Semantic Confirm Never,
        "the names of all containers of the storage account can be listed, which no condition can prevent",
        "assign the role on the container, or use a custom role, if that matters";
    PublicContainer "public_container" Semantic Confirm Never,
        "anybody can list the container without a credential",
        "the customer must set the container's anonymous access level to Private, unless public access is intended";
    NotProbed "not_probed" Semantic Confirm Never,
        "this check was requested, but the store cannot make it",
        "probe with a store that supports the check: view links need a token credential, and browser checks need a store that implements Inspect";
    TenantMismatch "tenant_mismatch" Entra ServicePrincipal Never,
        "the storage account belongs to another tenant than the connection names",
        "enter the tenant ID of the storage account's subscription in the connection, and create the service principal in that tenant";
    Unknown "unknown" Storage Confirm Never,
        "the cause of the failure is not known",
        "read the message, and report it with its request ID";
}
