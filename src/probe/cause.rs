//! What can be wrong, one row a cause.

use super::{Layer, Retry, WizardStep};
use crate::coded::coded_enum;

macro_rules! causes {
    ($($variant:ident $code:literal $layer:ident $step:ident $retry:ident, $what:literal, $remedy:literal;)+) => {
        coded_enum! {
            /// What is wrong
            ///
            /// The codes are stable. Sources: Microsoft Learn, "Common REST API error codes", "Blob
            /// Storage error codes", "Microsoft Entra authentication and authorization error codes",
            /// "Troubleshoot Azure RBAC" and "Troubleshoot role assignment conditions".
            pub enum Cause by as_str {
                $(#[doc = $what] $variant = $code,)+
            }
        }

        impl Cause {
            /// Where it shows
            pub fn layer(self) -> Layer {
                match self { $(Self::$variant => Layer::$layer,)+ }
            }

            /// The step of the wizard in which it shows
            pub fn step(self) -> WizardStep {
                match self { $(Self::$variant => WizardStep::$step,)+ }
            }

            /// Whether waiting helps
            pub fn retry(self) -> Retry {
                match self { $(Self::$variant => Retry::$retry,)+ }
            }

            /// What is wrong, in a sentence
            pub fn what(self) -> &'static str {
                match self { $(Self::$variant => $what,)+ }
            }

            /// What to do, in a sentence
            pub fn remedy(self) -> &'static str {
                match self { $(Self::$variant => $remedy,)+ }
            }
        }
    };
}

