//! The kinds of mistakes that the parser and [`Lint`](super::Lint) report, with their stable ids.

use crate::coded::coded_enum;

coded_enum! {
    /// A kind of mistake in a condition.
    ///
    /// The ids never change. Sources: Microsoft Learn, "Azure role assignment condition format and
    /// syntax", "Troubleshoot Azure role assignment conditions", and the pages on actions and
    /// attributes.
    pub enum Rule by id {
        /// The text is empty.
        Empty = "EMPTY",
        /// The text does not follow the grammar.
        Syntax = "SYNTAX",
        /// A keyword, operator or source is written in the wrong letter case.
        LetterCase = "LETTER_CASE",
        /// A typographic quote stands where the language needs `'`.
        UnicodeQuotes = "UNICODE_QUOTES",
        /// The operator or quantifier does not exist.
        UnknownOperator = "UNKNOWN_OPERATOR",
        /// The text is longer than the 8 KB that Azure accepts.
        TooLong = "TOO_LONG",
        /// A placeholder such as `<container>` was not replaced.
        Placeholder = "PLACEHOLDER",
        /// The condition denies every listing of blobs.
        ListAlwaysDenied = "LIST_ALWAYS_DENIED",
        /// Listings show the names of blobs that cannot be read.
        ListUnconstrained = "LIST_UNCONSTRAINED",
        /// `AND` and `OR` are mixed without parentheses, which the documentation calls ambiguous.
        MixedLogic = "MIXED_LOGIC",
        /// A negated comparison with a list is true for almost every value.
        NegatedAnyAny = "NEGATED_ANY_ANY",
        /// No condition can limit this action.
        UnknownAction = "UNKNOWN_ACTION",
        /// The suboperation does not exist.
        UnknownSuboperation = "UNKNOWN_SUBOPERATION",
        /// The suboperation is spelled as in the preview of 2021.
        LegacySpelling = "LEGACY_SPELLING",
        /// The attribute belongs to a service that does not support conditions.
        UnsupportedProvider = "UNSUPPORTED_PROVIDER",
        /// The attribute does not exist.
        UnknownAttribute = "UNKNOWN_ATTRIBUTE",
        /// A shell has replaced a `$…` in the text.
        ShellDollar = "SHELL_DOLLAR",
        /// The text has a `!`, which an interactive bash replaces between double quotes.
        ShellBang = "SHELL_BANG",
        /// The actions that the comparison affects do not have the attribute.
        SourceNotForAction = "SOURCE_NOT_FOR_ACTION",
        /// The operator does not fit the attribute's type.
        OperatorNotForAttribute = "OPERATOR_NOT_FOR_ATTRIBUTE",
        /// The value does not fit the operator's type.
        ValueNotOfType = "VALUE_NOT_OF_TYPE",
        /// The attribute is not available at the scope of the assignment.
        ScopeNotForAttribute = "SCOPE_NOT_FOR_ATTRIBUTE",
        /// The value is not a valid container name.
        ContainerValueShape = "CONTAINER_VALUE_SHAPE",
        /// The value cannot be the start of a blob name, as conditions see it.
        PathValueShape = "PATH_VALUE_SHAPE",
        /// The prefix has no trailing slash, so it also covers names next to the folder.
        PrefixNoSlash = "PREFIX_NO_SLASH",
        /// The prefix is empty, so it limits nothing.
        EmptyPrefix = "EMPTY_PREFIX",
        /// A negated comparison uses an attribute that requests can lack.
        NegativeOnOptional = "NEGATIVE_ON_OPTIONAL",
        /// An eligible assignment (Privileged Identity Management) uses an attribute of the principal.
        PimPrincipal = "PIM_PRINCIPAL",
        /// The role does not have the action.
        ActionNotInRole = "ACTION_NOT_IN_ROLE",
        /// The role has the super user action, and the condition does not limit that action.
        RunAsSuperuserMissing = "RUN_AS_SUPERUSER_MISSING",
        /// Blobs can be renamed into or out of the path that the condition allows.
        MoveDefeatsPath = "MOVE_DEFEATS_PATH",
        /// Principals can write the tag that the condition checks.
        TagWriteDefeatsTag = "TAG_WRITE_DEFEATS_TAG",
        /// The attribute is in preview.
        Preview = "PREVIEW",
        /// The version of the condition language is not 2.0.
        Version = "VERSION",
        /// The Azure CLI is too old for conditions.
        CliVersion = "CLI_VERSION",
    }
}
