//! The kinds of mistakes, with their stable ids.

use crate::coded::coded_enum;

coded_enum! {
    /// A kind of mistake in a condition
    ///
    /// The ids are stable. Sources: Microsoft Learn, "Azure role assignment condition format and
    /// syntax", "Troubleshoot Azure role assignment conditions", and the pages of actions and
    /// attributes.
    pub enum Rule by id {
        /// There is no text
        Empty = "EMPTY",
        /// The text is not in the language
        Syntax = "SYNTAX",
        /// A word of the language in another letter case
        LetterCase = "LETTER_CASE",
        /// Typographic quotes
        UnicodeQuotes = "UNICODE_QUOTES",
        /// An operator, or a quantifier of one, that the language has not
        UnknownOperator = "UNKNOWN_OPERATOR",
        /// The text is longer than the 8 KB that Azure takes
        TooLong = "TOO_LONG",
        /// A placeholder was left in
        Placeholder = "PLACEHOLDER",
        /// No list of blobs is allowed
        ListAlwaysDenied = "LIST_ALWAYS_DENIED",
        /// Lists show the names of blobs that cannot be read
        ListUnconstrained = "LIST_UNCONSTRAINED",
        /// `AND` beside `OR` without parentheses, which the documentation calls ambiguous
        MixedLogic = "MIXED_LOGIC",
        /// A negation that some value of a list always holds
        NegatedAnyAny = "NEGATED_ANY_ANY",
        /// An action that no condition can limit
        UnknownAction = "UNKNOWN_ACTION",
        /// A suboperation that does not exist
        UnknownSuboperation = "UNKNOWN_SUBOPERATION",
        /// The spelling of suboperations in the preview of 2021
        LegacySpelling = "LEGACY_SPELLING",
        /// An attribute of a service without conditions
        UnsupportedProvider = "UNSUPPORTED_PROVIDER",
        /// An attribute that does not exist
        UnknownAttribute = "UNKNOWN_ATTRIBUTE",
        /// A shell has taken the `$…` out of the text
        ShellDollar = "SHELL_DOLLAR",
        /// The text has a `!`, which an interactive bash replaces between double quotes
        ShellBang = "SHELL_BANG",
        /// The actions that the attribute stands for do not have it
        SourceNotForAction = "SOURCE_NOT_FOR_ACTION",
        /// The operator does not compare what the attribute holds
        OperatorNotForAttribute = "OPERATOR_NOT_FOR_ATTRIBUTE",
        /// The value is not of the operator's type
        ValueNotOfType = "VALUE_NOT_OF_TYPE",
        /// The attribute is not available at the scope of the assignment
        ScopeNotForAttribute = "SCOPE_NOT_FOR_ATTRIBUTE",
        /// The value cannot be a container's name
        ContainerValueShape = "CONTAINER_VALUE_SHAPE",
        /// The value cannot be the start of a blob's name as conditions see it
        PathValueShape = "PATH_VALUE_SHAPE",
        /// A prefix without a trailing slash, which covers neighbours of the folder too
        PrefixNoSlash = "PREFIX_NO_SLASH",
        /// An empty prefix, which every name begins with
        EmptyPrefix = "EMPTY_PREFIX",
        /// A negation about an attribute that requests can come without
        NegativeOnOptional = "NEGATIVE_ON_OPTIONAL",
        /// An attribute of the principal, where the assignment is made by Privileged Identity Management
        PimPrincipal = "PIM_PRINCIPAL",
        /// An action that the role does not have
        ActionNotInRole = "ACTION_NOT_IN_ROLE",
        /// The role has the super user's action, which the condition leaves open
        RunAsSuperuserMissing = "RUN_AS_SUPERUSER_MISSING",
        /// Blobs can be renamed into the path that the condition lets through
        MoveDefeatsPath = "MOVE_DEFEATS_PATH",
        /// Tags can be written that the condition lets through
        TagWriteDefeatsTag = "TAG_WRITE_DEFEATS_TAG",
        /// An attribute that is in preview
        Preview = "PREVIEW",
        /// The version of the condition language is not 2.0
        Version = "VERSION",
        /// The command line tool is too old for conditions
        CliVersion = "CLI_VERSION",
    }
}