causes! {
    InvalidAccountName "invalid_account_name" Input BlobDetails Never,
        "the storage account's name breaks Azure's rules",
        "correct the account's name: 3 to 24 lower case letters and digits";
    InvalidContainerName "invalid_container_name" Input BlobDetails Never,
        "the container's name breaks Azure's rules",
        "correct the container's name: 3 to 63 lower case letters, digits and single hyphens";
    InvalidTenant "invalid_tenant" Input BlobDetails Never,
        "the tenant is neither a GUID nor a domain",
        "paste the Directory (tenant) ID of the customer";
    ApplicationIdAsObjectId "application_id_as_object_id" Input AssignRole Never,
        "the role was given to the application's id, where the service principal's object id belongs",
        "assign the role to the object id of the service principal";
    WrongPrincipal "wrong_principal" Input AssignRole Never,
        "the role was given to another object id than that of the principal that signs in",
        "assign the role to the object id of the principal that signs in";
    Misconfigured "misconfigured" Input BlobDetails Never,
        "the set-up contradicts itself",
        "read the message: connection, credential and endpoint must fit together";
    HostRefused "host_refused" Input BlobDetails Never,
        "the service does not contact the connection's endpoint or authority, or the address that it resolves to",
        "use the account's own blob endpoint; for an emulator or a private endpoint, the operator of the service must allow the host";

    AccountNotFound "account_not_found" Dns BlobDetails Never,
        "the account's host name does not exist: the account is misspelled, deleted, in another cloud, or has a DNS zone endpoint",
        "check the account's name, and take its blob endpoint from `az storage account show`";
    PrivateEndpoint "private_endpoint" Dns Confirm Never,
        "the account's name leads to a private address that cannot be reached from here",
        "let the service into the private network and its host policy allow the address, or open the account's public endpoint to its addresses";
    NameServiceFailed "name_service_failed" Dns Confirm Transient,
        "the name service does not answer",
        "try again; check the resolver of the machine that this runs on";
    Unreachable "unreachable" Tcp Confirm Transient,
        "nothing answers at the endpoint",
        "check the egress rules and the proxy of the machine that this runs on, and a custom endpoint's port";
    UntrustedCertificate "untrusted_certificate" Tls Confirm Never,
        "the endpoint's certificate is not trusted: a proxy reads along, or a custom domain has no certificate of its own",
        "use the account's own endpoint, or trust the certificate authority of the proxy";
    TlsVersion "tls_version" Tls Confirm Never,
        "the endpoint and this machine have no version of TLS in common",
        "have the account or the proxy accept TLS 1.2 or 1.3, which this crate offers";
    HttpsRequired "https_required" Storage Confirm Never,
        "the account asks for https",
        "use an https endpoint";

    TenantNotFound "tenant_not_found" Entra ServicePrincipal Never,
        "the authority knows no such tenant: wrong tenant, or wrong cloud",
        "correct the tenant, or choose the cloud that it is in";
    TenantMalformed "tenant_malformed" Entra ServicePrincipal Never,
        "the tenant is neither a domain nor a GUID",
        "paste the Directory (tenant) ID of the customer";
    RequestMalformed "request_malformed" Entra ServicePrincipal Never,
        "the authority finds tenant, application or request malformed",
        "enter the tenant and the application id again";
    WrongCloud "wrong_cloud" Entra ServicePrincipal Never,
        "the tenant is in another national cloud",
        "choose the cloud that the customer's subscription is in";
    CrossCloud "cross_cloud" Entra ServicePrincipal Never,
        "the application is of another national cloud than the tenant",
        "register the application in the customer's cloud";
    ServicePrincipalMissing "service_principal_missing" Entra ServicePrincipal Propagating,
        "the customer's tenant has no service principal of this application, or not yet",
        "create the service principal in the customer's tenant, or wait if that was just done";
    SecretWrong "secret_wrong" Entra ServicePrincipal Never,
        "the client secret is wrong; often it is the secret's id instead of its value",
        "the service, not the customer, must correct the secret";
    SecretExpired "secret_expired" Entra ServicePrincipal Never,
        "the client secret has expired",
        "the service, not the customer, must make a new secret or use a certificate";
    SecretMissing "secret_missing" Entra ServicePrincipal Never,
        "the sign-in had neither a secret nor an assertion",
        "the service, not the customer, must configure its credential: AZURE_CLIENT_SECRET, AZURE_CLIENT_CERTIFICATE_PATH or AZURE_FEDERATED_TOKEN_FILE in the examples";
    PublicClient "public_client" Entra ServicePrincipal Never,
        "the application is registered as a public client, which has no secret",
        "the service must register the application as a confidential client";
    CertificateRejected "certificate_rejected" Entra ServicePrincipal Never,
        "the authority does not accept the certificate or its signature: it is not registered, expired, revoked or of another key",
        "the service must register the certificate that it signs with";
    AssertionMalformed "assertion_malformed" Entra ServicePrincipal Never,
        "the client assertion is malformed, or made for another application or authority",
        "the service must correct how it makes the assertion";
    AssertionTime "assertion_time" Entra ServicePrincipal Transient,
        "the client assertion is outside its time: a wrong clock, or an assertion used too late",
        "synchronise the clock of the machine that this runs on, and make the assertion anew";
    ApplicationDisabled "application_disabled" Entra ServicePrincipal Never,
        "the application is disabled in the customer's tenant",
        "the customer's administrator must enable the enterprise application";
    ResourceUnknown "resource_unknown" Entra ServicePrincipal Never,
        "the tenant does not know the resource that a token was asked for",
        "ask for the scope https://storage.azure.com/.default, in the customer's tenant";
    ResourceDisabled "resource_disabled" Entra ServicePrincipal Never,
        "Azure Storage is disabled in the customer's tenant, or the tenant's subscription has lapsed",
        "the customer's administrator must enable the enterprise application Azure Storage, or the subscription";
    ScopeInvalid "scope_invalid" Entra ServicePrincipal Never,
        "the scope of the token is not valid",
        "ask for the scope https://storage.azure.com/.default";
    ConditionalAccess "conditional_access" Entra ServicePrincipal Never,
        "a policy of the customer's tenant forbids the sign-in, as by place",
        "the customer's administrator must exempt the service principal, or allow the service's addresses";
    InteractionRequired "interaction_required" Entra ServicePrincipal Never,
        "the sign-in is that of a person, and a policy asks for another factor or device",
        "sign in as a service principal, or sign in again with `az login`";
    TenantRestricted "tenant_restricted" Entra ServicePrincipal Never,
        "a proxy on the service's side restricts the tenants that may be signed in to",
        "the service's proxy must not add Restrict-Access-To-Tenants for this tenant";
    TenantBlocked "tenant_blocked" Entra ServicePrincipal Never,
        "Microsoft has blocked the customer's tenant, as it does after long inactivity",
        "the customer's administrator must have the tenant enabled again";
    NotAServicePrincipal "not_a_service_principal" Entra ServicePrincipal Never,
        "the sign-in is that of a user, who does not exist in the tenant",
        "sign in as a service principal, with the client credentials flow";
    SignInExpired "sign_in_expired" Entra ServicePrincipal Never,
        "the sign-in of a person has expired",
        "sign in again with `az login`";
    ConsentMissing "consent_missing" Entra ServicePrincipal Never,
        "the tenant has not consented to the application",
        "the customer's administrator must consent to the application";
    AuthorityInvalid "authority_invalid" Entra ServicePrincipal Never,
        "a service principal cannot sign in over /common or /consumers",
        "sign in to the customer's own tenant";
    SignInLoop "sign_in_loop" Entra ServicePrincipal Transient,
        "the authority sees the same sign-in again and again",
        "keep tokens, and wait at least five minutes";
    SignInUnavailable "sign_in_unavailable" Entra ServicePrincipal Transient,
        "the authority is not available for the moment",
        "try again later";
    SignInThrottled "sign_in_throttled" Entra ServicePrincipal Transient,
        "the authority asks for fewer requests",
        "wait as long as it says, and try again";
    FederationMissing "federation_missing" Entra ServicePrincipal Propagating,
        "the application has no federated credential for this subject, issuer and audience, or not yet",
        "correct subject, issuer and audience (`api://AzureADTokenExchange`) of the federated credential";
    CredentialRejected "credential_rejected" Entra ServicePrincipal Never,
        "the authority refused the credential",
        "look the AADSTS number up at https://login.microsoftonline.com/error; check application, secret and tenant";
    CredentialUnavailable "credential_unavailable" Entra ServicePrincipal Never,
        "no token could be obtained on this machine",
        "set up the source of the credential on the machine that this runs on";
    AzureCliMissing "azure_cli_missing" Entra ServicePrincipal Never,
        "the Azure CLI is not installed on the machine that this runs on, or `az` is not in its PATH",
        "install the Azure CLI, or give the store another credential";
    AzureCliSignedOut "azure_cli_signed_out" Entra ServicePrincipal Never,
        "nobody is signed in to the Azure CLI",
        "run `az login`";
    AzureCliFailed "azure_cli_failed" Entra ServicePrincipal Never,
        "the Azure CLI ended with an error",
        "run `az account get-access-token` in a terminal, and read what it says";
    AzureCliOutput "azure_cli_output" Entra ServicePrincipal Never,
        "the Azure CLI printed something other than a token",
        "run `az account get-access-token -o json` in a terminal: it must print JSON and nothing else";
    AzureCliHangs "azure_cli_hangs" Entra ServicePrincipal Never,
        "the Azure CLI gave no token in time and was stopped",
        "run `az account get-access-token` in a terminal to see what it waits for";
    IdentityEndpointMissing "identity_endpoint_missing" Entra ServicePrincipal Never,
        "the machine that this runs on has no identity endpoint of Azure",
        "run in Azure with a managed identity, or give the store another credential";
    IdentityUnknown "identity_unknown" Entra ServicePrincipal Never,
        "the identity endpoint knows no such managed identity",
        "assign a managed identity to the machine or app, or correct the client ID of the user-assigned one";
    TokenFileUnreadable "token_file_unreadable" Entra ServicePrincipal Never,
        "the token file of the Kubernetes workload cannot be read",
        "check AZURE_FEDERATED_TOKEN_FILE, and that the pod mounts the token";

    AssignmentForbidden "assignment_forbidden" Arm AssignRole Never,
        "whoever assigns the role may not do so here",
        "have an Owner or a Role Based Access Control Administrator of the account assign it";
    ManagementForbidden "management_forbidden" Arm AssignRole Never,
        "whoever ran the command may not do this to the resource",
        "have an Owner of the account run it, or assign a role that allows the action named in the message";
    DenyAssignment "deny_assignment" Arm AssignRole Never,
        "a deny assignment forbids this, whatever roles are assigned",
        "ask who made the deny assignment: a managed application, a deployment stack or an administrator";
    SubscriptionNotFound "subscription_not_found" Arm AssignRole Never,
        "there is no such subscription in the tenant that the command ran in",
        "check the subscription's id, and sign in to its tenant";
    ResourceGroupNotFound "resource_group_not_found" Arm AssignRole Never,
        "there is no such resource group in the subscription",
        "check the resource group's name and the subscription";
    ManagedResourceNotFound "managed_resource_not_found" Arm AssignRole Never,
        "Azure Resource Manager finds no such resource",
        "check the name of the account, its resource group and its subscription";
    ScopeMalformed "scope_malformed" Arm AssignRole Never,
        "the scope has no subscription: it was cut, or the shell has rewritten it",
        "give the whole scope; in Git Bash set MSYS_NO_PATHCONV=1 first";
    RoleUnknown "role_unknown" Arm AssignRole Never,
        "the role does not exist in this directory, or not in this scope",
        "check the role's id; create a custom role before it is assigned";
    PrincipalTypeMismatch "principal_type_mismatch" Arm AssignRole Never,
        "the object id is of a user, a group or an application, not of a service principal",
        "assign the role to the object id of the service principal: `az ad sp show --id <application id> --query id`";
    PrincipalMalformed "principal_malformed" Arm AssignRole Never,
        "the object id of the principal is empty or malformed",
        "assign the role to the object id of the service principal: `az ad sp show --id <application id> --query id`";
    PrincipalNotReplicated "principal_not_replicated" Arm AssignRole Propagating,
        "the service principal was just made and is not known everywhere",
        "name the principal's type as ServicePrincipal, and try again in a minute";
    AssignmentExists "assignment_exists" Arm AssignRole Never,
        "this role is assigned here already, with another condition or none",
        "change the assignment that exists, instead of making another";
    AssignmentNameTaken "assignment_name_taken" Arm AssignRole Never,
        "an assignment of this name has another principal, role or scope",
        "let the grant make the name: it follows from scope, principal and role";
    ConditionInvalid "condition_invalid" Arm AssignRole Never,
        "Azure does not accept the condition",
        "paste the condition as plain text, as version 2.0, and lint it";
    ConditionMangled "condition_mangled" Arm AssignRole Never,
        "the shell has replaced a part of the condition that begins with `$`",
        "give the condition in a file, or quoted for the shell";
    DirectoryReadForbidden "directory_read_forbidden" Arm AssignRole Never,
        "whoever assigns the role may not look the principal up",
        "name the principal by its object id, with `--assignee-object-id` and `--assignee-principal-type`";
    AssignmentLimit "assignment_limit" Arm AssignRole Never,
        "the subscription has as many role assignments as Azure allows",
        "remove assignments that are no longer needed";
    PrincipalCreationForbidden "principal_creation_forbidden" Arm ServicePrincipal Never,
        "whoever creates the service principal may not do so in this tenant",
        "have an administrator of the tenant create it";
    ScopeLocked "scope_locked" Arm AssignRole Never,
        "a lock on the account forbids changes",
        "remove the lock for as long as the role is assigned";
    PolicyForbids "policy_forbids" Arm AssignRole Never,
        "an Azure policy forbids the assignment",
        "ask the owner of the policy";

    NoCredential "no_credential" Storage Confirm Never,
        "the request had no credential, and the container is not public",
        "give the store a credential";
    TokenExpired "token_expired" Storage Confirm Transient,
        "the token is no longer valid",
        "take a new token and try once more";
    TokenAudience "token_audience" Storage Confirm Never,
        "the token is for another service",
        "ask for the scope https://storage.azure.com/.default";
    TokenIssuer "token_issuer" Storage Confirm Never,
        "the token is of another tenant than the account's subscription",
        "sign in to the tenant that the account names in its challenge";
    TokenInvalid "token_invalid" Storage Confirm Never,
        "the account does not accept the token",
        "take a new token; check the authority that gives it";
    HeaderMalformed "header_malformed" Storage Confirm Never,
        "the Authorization header is malformed",
        "send `Bearer` and the token";
    SignatureRejected "signature_rejected" Storage Confirm Never,
        "the account does not accept the signature, or the version of the request",
        "make a new shared access signature, and check the clock of the machine that this runs on";
    SasLifetime "sas_lifetime" Storage Confirm Never,
        "the shared access signature has expired or is not valid yet",
        "make a new shared access signature, and check its start and expiry";
    SasExpired "sas_expired" Storage Confirm Never,
        "the shared access signature has expired, by its own `se`",
        "make a new shared access signature, with a later expiry";
    SasNotYetValid "sas_not_yet_valid" Storage Confirm Never,
        "the shared access signature is not valid yet, by its own `st`",
        "wait until its start, or make a shared access signature without one";
    SasRights "sas_rights" Storage Confirm Never,
        "the shared access signature does not allow to list, or to read",
        "make a shared access signature for the container with the permissions Read and List (`sp=rl`)";
    SasCut "sas_cut" Storage Confirm Never,
        "the shared access signature has lost a part: its `sig` is too short or too long for a signature",
        "copy all of the shared access signature";
    ClockSkew "clock_skew" Storage Confirm Never,
        "the clock of the machine that this runs on is wrong",
        "synchronise the clock of the machine that this runs on";
    JustAssigned "just_assigned" Storage Confirm Propagating,
        "the account does not know the principal yet",
        "wait for the role assignment to take effect";
    AccessMissing "access_missing" Storage Confirm Propagating,
        "access denied: the role assignment is missing or has not propagated yet, or a deny assignment forbids the request",
        "assign Storage Blob Data Reader to the principal, with the condition for this very container, or wait for that to take effect";
    PartlyInEffect "partly_in_effect" Storage Confirm Propagating,
        "some requests are allowed and others not: the assignment reaches one front end after the other",
        "wait until all of them allow it";
    ConditionMismatch "condition_mismatch" Storage Confirm Propagating,
        "a role of the principal is in effect on the account, and its condition does not let this container through, or not yet",
        "compare the container and the prefix in the condition with those of the connection, letter by letter";
    ListNotCovered "list_not_covered" Storage Confirm Never,
        "blobs can be read and not listed: the condition limits the blob's path, which a list does not have",
        "give the condition a clause of its own for Blob.List, by the prefix that the list asks for";
    ReadNotCovered "read_not_covered" Storage Confirm Never,
        "blobs can be listed and not read: the condition lets lists through and no reads",
        "give the condition a clause for reads, by the container and the blob's path";
    ContainersOutOfScope "containers_out_of_scope" Storage Confirm Never,
        "the names of the account's containers cannot be listed: the role is on the container",
        "do not list containers; the one container is all that is needed";
    KeyOutOfScope "key_out_of_scope" Storage Confirm Never,
        "no key for view links can be had: the role is on the container, and a key belongs to the account",
        "assign Storage Blob Delegator on the storage account too, or do without view links";
    ManagementRoleOnly "management_role_only" Storage Confirm Never,
        "the principal has a role that manages the account, and none that reads its data",
        "assign Storage Blob Data Reader; Owner, Contributor and Reader do not include data";
    Firewall "firewall" Storage Confirm Never,
        "the account's firewall refuses this caller",
        "add the service's outgoing addresses to the account's network rules";
    OperationForbidden "operation_forbidden" Storage Confirm Never,
        "the blob service does not allow the operation with this credential; it is not the firewall",
        "check what the shared access signature or the role allows";
    SasAddress "sas_address" Storage Confirm Never,
        "the shared access signature is for other addresses",
        "make a signature without an address range, or with the service's";
    SasProtocol "sas_protocol" Storage Confirm Never,
        "the shared access signature is for https only",
        "use an https endpoint";
    SasService "sas_service" Storage Confirm Never,
        "the shared access signature is not for the blob service",
        "make a signature for the blob service";
    SasResourceType "sas_resource_type" Storage Confirm Never,
        "the shared access signature is not for containers and blobs",
        "make a signature for the resource types container and object";
    KeysForbidden "keys_forbidden" Storage Confirm Never,
        "the account forbids keys and the signatures made with them",
        "sign in with Microsoft Entra ID: give the store a token credential";
    PublicAccessForbidden "public_access_forbidden" Storage Confirm Never,
        "the account forbids public access",
        "give the store a credential";
    ResourceNotFound "resource_not_found" Storage Confirm Never,
        "there is no such account or container here, or it is not public",
        "check the names, and give the store a credential";
    AccountDisabled "account_disabled" Storage Confirm Never,
        "the storage account is disabled, as when its subscription is",
        "the customer must enable the subscription or the account again";
    AccountRestricted "account_restricted" Storage Confirm Never,
        "this endpoint of the account does not serve such requests",
        "use the account's primary endpoint";
    EncryptionPolicy "encryption_policy" Storage Confirm Never,
        "the container's encryption policy forbids the request",
        "the customer must change the container's encryption scope policy";
    EncryptionKeyMissing "encryption_key_missing" Storage Confirm Never,
        "the customer's own encryption key is revoked or missing, so nothing can be read",
        "the customer must restore the key in the key vault";
    CustomerKey "customer_key" Storage Confirm Never,
        "the blob is encrypted with a key that only requests can bring",
        "leave the blob out; it cannot be read without that key";
    ContainerNotFound "container_not_found" Storage Confirm Never,
        "there is no such container in the account",
        "correct the container's name";
    ContainerBeingDeleted "container_being_deleted" Storage Confirm Transient,
        "the container is being deleted",
        "wait until it is gone, or made anew";
    ContainerDisabled "container_disabled" Storage Confirm Never,
        "the container is disabled",
        "the customer must ask Azure's support";
    BlobNotFound "blob_not_found" Storage Confirm Never,
        "the blob was deleted since it was listed",
        "leave it out; the next sync does not list it";
    BlobArchived "blob_archived" Storage Confirm Never,
        "the blob is in the archive tier and cannot be read",
        "rehydrate the blob, or leave it out";
    BlobRehydrating "blob_rehydrating" Storage Confirm Transient,
        "the blob is on its way out of the archive tier",
        "try again in some hours";
    AddressInvalid "address_invalid" Storage Confirm Never,
        "the service finds the address malformed",
        "report the name of the blob: its address was not made right";
    NameInvalid "name_invalid" Storage Confirm Never,
        "the service finds the name of the container or the blob invalid",
        "correct the container's name";
    QueryInvalid "query_invalid" Storage Confirm Never,
        "the service does not accept a parameter of the request",
        "report the request with its request id: the service names the parameter and its value";
    HeaderInvalid "header_invalid" Storage Confirm Never,
        "the service lacks a header of the request, or does not accept it",
        "report the request: a header of it is wrong for this account";
    VersionInvalid "version_invalid" Storage Confirm Never,
        "the service does not know the version of the protocol that was asked for, or it is too old for the container",
        "update the emulator, or start Azurite with `--skipApiVersionCheck`; for an account of Azure, report it";
    BlobChanged "blob_changed" Storage Confirm Never,
        "the blob is no longer the version that was listed",
        "list it again";
    RangeInvalid "range_invalid" Storage Confirm Never,
        "the range begins behind the end of the blob",
        "list the blob again; it may have changed";
    FeatureUnsupported "feature_unsupported" Storage Confirm Never,
        "the account's kind does not support the request",
        "use another endpoint of the account, or do without the feature";
    Throttled "throttled" Storage Confirm Transient,
        "the service asks for fewer requests",
        "wait as long as it says, and send fewer at a time";
    ServiceTimeout "service_timeout" Storage Confirm Transient,
        "the service did not finish in its own time",
        "try again, with a smaller page";
    ServiceFailed "service_failed" Storage Confirm Transient,
        "the service failed",
        "try again later";
    Gateway "gateway" Storage Confirm Transient,
        "something between here and the service failed",
        "try again; check the proxy";
    RequestTimeout "request_timeout" Storage Confirm Transient,
        "the request, or its answer, took too long",
        "try again; check the network";
    AnswerBrokeOff "answer_broke_off" Storage Confirm Transient,
        "the answer broke off",
        "try again; check the network";
    NotAzure "not_azure" Storage Confirm Never,
        "the answer is not of Azure Blob Storage: a proxy, a login page or another service answers",
        "check the endpoint, and what stands between";
    BadRequest "bad_request" Storage Confirm Never,
        "the service refuses the request as malformed",
        "check the endpoint, the container and the prefix";

    CorsMissing "cors_missing" Cors Cors Propagating,
        "no rule of the blob service lets pages of this origin read, or not yet",
        "add a CORS rule for the origin on the tab Blob service, with GET, HEAD and OPTIONS and the header range";
    CorsIncomplete "cors_incomplete" Cors Cors Never,
        "a rule lets pages of this origin read, and hides the headers that a player needs to seek",
        "let the CORS rule expose content-length, content-range, accept-ranges and etag";
    PreflightMalformed "preflight_malformed" Cors Cors Never,
        "the request of a browser lacks its headers",
        "send Origin and Access-Control-Request-Method";

    EmptyListing "empty_listing" Semantic Sync Never,
        "nothing in the container begins with the prefix",
        "check the prefix: letter case, a slash at the end, none at the start, no container's name in it";
    BroadAccess "broad_access" Semantic Confirm Never,
        "the principal can read another container: a second role assignment, without the condition, allows it",
        "list all role assignments of the principal, and remove the wider one";
    PrefixNotLimited "prefix_not_limited" Semantic Confirm Never,
        "names outside the prefix can be listed too: the condition does not limit the prefix",
        "limit the condition by the prefix, if that matters";
    ContainersListable "containers_listable" Semantic Confirm Never,
        "the names of all containers of the account can be listed, which no condition limits",
        "assign the role on the container, or use a custom role, if that matters";
    PublicContainer "public_container" Semantic Confirm Never,
        "anybody can list the container without a credential",
        "the customer must turn public access off, unless that is meant";
    NotProbed "not_probed" Semantic Confirm Never,
        "this was asked for, and the store cannot tell",
        "probe with a store and a credential that can: view links take a token, browsers a store that inspects";
    TenantMismatch "tenant_mismatch" Entra ServicePrincipal Never,
        "the account belongs to another tenant than the connection names",
        "name the tenant of the account's subscription in the connection, and create the service principal there";
    Unknown "unknown" Storage Confirm Never,
        "the failure is of a kind that is not known here",
        "read the message, and report it with its request id";
}
