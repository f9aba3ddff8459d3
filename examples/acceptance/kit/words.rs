//! The words of the service's messages, which a recording may keep.
//!
//! Sources: Microsoft Learn, "Blob Storage error codes", and public recordings. Any other word is
//! replaced, because it could be a name.

/// Returns whether a word may be kept; letter case does not count.
pub fn is_word(word: &str) -> bool {
    WORDS.split_ascii_whitespace().any(|known| known.eq_ignore_ascii_case(word))
}

const WORDS: &str = "\
    access accessed account accounts administrator after again an any archived as at audience \
    authenticate authentication authorization authorized based be bearer because been being blob \
    busy but by cannot characters check completed computed condition conditional container \
    contains correct correctly could current customer date delegated delegation deleted did \
    disabled does doesn't empty enabled encountered encrypted encryption ends error execute \
    exist expired expiry failed feature fields filesystem following for format formed found \
    frame given has have header headers hierarchical http in including incorrect information \
    inputs internal invalid is issuer it its key least lifetime make malformed mandatory match \
    matching met missing must name namespace no nodes not of on one only operation or out \
    outside parameters path perform permissible permission permissions permitted please protocol \
    provided public query range refer rehydrated represent request requested requires resource \
    rule same scheme se segments server service services sig sign signature signed size skoid \
    some source sp specifed specified sr start storage string sufficient support supported sure \
    sv syntactically the this time to token try type unsuccessful used user using valid \
    validation value verb version was well with within yet";
