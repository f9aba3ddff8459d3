//! For each rule of the linter, conditions that break it, and similar conditions that do not.

use azure_asset_sync::condition::Rule;

/// For each rule, conditions that break it, and similar conditions that do not.
pub const TABLE: &[(Rule, &[&str], &[&str])] = &[
    (Rule::Empty, &["", " \n"], &["$R"]),
    (
        Rule::Syntax,
        &["($R", "@Resource[$C:name StringEquals 'abc'", "$R AND", "$R\u{a0}AND $R"],
        &["$R AND $R"],
    ),
    (
        Rule::LetterCase,
        &[
            "@Resource[$C:name] stringEquals 'abc'",
            "@Resource[$C:name] forAnyOfAnyValues:stringequals {'abc'}",
            "@resource[$C:name] StringEquals 'abc'",
            "$R and $R",
            "not $R",
        ],
        &["@Resource[$C:NAME] StringEquals 'abc'"],
    ),
    (
        Rule::UnicodeQuotes,
        &[
            "@Resource[$C:name] StringEquals ‘abc’",
            "@Resource[$C:name] StringEquals “abc”",
            "@Resource[$C:name] StringEquals 'abc’",
        ],
        &["@Resource[$C/blobs:path] StringEquals 'it’s'"],
    ),
    (
        Rule::UnknownOperator,
        &[
            "@Resource[$C/blobs:path] StringEndsWith '.jpg'",
            "@Resource[$C/blobs:path] ForSomeValues:StringEquals {'a'}",
            "@Resource[$C/blobs:path] ForAnyOfAnyValues:StringStartsWith {'a/'}",
        ],
        &["@Resource[$C/blobs:path] StringLike '*.jpg'"],
    ),
    (
        Rule::Placeholder,
        &[
            "@Resource[$C:name] StringEquals '<container>'",
            "@Resource[$C:name] StringEquals '{{ container }}'",
            "@Resource[$C/blobs:path] StringStartsWith '${PREFIX}/'",
            "@Resource[$C/blobs/tags:<key>] StringEquals 'a'",
            "@Resource[$C/blobs/tags:<key><$key_case_sensitive$>] StringEquals 'a'",
            "@Principal[Microsoft.Directory/CustomSecurityAttributes/Id:<set>_<name>] StringEquals 'a'",
            "@Resource[Microsoft.KeyVault/vaults/secrets:name] StringStartsWith '<app>-'",
            "!(ActionMatches{'<action>'})",
            "!($R AND SubOperationMatches{'<subOperation>'})",
            "@Resource[$C:name] StringEquals <container>",
        ],
        &["@Resource[$C:name] StringEquals '$web'", "@Resource[$C/blobs:path] StringEquals 'a<b'"],
    ),
    (
        Rule::ListAlwaysDenied,
        &[
            "!($R) OR @Resource[$C/blobs:path] StringStartsWith 'p/'",
            "!($R)",
            "(!($R) OR @Resource[$C:name] StringEquals 'abc') AND (!($R AND $L) OR @Resource[$C/blobs:path] StringStartsWith 'p/')",
        ],
        &[
            "!($R) OR @Resource[$C:name] StringEquals 'abc'",
            "!($R) OR @Environment[isPrivateLink] BoolEquals true",
            "!($R AND NOT $L) OR @Resource[$C/blobs:path] StringStartsWith 'p/'",
            "@Request[Microsoft.Authorization/roleAssignments:PrincipalType] StringEqualsIgnoreCase 'User'",
        ],
    ),
    (
        Rule::ListUnconstrained,
        &[
            "!($R AND NOT $L) OR @Resource[$C:name] StringEquals 'abc'",
            "!($R AND NOT $L) OR @Resource[$C/blobs:path] StringStartsWith 'p/'",
            "(!($R AND NOT $L) OR @Resource[$C:name] StringEquals 'abc') AND (!($R AND $L) OR @Resource[$C:name] StringNotEquals 'abd')",
            "(!($R AND NOT $L) OR @Resource[$C/blobs:path] StringStartsWith 'p/') AND (!($R AND $L) OR Exists @Request[$C/blobs:prefix])",
        ],
        &[
            "!($R) OR @Resource[$C:name] StringEquals 'abc'",
            "!($R AND NOT $L) OR @Resource[$C/blobs:isCurrentVersion] BoolEquals true",
            "(!($R AND NOT $L) OR @Resource[$C:name] StringEquals 'abc') AND (!($R AND $L) OR @Resource[$C:name] StringEquals 'abc')",
        ],
    ),
    (
        Rule::MixedLogic,
        &["$R OR $R AND $L", "$R AND $L OR $R", "NOT ($R AND $L OR $R)"],
        &["$R OR ($R AND $L)", "$R AND $R AND $L"],
    ),
    (
        Rule::NegatedAnyAny,
        &[
            "@Resource[$C:name] ForAnyOfAnyValues:StringNotEquals {'abc', 'abd'}",
            "@Resource[$C:name] ForAllOfAnyValues:StringNotLike {'abc', 'abd'}",
            "{'abc', 'abd'} ForAnyOfAnyValues:StringNotEquals @Resource[$C:name]",
            "{'abc', 'abd'} ForAnyOfAllValues:StringNotEquals @Resource[$C:name]",
        ],
        &[
            "@Resource[$C:name] ForAnyOfAllValues:StringNotEquals {'abc', 'abd'}",
            "{'abc', 'abd'} ForAllOfAnyValues:StringNotEquals @Resource[$C:name]",
            "@Resource[$C:name] ForAnyOfAnyValues:StringNotEquals {'abc'}",
            "@Resource[$C:name] ForAnyOfAnyValues:StringEquals {'abc', 'abd'}",
        ],
    ),
    (
        Rule::UnknownAction,
        &["!(ActionMatches{'$C/blobs/raed'})", "!(ActionMatches{'$C/read'})"],
        &["!(ActionMatches{'$C/blobs/*'})"],
    ),
    (
        Rule::UnknownSuboperation,
        &["!($R AND SubOperationMatches{'Blobs.List'})", "!($R AND SubOperationMatches{'x'})"],
        &["!($R AND SubOperationMatches{'blob.list'})"],
    ),
    (
        Rule::LegacySpelling,
        &[
            "!($R AND @Request[subOperation] ForAnyOfAnyValues:StringEqualsIgnoreCase {'Blob.List'})",
        ],
        &["!($R AND $L)"],
    ),
    (
        Rule::UnsupportedProvider,
        &["@Resource[Microsoft.ServiceBus/namespaces/queues:Name] StringEquals 'a'"],
        &[
            "@Resource[Microsoft.KeyVault/vaults/secrets:name] StringEquals 'a'",
            "@Resource[ $C:name ] StringEquals 'abc'",
            "@Resource[Microsoft.Storage/storageAccounts/queueServices/queues:name] StringEquals 'a'",
        ],
    ),
    (
        Rule::UnknownAttribute,
        &[
            "@Resource[$C:ContainerName] StringEquals 'abc'",
            "@Resource[$C/blobs/tags:Project] StringEquals 'abc'",
            "@Environment[utc] DateTimeLessThan '2026-01-01T00:00:00Z'",
            "@Resource[$C/blobs/tags:Project&lt;$key_case_sensitive$&gt;] StringEquals 'abc'",
            "@Resource[ $C:name ] StringEquals 'abc'",
        ],
        &["@Resource[$C/blobs/tags:Project<$key_case_sensitive$>] StringEquals 'abc'"],
    ),
    (
        Rule::ShellDollar,
        &[
            "@Resource[$C/blobs/tags:Project<$>] StringEquals 'abc'",
            "@Resource[$C/blobs/tags:Project<key_case_sensitive>] StringEquals 'abc'",
            "@Resource[$C/blobs/tags:Project<\\$key_case_sensitive\\$>] StringEquals 'abc'",
            "@Resource[$C/blobs/tags:Project<`$key_case_sensitive`$>] StringEquals 'abc'",
            "@Resource[$C/blobs/tags&$&] ForAnyOfAnyValues:StringEquals {'abc'}",
            "@Resource[$C/blobs/tags&\\$keys\\$&] ForAnyOfAnyValues:StringEquals {'abc'}",
        ],
        &["@Resource[$C/blobs/tags&$keys$&] ForAnyOfAnyValues:StringEquals {'abc'}"],
    ),
    (Rule::ShellBang, &["!($R)"], &["NOT ($R)", "@Resource[$C/blobs:path] StringEquals 'a!b'"]),
    (
        Rule::SourceNotForAction,
        &[
            "!(ActionMatches{'Microsoft.Authorization/roleAssignments/delete'}) OR @Request[Microsoft.Authorization/roleAssignments:PrincipalId] GuidEquals 8e3af657-a8ff-443c-a75c-2fe8c4bcb635",
            "@Request[$C/blobs:path] StringStartsWith 'p/'",
            "!($R AND $L) OR @Resource[$C/blobs:path] StringStartsWith 'p/'",
            "!($R AND NOT $L) OR @Request[$C/blobs:prefix] StringStartsWith 'p/'",
        ],
        &[
            "!(ActionMatches{'Microsoft.Authorization/roleAssignments/delete'}) OR @Resource[Microsoft.Authorization/roleAssignments:PrincipalId] GuidEquals 8e3af657-a8ff-443c-a75c-2fe8c4bcb635",
            "!($R AND $L) OR @Request[$C/blobs:prefix] StringStartsWith 'p/'",
        ],
    ),
    (
        Rule::OperatorNotForAttribute,
        &[
            "@Resource[$C/blobs:isCurrentVersion] StringEquals 'true'",
            "@Environment[UtcNow] DateTimeEquals '2026-01-01T00:00:00.0Z'",
            "@Resource[$C/blobs/tags&$keys$&] StringEquals 'abc'",
            "@Resource[$C:name] NumericEquals 7",
        ],
        &["@Environment[UtcNow] DateTimeLessThan '2026-01-01T00:00:00.0Z'"],
    ),
    (
        Rule::ValueNotOfType,
        &[
            "@Environment[UtcNow] DateTimeLessThan '2026-02-30T00:00:00.0Z'",
            "@Environment[isPrivateLink] BoolEquals 'yes'",
            "@Environment[isPrivateLink] BoolEquals 'true'",
            "@Resource[$C:name] ForAllOfAllValues:StringEquals {}",
            "@Resource[$C:name] StringEquals {'abc', 'abd'}",
            "@Request[Microsoft.Authorization/roleAssignments:PrincipalId] GuidEquals '8e3af657'",
        ],
        &["@Resource[$C:name] ForAnyOfAnyValues:StringEquals {'abc', 'abd'}"],
    ),
    (
        Rule::ScopeNotForAttribute,
        &["@Resource[Microsoft.Storage/storageAccounts:isHnsEnabled] BoolEquals true"],
        &["@Resource[Microsoft.Storage/storageAccounts:name] StringEquals 'abc'"],
    ),
    (
        Rule::ContainerValueShape,
        &[
            "@Resource[$C:name] StringEquals 'Training'",
            "@Resource[$C:name] ForAnyOfAnyValues:StringEquals {'training', 'a_b'}",
        ],
        &[
            "@Resource[$C:name] StringEqualsIgnoreCase 'Training'",
            "@Resource[$C:name] StringLike 'Tr*'",
        ],
    ),
    (
        Rule::PathValueShape,
        &[
            "@Resource[$C/blobs:path] StringStartsWith '/p/'",
            "@Resource[$C/blobs:path] StringLike 'a%20b/*'",
            "@Resource[$C:name] StringEquals 'abc' AND @Resource[$C/blobs:path] StringStartsWith 'abc/p/'",
            "@Request[$C/blobs:prefix] StringStartsWith 'https://abc.blob.core.windows.net/p/'",
        ],
        &[
            "@Resource[$C/blobs:path] StringStartsWith 'p/'",
            "@Resource[$C/blobs:path] StringLike '100%/*'",
        ],
    ),
    (
        Rule::PrefixNoSlash,
        &[
            "@Resource[$C/blobs:path] StringStartsWith 'p'",
            "@Request[$C/blobs:prefix] StringLike 'p*'",
        ],
        &[
            "@Resource[$C/blobs:path] StringLike '*.jpg'",
            "@Resource[$C/blobs:path] StringEquals 'p'",
        ],
    ),
    (
        Rule::EmptyPrefix,
        &[
            "@Resource[$C/blobs:path] StringStartsWith ''",
            "@Request[$C/blobs:prefix] StringLike '*'",
        ],
        &["@Resource[$C/blobs:path] StringEquals ''"],
    ),
    (
        Rule::Preview,
        &[
            "@Request[$C/blobs:include] ForAllOfAnyValues:StringEquals {'metadata'}",
            "Exists @Request[$C/blobs:snapshot]",
            "@Resource[$C/metadata:a] StringEquals 'b'",
        ],
        &[
            "@Environment[UtcNow] DateTimeLessThan '2030-01-01T00:00:00.0Z'",
            "Exists @Request[$C/blobs:versionId]",
        ],
    ),
    (
        Rule::NegativeOnOptional,
        &[
            "@Resource[$C/blobs/tags:a<$key_case_sensitive$>] StringNotEquals 'b'",
            "NOT @Resource[$C/blobs/tags:a<$key_case_sensitive$>] StringEquals 'b'",
            "!(@Resource[$C:name] StringEquals 'abc' AND @Resource[$C/metadata:a] StringEquals 'b')",
        ],
        &[
            "NOT @Resource[$C:name] StringEquals 'abc'",
            "NOT @Resource[$C/metadata:a] StringEquals 'b' OR NOT Exists @Resource[$C/metadata:a]",
            "@Resource[$C/blobs/tags:a<$key_case_sensitive$>] StringNotEquals 'b' OR NOT Exists @Resource[$C/blobs/tags:a<$key_case_sensitive$>]",
            "@Resource[$C:name] StringNotEquals 'abc'",
        ],
    ),
    (
        Rule::PimPrincipal,
        &["@Principal[Microsoft.Directory/CustomSecurityAttributes/Id:a_b] StringEquals 'c'"],
        &["@Resource[$C:name] StringEquals 'abc'"],
    ),
    (
        Rule::MoveDefeatsPath,
        &["!(ActionMatches{'$C/blobs/write'}) OR @Resource[$C/blobs:path] StringStartsWith 'p/'"],
        &[
            "!(ActionMatches{'$C/blobs/*'}) OR @Resource[$C/blobs:path] StringStartsWith 'p/'",
            "!($R) OR @Resource[$C/blobs:path] StringStartsWith 'p/'",
        ],
    ),
];
