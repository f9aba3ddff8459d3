//! The kinds of mistakes that the parser and [`Lint`](super::Lint) report, with their stable ids.

use crate::coded::coded_enum;

coded_enum! {
    /// A kind of mistake in a condition.
    ///
    /// The ids never change. Sources: Microsoft Learn, "Azure role assignment condition format and
    /// syntax", "Troubleshoot Azure role assignment conditions", and the pages on actions and
    /// attributes.
    ///
    /// ```
    /// use azure_asset_sync::condition::{Lint, Rule};
    ///
    /// let findings = Lint::new().check("ActionMatches{'*/read'} and Exists @Request[UtcNow]");
    /// assert!(findings.iter().any(|finding| finding.rule == Rule::LetterCase));
    /// assert_eq!(Rule::LetterCase.id(), "LETTER_CASE");
    /// ```
    pub enum Rule by id {
        /// The text is empty.
        ///
        /// Write a condition, or assign the role without one.
        Empty = "EMPTY",
        /// The text does not follow the grammar.
        ///
        /// The message says what was expected at the place.
        Syntax = "SYNTAX",
        /// A keyword, operator or source is written in the wrong letter case.
        ///
        /// Keywords are upper case (`AND`), operators and sources are as documented (`StringEquals`, `@Resource`).
        LetterCase = "LETTER_CASE",
        /// A typographic quote stands where the language needs `'`.
        ///
        /// Word processors and chat programs replace `'` by quotes such as `\u{2019}`.
        UnicodeQuotes = "UNICODE_QUOTES",
        /// The operator or quantifier does not exist.
        ///
        /// For example `StringContains`: write `StringLike '*part*'` instead.
        UnknownOperator = "UNKNOWN_OPERATOR",
        /// The text is longer than the 8 KB that Azure accepts.
        ///
        /// Use several role assignments, each with a part of the condition: one that allows is enough.
        TooLong = "TOO_LONG",
        /// A placeholder such as `<container>` was not replaced.
        ///
        /// A value such as `<container>` or `${prefix}` matches nothing.
        Placeholder = "PLACEHOLDER",
        /// The condition denies every listing of blobs.
        ///
        /// Listings have no blob path, so a comparison of the path denies them. Add a clause for `Blob.List`
        /// that compares the prefix.
        ListAlwaysDenied = "LIST_ALWAYS_DENIED",
        /// Listings show the names of blobs that cannot be read.
        ///
        /// Add a clause for `Blob.List` that compares the prefix. The finding's repair has one.
        ListUnconstrained = "LIST_UNCONSTRAINED",
        /// `AND` and `OR` are mixed without parentheses, which the documentation calls ambiguous.
        ///
        /// Write `a OR (b AND c)` instead of `a OR b AND c`.
        MixedLogic = "MIXED_LOGIC",
        /// A negated comparison with a list is true for almost every value.
        ///
        /// `ForAnyOfAnyValues:StringNotEquals {'a', 'b'}` is true for `'a'`, because that differs from `'b'`. Write
        /// `ForAnyOfAllValues:StringNotEquals` for "none of them".
        NegatedAnyAny = "NEGATED_ANY_ANY",
        /// No condition can limit this action.
        ///
        /// Only data actions can be limited. A misspelled action never matches a request.
        UnknownAction = "UNKNOWN_ACTION",
        /// The suboperation does not exist.
        ///
        /// For example `Blob.list.all`: the suboperation for listings is `Blob.List`.
        UnknownSuboperation = "UNKNOWN_SUBOPERATION",
        /// The suboperation is spelled as in the preview of 2021.
        ///
        /// Write `SubOperationMatches{'Blob.List'}` instead of a comparison of `@Request[subOperation]`.
        LegacySpelling = "LEGACY_SPELLING",
        /// The attribute belongs to a service that does not support conditions.
        ///
        /// Conditions exist for the services of Microsoft.Storage and a few others.
        UnsupportedProvider = "UNSUPPORTED_PROVIDER",
        /// The attribute does not exist.
        ///
        /// The message names the most similar attribute.
        UnknownAttribute = "UNKNOWN_ATTRIBUTE",
        /// A shell has replaced a `$…` in the text.
        ///
        /// For example the key of an index tag lost its `<$key_case_sensitive$>`. Pass the condition in a file or in
        /// single quotes.
        ShellDollar = "SHELL_DOLLAR",
        /// The text has a `!`, which an interactive bash replaces between double quotes.
        ///
        /// Pass the condition in a file or in single quotes.
        ShellBang = "SHELL_BANG",
        /// The actions that the comparison affects do not have the attribute.
        ///
        /// For example `@Resource[…blobs:prefix]`: the prefix is an attribute of the request. Such a comparison is
        /// never true.
        SourceNotForAction = "SOURCE_NOT_FOR_ACTION",
        /// The operator does not fit the attribute's type.
        ///
        /// For example `StringEquals` with `isCurrentVersion`, which needs `BoolEquals`.
        OperatorNotForAttribute = "OPERATOR_NOT_FOR_ATTRIBUTE",
        /// The value does not fit the operator's type.
        ///
        /// For example `NumericEquals 'ten'`, or a list for an operator without a quantifier.
        ValueNotOfType = "VALUE_NOT_OF_TYPE",
        /// The attribute is not available at the scope of the assignment.
        ///
        /// `isHnsEnabled` is only available on a resource group or above.
        ScopeNotForAttribute = "SCOPE_NOT_FOR_ATTRIBUTE",
        /// The value is not a valid container name.
        ///
        /// Container names have 3 to 63 lower-case letters, digits and single hyphens.
        ContainerValueShape = "CONTAINER_VALUE_SHAPE",
        /// The value cannot be the start of a blob name, as conditions see it.
        ///
        /// Names have no leading slash, no container name in front, no URL encoding and no URL.
        PathValueShape = "PATH_VALUE_SHAPE",
        /// The prefix has no trailing slash, so it also covers names next to the folder.
        ///
        /// `'hall-3'` also covers `hall-3-old/`. Write `'hall-3/'`.
        PrefixNoSlash = "PREFIX_NO_SLASH",
        /// The prefix is empty, so it limits nothing.
        ///
        /// Remove the comparison, or write a prefix.
        EmptyPrefix = "EMPTY_PREFIX",
        /// A negated comparison uses an attribute that requests can lack.
        ///
        /// A blob without the tag is neither equal nor different. Add `OR NOT Exists` or `AND Exists`.
        NegativeOnOptional = "NEGATIVE_ON_OPTIONAL",
        /// An eligible assignment (Privileged Identity Management) uses an attribute of the principal.
        ///
        /// Make the assignment an active one.
        PimPrincipal = "PIM_PRINCIPAL",
        /// The role does not have the action.
        ///
        /// The part of the condition has no effect with this role.
        ActionNotInRole = "ACTION_NOT_IN_ROLE",
        /// The role has the super user action, and the condition does not limit that action.
        ///
        /// On accounts with a hierarchical namespace the super user bypasses the condition. Add a clause for
        /// `runAsSuperUser/action`.
        RunAsSuperuserMissing = "RUN_AS_SUPERUSER_MISSING",
        /// Blobs can be renamed into or out of the path that the condition allows.
        ///
        /// Add a clause for `move/action`.
        MoveDefeatsPath = "MOVE_DEFEATS_PATH",
        /// Principals can write the tag that the condition checks.
        ///
        /// Add a clause for `tags/write`.
        TagWriteDefeatsTag = "TAG_WRITE_DEFEATS_TAG",
        /// The attribute is in preview.
        ///
        /// Azure may change it without notice and gives no service level for it.
        Preview = "PREVIEW",
        /// The version of the condition language is not 2.0.
        ///
        /// Azure refuses other versions than `2.0`.
        Version = "VERSION",
        /// The Azure CLI is too old for conditions.
        ///
        /// Conditions need version 2.18 or later; run `az upgrade`.
        CliVersion = "CLI_VERSION",
    }
}
